"""Image files: right channels and depth, whole or not at all, and never half a picture from a damaged file."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.image_completeness import is_cut_off
from utils.image_io import UnreadableImage, decode_image, read_image, read_png16, write_image, write_png16


def noise(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def smooth_jpeg() -> bytes:
    ramp = np.linspace(0, 255, 96).astype(np.uint8)
    return cv2.imencode(".jpg", np.stack([np.tile(ramp, (64, 1))] * 3, -1))[1].tobytes()


def test_a_picture_is_read_as_rgb_and_written_as_rgb(tmp_path: Path):
    image = np.zeros((4, 5, 3), np.uint8)
    image[..., 0] = 200  # red
    write_image(tmp_path / "red.png", image)
    assert np.array_equal(read_image(tmp_path / "red.png"), image)
    seen_by_others: Any = cv2.imread(str(tmp_path / "red.png"))
    assert seen_by_others[0, 0].tolist() == [0, 0, 200], "other programs see red as well"


def test_grey_alpha_and_16_bit_pictures_become_8_bit_rgb(tmp_path: Path):
    grey = noise((6, 7), np.uint8)
    write_image(tmp_path / "grey.png", grey)
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.stack([grey] * 3, -1))
    cv2.imwrite(str(tmp_path / "alpha.png"), noise((6, 7, 4), np.uint8))
    assert read_image(tmp_path / "alpha.png").shape == (6, 7, 3)
    write_png16(tmp_path / "deep.png", noise((6, 7, 3), np.uint16))
    assert read_image(tmp_path / "deep.png").dtype == np.uint8


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]), st.integers(0, 1000))
def test_16_bit_png_comes_back_to_the_bit(tmp_path_factory, height: int, width: int, channels: int, seed: int):
    path = tmp_path_factory.mktemp("png") / "x.png"
    image = noise((height, width, channels), np.uint16, seed)
    write_png16(path, image)
    assert np.array_equal(read_png16(path, channels).reshape(image.shape), image)


def test_the_png_file_holds_the_channels_in_opencv_order(tmp_path: Path):
    """Published files: a conforming reader sees (second G, first G, R, B) where the array has (R, G, G, B)."""
    packed = np.broadcast_to(np.array([100, 200, 300, 400], np.uint16), (2, 2, 4)).copy()
    write_png16(tmp_path / "raw.png", packed)
    pixel = conforming_png_pixel((tmp_path / "raw.png").read_bytes())
    assert pixel == [300, 200, 100, 400]


def conforming_png_pixel(data: bytes) -> list[int]:
    """First pixel of a 16-bit PNG as the standard defines it, by inflating the image data."""
    import zlib

    position, inflated = 8, b""
    while position < len(data):
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if kind == b"IDAT":
            inflated += data[position + 8 : position + 8 + length]
        position += 12 + length
    first_row = zlib.decompress(inflated)[1:]
    return [int.from_bytes(first_row[i : i + 2], "big") for i in range(0, 8, 2)]


def test_paths_need_not_be_ascii(tmp_path: Path):
    image = noise((3, 3, 3), np.uint8)
    write_image(tmp_path / "Fotos für 東京" / "bild ü.png", image)
    assert np.array_equal(read_image(tmp_path / "Fotos für 東京" / "bild ü.png"), image)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_picture_is_refused_with_its_name(tmp_path: Path, ending: str, share: float):
    data = cv2.imencode(ending, noise((40, 30, 3), np.uint8))[1].tobytes()
    path = tmp_path / f"broken{ending}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableImage, match="broken"):
        read_image(path)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_every_cut_of_png_and_jpeg_is_noticed_before_decoding(share: float):
    for data in (smooth_jpeg(), cv2.imencode(".png", noise((9, 9, 3), np.uint8))[1].tobytes()):
        cut = data[: max(8, int(len(data) * share))]
        assert is_cut_off(cut)
        assert not is_cut_off(data)
        assert not is_cut_off(data + b"what some cameras append \xff\xda")


def test_the_end_marker_of_an_embedded_thumbnail_does_not_count():
    jpeg = smooth_jpeg()
    segment = b"\xff\xe1" + (len(jpeg) + 2).to_bytes(2, "big") + jpeg
    with_thumbnail = jpeg[:2] + segment + jpeg[2:]
    assert not is_cut_off(with_thumbnail)
    assert is_cut_off(with_thumbnail[:-2])
    assert is_cut_off(with_thumbnail[: len(segment) + 40])
    assert decode_image(with_thumbnail, "x").shape == (64, 96, 3)


@pytest.mark.parametrize("restart_interval", [0, 3])
@pytest.mark.parametrize("progressive", [0, 1])
def test_whole_jpegs_of_all_kinds_are_read(progressive: int, restart_interval: int):
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, restart_interval]
    data = cv2.imencode(".jpg", noise((64, 48, 3), np.uint8), flags)[1].tobytes()
    assert decode_image(data, "x").shape == (64, 48, 3)


def test_missing_empty_and_foreign_files_are_refused_with_their_name(tmp_path: Path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    for name in ("missing.png", "empty.png", "text.png", "folder.png"):
        with pytest.raises(UnreadableImage, match=name):
            read_image(tmp_path / name)


def test_wrong_depth_and_wrong_channels_are_refused(tmp_path: Path):
    write_image(tmp_path / "8bit.png", noise((4, 4, 3), np.uint8))
    with pytest.raises(UnreadableImage, match=r"8bit\.png has 8 bits"):
        read_png16(tmp_path / "8bit.png")
    write_png16(tmp_path / "rgb.png", noise((4, 4, 3), np.uint16))
    with pytest.raises(UnreadableImage, match=r"rgb\.png has 3 channels, expected 4"):
        read_png16(tmp_path / "rgb.png", channels=4)


def test_what_cannot_be_stored_is_refused_and_leaves_no_file(tmp_path: Path):
    with pytest.raises(ValueError, match="float64"):
        write_image(tmp_path / "x.png", np.zeros((2, 2, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="uint8"):
        write_png16(tmp_path / "x.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="shape"):
        write_image(tmp_path / "x.png", np.zeros((2, 2, 5), np.uint8))
    with pytest.raises(ValueError, match="shape"):
        write_image(tmp_path / "x.png", np.zeros((0, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="foo"):
        write_image(tmp_path / "x.foo", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r"\.png"):
        write_png16(tmp_path / "x.jpg", np.zeros((2, 2, 3), np.uint16))
    assert list(tmp_path.iterdir()) == []
