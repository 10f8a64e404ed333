"""What is written has colours and orientation of the scene, tells the EXIF data, and opens in raw developers."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import rawpy
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from restoration.burst import Capture, Exposure, RawBurst, Restored
from restoration.develop import automatic_ev, camera_rgb, develop, linear_srgb, plain_reference, side_by_side
from restoration.exif import is_own_result, read_tags
from restoration.orientation import upright
from restoration.output import Wanted, write_results
from restoration.reading import read_burst
from restoration.sources import find_files
from restoration.tiff_output import DNG_BLACK
from tests.fabricated.dng import Notes, write_dng
from tests.test_rawsr_real import first_red, on_display, scene
from utils.ops.srgb import srgb_to_linear

HEIGHT, WIDTH = 66, 84
CAMERA = Capture(
    "Maker Model",
    (1.9, 1.0, 1.6),
    ((1.6, -0.4, -0.2), (-0.3, 1.5, -0.2), (0.1, -0.5, 1.4)),
)


def burst_of(folder: Path, pattern: str = "RGGB", orientation: int = 1, notes: Notes | None = None) -> RawBurst:
    view = scene(np.arange(float(HEIGHT)), np.arange(float(WIDTH)))
    for number in range(2):
        write_dng(folder / f"{number}.dng", view, pattern, orientation, notes=notes)
    return read_burst(find_files([folder]), lambda iterable, description: iter(iterable), "0")


def as_seen(path: Path) -> np.ndarray:
    """RGB 0..1 as any other program reads it."""
    stored = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION))
    return stored[:, :, ::-1] / np.iinfo(stored.dtype).max


def written(folder: Path, burst: RawBurst, restored: Restored | None = None, **options: object) -> Path:
    finished = folder / "out" / "photo.png"
    write_results(restored or plain_reference(burst), burst, Wanted(finished, **options))  # type: ignore[arg-type]
    return finished


@pytest.mark.parametrize(
    ("pattern", "orientation"), [("RGGB", 1), ("GRBG", 3), ("BGGR", 6), ("GBRG", 8), ("RGGB", 2), ("RGGB", 5)]
)
@pytest.mark.parametrize("bits", [8, 16])
def test_the_finished_picture_shows_the_scene_upright_in_its_colours(
    pattern: str, orientation: int, bits: int, tmp_path: Path
) -> None:
    burst = burst_of(tmp_path, pattern, orientation)
    picture = as_seen(written(tmp_path, burst, bits=bits))
    top, left = first_red(pattern, (0, 0))
    height, width = burst.size
    expected = on_display(scene(top + np.arange(float(height)), left + np.arange(float(width))))
    with Image.new("L", (1, 1)) as turned:  # Pillow's reading of the EXIF orientation is the judge
        turned = Image.fromarray((expected * 255).astype(np.uint8))
        turned.getexif()[0x0112] = orientation
        judge = np.asarray(ImageOps.exif_transpose(turned)) / 255
    assert picture.shape == judge.shape
    assert np.abs(picture - judge)[6:-6, 6:-6].max() < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_agrees_with_pillow(orientation: int) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (6, 9, 3), np.uint8)
    image = Image.fromarray(picture)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(upright(picture, orientation), np.asarray(ImageOps.exif_transpose(image)))


@given(st.tuples(*[st.floats(0.02, 0.3)] * 3))
def test_colours_of_the_camera_come_back_from_srgb(colour: tuple[float, float, float]) -> None:
    image = np.array(colour, np.float32)[None, None]
    np.testing.assert_allclose(camera_rgb(linear_srgb(image, CAMERA), CAMERA), image, atol=1e-5)


def test_saturated_pixels_are_white_and_not_magenta() -> None:
    image = np.full((2, 2, 3), 1.0, np.float32)
    assert (develop(Restored(image, CAMERA, ())) == 255).all()


def test_grey_is_grey() -> None:
    image = np.asarray(0.2 / np.array(CAMERA.white_balance) * np.ones((2, 2, 3)), np.float32)
    np.testing.assert_allclose(linear_srgb(image, CAMERA), 0.2, atol=1e-6)


def test_brightness_is_in_exposure_values() -> None:
    restored = Restored(np.full((4, 4, 3), 0.05, np.float32), Capture(), ())
    plain, brighter = (
        srgb_to_linear(torch.from_numpy(develop(restored, 16, ev) / 65535.0)).mean().item() for ev in (0.0, 2.0)
    )
    assert brighter == pytest.approx(4 * plain, rel=1e-3)
    assert 2.0 ** automatic_ev(restored) * 0.05 == pytest.approx(0.8, rel=1e-3)


def test_the_linear_dng_opens_in_a_raw_developer_as_the_same_picture(tmp_path: Path) -> None:
    burst = burst_of(tmp_path, "GBRG", orientation=6)
    restored = plain_reference(burst)
    restored = Restored(restored.image * 0.9, noted_by(burst), restored.used)
    written(tmp_path, burst, restored, dng=True)
    with rawpy.imread(str(tmp_path / "out" / "photo_linear.dng")) as raw:
        assert raw.raw_type == rawpy.RawType.Stack
        developed = raw.postprocess(
            gamma=(1, 1), output_bps=16, no_auto_bright=True, use_camera_wb=True, adjust_maximum_thr=0.0
        )
    ours = srgb_to_linear(torch.from_numpy(develop(restored, 16) / 65535.0)).numpy()
    # LibRaw does not stretch what the black level takes away.
    theirs = developed / (65535 - DNG_BLACK)
    assert theirs.shape == ours.shape
    assert np.abs(theirs - ours).max() < 2e-3


def test_noise_below_black_is_kept_in_the_linear_dng(tmp_path: Path) -> None:
    burst = burst_of(tmp_path)
    image = np.random.default_rng(0).normal(0.0, 0.003, (64, 64, 3)).astype(np.float32)
    written(tmp_path, burst, Restored(image, CAMERA, ()), dng=True)
    stored = tifffile.imread(tmp_path / "out" / "photo_linear.dng").astype(np.float64)
    np.testing.assert_allclose((stored - DNG_BLACK) / (65535 - DNG_BLACK), image, atol=1e-5)


def noted_by(burst: RawBurst) -> Capture:
    return Capture(
        CAMERA.camera, CAMERA.white_balance, CAMERA.camera_to_srgb, 6, burst.capture.exposure, burst.capture.source
    )


@pytest.mark.parametrize(("linear", "ending"), [("png", ".png"), ("tiff", ".tif")])
def test_linear_files_hold_the_colours_of_the_camera_upright(linear: str, ending: str, tmp_path: Path) -> None:
    burst = burst_of(tmp_path, orientation=8)
    restored = plain_reference(burst)
    written(tmp_path, burst, linear=linear)
    stored = as_seen(tmp_path / "out" / f"photo_linear{ending}")
    np.testing.assert_allclose(stored, np.rot90(restored.image, 1), atol=1e-5)


def test_exif_data_is_carried_over(tmp_path: Path) -> None:
    burst = burst_of(tmp_path, orientation=6, notes=Notes(seconds=0.02, f_number=2.8, iso=800))
    finished = written(tmp_path, burst, linear="tiff", dng=True)
    source = read_tags(tmp_path / "0.dng")
    for end in (".png", "_linear.tif", "_linear.dng"):
        tags = read_tags(finished.with_name(f"photo{end}"))
        assert tags.camera == source.camera == "Made up Made-up camera"
        assert tags.exposure == source.exposure
        assert tags.exposure.seconds == pytest.approx(0.02)
        assert tags.taken == source.taken == "2024:05:06 07:08:09.123"
        assert tags.orientation == (6 if end.endswith("dng") else 1), "turned already, or noted"


def test_results_are_known_by_their_exif_data_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = written(tmp_path, burst_of(tmp_path), linear="tiff", dng=True)
    strange = tmp_path / "strange.png"
    cv2.imwrite(str(strange), np.zeros((64, 64, 3), np.uint8))
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(finished.read_bytes()[:40])

    def decode(picture: Image.Image) -> None:
        raise AssertionError("pixels are decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decode)
    assert all(is_own_result(finished.with_name(f"photo{end}")) for end in (".png", "_linear.tif", "_linear.dng"))
    assert not any(map(is_own_result, (tmp_path / "0.dng", strange, damaged, tmp_path / "nowhere.png")))


def test_place_is_carried_over_and_notes_of_the_maker_are_not(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769).update({34855: 200, 0x927C: b"addresses inside the old file", 0xA002: 4000})
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 30.0, 0.0)})
    for number in range(2):
        Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / f"{number}.jpg", exif=exif)
    burst = read_burst(find_files([tmp_path]), lambda iterable, description: iter(iterable))
    finished = written(tmp_path, burst, linear="tiff")
    for path in (finished, finished.with_name("photo_linear.tif")):
        with path.open("rb") as file:
            carried = Image.Exif()
            if path == finished:
                carried = Image.open(file).getexif()
            else:
                carried.load_from_fp(file)
            shot, place = dict(carried.get_ifd(0x8769)), dict(carried.get_ifd(0x8825))
        assert shot[34855] == 200
        assert not {0x927C, 0xA002} & set(shot)
        assert place[1] == "N"
        assert [float(part) for part in place[2]] == [50.0, 30.0, 0.0]


def test_of_a_file_without_readable_exif_data_camera_and_exposure_are_told_all_the_same(tmp_path: Path) -> None:
    capture = Capture("Maker Model", exposure=Exposure(0.02, 2.8, 800.0))  # as LibRaw knows them of a CR3 file
    burst = burst_of(tmp_path)
    finished = written(tmp_path, burst, Restored(burst.frames[0][:, :, None].repeat(3, 2), capture, ()), dng=True)
    for end in (".png", "_linear.dng"):
        tags = read_tags(finished.with_name(f"photo{end}"))
        assert tags.camera == capture.camera
        assert tags.exposure.seconds == pytest.approx(0.02)
        assert tags.exposure.f_number == pytest.approx(2.8)
        assert tags.exposure.iso == 800


def test_side_by_side_shows_the_reference_left_and_the_result_right() -> None:
    left, right = (Restored(np.full((30, 40, 3), value, np.float32), Capture(), ()) for value in (0.1, 0.6))
    picture = side_by_side(left, right, 0.0)
    np.testing.assert_array_equal(picture[:, :40], develop(left))
    np.testing.assert_array_equal(picture[:, -40:], develop(right))
    enlarged = Restored(np.full((60, 80, 3), 0.6, np.float32), Capture(), ())
    assert side_by_side(left, enlarged, 0.0).shape[0] == 60
