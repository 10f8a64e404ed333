"""Crops from full images: RAW files as cameras write them (minimal DNGs), alignment to a known motion, rejection."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from admin.tensordict import TensorDict
from data.burstsr_processing import BurstSRProcessing
from data.raw_image_processing import flatten_raw_image
from dataset import BurstSRDataset
from util_scripts import camera_alignment, prepare_burstsr
from util_scripts.raw_files import read_raw_file
from utils.raw_files import UnreadableRaw

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("rawpy")

PHONE = (96, 128)  # packed pixels
BLACK, PHONE_WHITE, CAMERA_BLACK = 64, 1023, 512
# From ground-truth pixels of the phone's grid to pixels of the camera: turned by a degree, shifted, a little smaller.
TRUE_MOTION = cv2.getRotationMatrix2D((512, 384), 1.0, 0.95) + np.array([[0, 0, 9.3], [0, 0, -6.7]])


def scene() -> NDArray[np.float32]:
    """Grey texture [768, 1024] in 0..1 on the ground-truth grid, with detail at all sizes."""
    rng = np.random.default_rng(5)
    image = np.zeros((768, 1024), np.float32)
    for size, weight in ((12, 1.0), (48, 0.8), (160, 0.5)):
        coarse = rng.random((size * 3 // 4, size)).astype(np.float32)
        image += weight * cv2.resize(coarse, (1024, 768), interpolation=cv2.INTER_CUBIC)
    image -= image.min()
    return image / image.max()


def write_dng(path: Path, mosaic: NDArray[np.uint16], black: int, white: int, **tags: Any) -> None:
    """A minimal DNG: linear mosaic RGGB with the tags that RAW readers and the data set need."""
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = [part for value in np.eye(3).ravel() for part in (int(value * 10000), 10000)]
    extra = [
        (33421, "H", 2, (2, 2), True),  # the colour pattern: 2x2, red first
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50706, "B", 4, (1, 4, 0, 0), True),  # version of DNG
        (50708, "s", 0, "BurstLab test camera", True),
        (50714, "H", 1, black, True),
        (50717, "H", 1, white, True),
        (50721, "2i", 9, tuple(matrix), True),  # colour matrix
        (50728, "2I", 3, (5000, 10000, 1, 1, 8000, 10000), True),  # neutral: gains 2, 1, 1.25
        (33434, "2I", 1, tags.get("exposure", (1, 50)), True),
        (33437, "2I", 1, (17, 10), True),
        (51041, "d", 6, (1e-4, 1e-6) * 3, True),  # noise profile
    ]
    if "iso" in tags:
        extra.append((34855, "H", 1, tags["iso"], True))
    tifffile.imwrite(path, mosaic, photometric=32803, metadata=None, extratags=extra)


def as_mosaic(image: NDArray[np.float32], black: int, white: int) -> NDArray[np.uint16]:
    """A grey image as a sensor sees it: red half, blue three quarters as bright as green."""
    packed = np.stack([image[::2, ::2] / 2, image[::2, 1::2], image[1::2, ::2], image[1::2, 1::2] * 0.75])
    values: NDArray[np.uint16] = flatten_raw_image((black + packed * (white - black)).astype(np.uint16))
    return values


@pytest.fixture(scope="module")
def full_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("full")
    image = scene()
    sensor = image.reshape(192, 4, 256, 4).mean(axis=(1, 3))
    rng = np.random.default_rng(1)
    folder = root / "val" / "0008"
    for index in range(14):
        noisy = np.clip(sensor + rng.normal(0, 0.004, sensor.shape).astype(np.float32), 0, 1)
        write_dng(
            folder / "samsung" / f"im_{index:02d}.dng", as_mosaic(noisy, BLACK, PHONE_WHITE), BLACK, 1023, iso=100
        )
    seen = cv2.warpAffine(image, TRUE_MOTION, (1024, 768), borderMode=cv2.BORDER_CONSTANT)
    write_dng(folder / "canon.dng", as_mosaic(seen * 0.8, CAMERA_BLACK, 16383), CAMERA_BLACK, 16383, iso=200)
    return root


@pytest.fixture(scope="module")
def prepared(full_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crops")
    assert prepare_burstsr.main([str(full_images), str(out), "--crop", "32"]) == 0
    return out


def test_crops_are_a_burstsr_data_set(prepared: Path) -> None:
    data = BurstSRDataset(prepared, split="val")
    frames, truth, info = data.get_burst(0, list(range(14)))
    assert frames[13].shape() == (4, 32, 32)
    assert truth.shape() == (3, 256, 256)
    assert info["burst_size"] == 14
    assert (frames[0].get_exposure_time(), frames[0].get_f_number(), frames[0].get_iso()) == (0.02, 1.7, 100)
    assert truth.get_iso() == 200
    torch.testing.assert_close(frames[0].get_noise_profile()[2], torch.tensor([1e-4, 1e-6], dtype=torch.float64))
    assert frames[0].black_level == [BLACK] * 4
    assert frames[0].cam_wb == pytest.approx([2, 1, 1, 1.25])
    assert truth.cam_wb == pytest.approx([2048, 1024, 1280])  # counts in 1/1024
    processing = BurstSRProcessing(crop_sz=32, substract_black_level=True, random_flip=True)
    sample = processing(TensorDict(frames=frames, gt=truth))
    assert sample["burst"].shape == (14, 4, 32, 32)


def test_ground_truth_is_the_scene_at_the_place_of_the_crop(prepared: Path) -> None:
    image = scene()
    data = BurstSRDataset(prepared, split="val")
    assert len(data.burst_list) == 12  # the camera sees all of the phone's image
    for index in range(len(data.burst_list)):
        _, truth, _ = data.get_burst(index, [0])
        top, left = 8 * truth.crop_info["row"], 8 * truth.crop_info["column"]
        red, green, blue = (truth.im_raw.numpy()[:, 8:-8, 8:-8] - CAMERA_BLACK) / (16383 - CAMERA_BLACK)
        errors = {
            (down, right): np.abs(green - 0.8 * image[top + 8 + down :, left + 8 + right :][:240, :240]).mean()
            for down in (-2, 0, 2)
            for right in (-2, 0, 2)
        }
        assert min(errors, key=errors.__getitem__) == (0, 0), data.burst_list[index]
        assert errors[0, 0] < 0.004
        assert np.median(red / green) == pytest.approx(0.5, abs=0.02)  # channels in order
        assert np.median(blue / green) == pytest.approx(0.75, abs=0.02)


def test_second_run_leaves_crops_alone_and_a_finer_grid_has_more(full_images: Path, prepared: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob("*.png")}
    counts = prepare_burstsr.prepare_sequence(full_images / "val" / "0008", prepared / "val", 32, 32)
    assert counts["already there"] == len(BurstSRDataset(prepared, split="val").burst_list)
    assert counts["written"] == 0
    assert before == {path: path.stat().st_mtime_ns for path in prepared.rglob("*.png")}
    assert len(list(prepare_burstsr.grid(PHONE, 32, 16))) == 5 * 7


@pytest.mark.parametrize("other", [["--crop", "48"], ["--stride", "16"]])
def test_another_grid_does_not_mix_with_the_crops_that_are_there(
    full_images: Path, prepared: Path, other: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(prepared.rglob("*"))
    assert prepare_burstsr.main([str(full_images), str(prepared), "--crop", "32", *other]) == 1
    assert "preparation.json" in capsys.readouterr().err
    assert sorted(prepared.rglob("*")) == before


def test_hidden_files_and_folders_are_no_frames_and_no_sequences(full_images: Path, tmp_path: Path) -> None:
    shutil.copytree(full_images, tmp_path / "raw")
    (tmp_path / "raw" / "val" / ".ipynb_checkpoints").mkdir()
    sequence = tmp_path / "raw" / "val" / "0008"
    (sequence / "._canon.dng").write_bytes(b"of macOS")
    (sequence / ".ipynb_checkpoints").mkdir()
    (sequence / ".ipynb_checkpoints" / "canon.dng").write_bytes(b"of Jupyter")
    (sequence / "samsung" / "._im_00.dng").write_bytes(b"of macOS")
    assert prepare_burstsr.read_sequence(sequence).camera.path.name == "canon.dng"
    # Nothing agrees as well as that, so nothing is written; but nothing fails.
    command = [str(tmp_path / "raw"), str(tmp_path / "out"), "--crop", "32", "--min_correlation", "1.1"]
    assert prepare_burstsr.main(command) == 0


def test_crops_that_do_not_agree_are_left_out(full_images: Path, tmp_path: Path) -> None:
    counts = prepare_burstsr.prepare_sequence(full_images / "val" / "0008", tmp_path, 32, 32, min_correlation=1.1)
    assert counts["written"] == 0
    assert counts["left out: too different"] > 0
    assert list(tmp_path.iterdir()) == []


def test_crops_outside_of_the_camera_are_refused() -> None:
    phone, camera = scene()[:96, :128], scene()[:200, :300]
    for shift in (-3.0, 200.0):
        away = np.array([[1.0, 0, shift], [0, 1.0, 0], [0, 0, 1.0]])
        with pytest.raises(camera_alignment.AlignmentFailed, match="outside"):
            camera_alignment.refine_crop(phone, camera, away, row=0, column=0, side=120)


def test_flat_images_never_correlate() -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((8, 8)).astype(np.float32)
    assert camera_alignment.correlation(noise, np.full((8, 8), 3, np.float32)) == 0.0
    assert camera_alignment.correlation(noise, 5 * noise + 2) == pytest.approx(1.0)
    assert camera_alignment.correlation(noise, -noise) == pytest.approx(-1.0)


def test_images_of_different_scenes_are_refused() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 120, 160)).astype(np.float32)
    with pytest.raises(camera_alignment.AlignmentFailed, match="are needed"):
        camera_alignment.find_homography(a, b)
    with pytest.raises(camera_alignment.AlignmentFailed, match="no features"):
        camera_alignment.find_homography(a, np.zeros_like(b))


def test_missing_and_damaged_files_are_named(
    full_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnreadableRaw, match="found 0 RAW files"):
        prepare_burstsr.read_sequence(tmp_path)
    broken = tmp_path / "broken.dng"
    broken.write_bytes(b"not a DNG")
    with pytest.raises(UnreadableRaw, match=r"broken\.dng"):
        read_raw_file(broken)
    write_dng(tmp_path / "no_iso.dng", np.zeros((96, 128), np.uint16), 0, 1023)
    with pytest.raises(UnreadableRaw, match=r"no_iso\.dng has no EXIF tag ISOSpeedRatings"):
        read_raw_file(tmp_path / "no_iso.dng")
    assert prepare_burstsr.main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert "download_raw_burstsr_data.py" in capsys.readouterr().err
