"""Stored pairs of RawSR: the published layout, crops that start on red, and files that are wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch

from admin.data_locations import MissingDataSet
from data import DataLoader, sampler
from data.processing import RawSRCropProcessing
from dataset import CameraFiles, RawSRPairs
from dataset.rawsr_pairs import DamagedPair
from tests.fabricated.rawsr_pairs import write_pair
from utils.draws import Draws

HEIGHT, WIDTH, SCALE = 21, 26, 2  # those of `write_pair`


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("Training", "Testing"):
        for name in ("b0000", "a-b_10001", "a-b_10000"):
            write_pair(tmp_path / split, name)
    return tmp_path


def test_pairs_are_found_by_the_published_names(root: Path) -> None:
    pairs = RawSRPairs(root=root)
    assert pairs.image_list == ["a-b_10000", "a-b_10001", "b0000"]
    assert [pairs.get_scene(number) for number in range(3)] == ["a-b_1", "a-b_1", "b"]
    pair, info = pairs.get_image(1)
    assert info == {"name": "a-b_10001", "scene": "a-b_1"}
    assert isinstance(pair["raw"], np.memmap), "crops of large images read only what they need"
    assert pair["gt"].shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert pair["isp"].dtype == np.uint8


def test_the_environment_names_the_folder_of_all_sets(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.rename(root.parent / "x2")
    monkeypatch.setenv("BURSTLAB_RAWSR_DIR", str(root.parent))
    assert len(RawSRPairs("x2", "test")) == 3
    with pytest.raises(MissingDataSet, match=r"x4.*cannot be read"):
        RawSRPairs("x4")
    with pytest.raises(ValueError, match=r"tset.*test"):
        RawSRPairs("x2", "tset")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda folder: (folder / "GT" / "b.npy").unlink(), r"b\.npy does not exist"),
        (lambda folder: (folder / "TrainingSet" / "b0000.npy").write_bytes(b"nothing"), "cannot be read as an array"),
        (lambda folder: np.save(folder / "TrainingSet" / "b0000.npy", np.zeros((4, 4), int)), "expected floats"),
        (lambda folder: np.save(folder / "GT" / "b.npy", np.zeros((63, 78, 3))), "do not fit"),
        (lambda folder: (folder / "ISP" / "b0000.png").unlink(), r"b0000\.jpeg does not exist"),
    ],
)
def test_damaged_pairs_are_named(root: Path, damage, what: str) -> None:
    damage(root / "Training")
    with pytest.raises(ValueError, match=what):
        RawSRPairs(root=root).get_image(2)


def test_objects_in_arrays_are_not_unpickled(root: Path) -> None:
    np.save(root / "Training" / "GT" / "b.npy", np.array([{"code": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DamagedPair):
        RawSRPairs(root=root).get_image(2)


@pytest.mark.parametrize("flip", [False, True])
def test_crops_show_one_place_and_start_on_red(root: Path, flip: bool) -> None:
    pair, _ = RawSRPairs(root=root).get_image(0)
    processing = RawSRCropProcessing(8, SCALE, flip=flip)
    seen = set()
    for number in range(30):
        params = processing.draw(pair["raw"].shape, Draws(number))
        sample = processing.render(pair, params)
        seen.add((params["crop"], params["mirrored"]))
        assert {name: tuple(image.shape) for name, image in sample.items()} == {
            "raw": (1, 8, 8),
            "isp": (3, 8, 8),
            "frame_gt": (3, 16, 16),
        }
        place = sample["raw"][0]
        rows = (place * 100).floor().long()
        columns = ((place - rows / 100) * 10_000).round().long()
        assert rows[0, 0] % 2 == 0, "the first row shows red"
        assert columns[0, 0] % 2 == 0
        assert torch.equal(sample["isp"][0] * 255, rows.float())
        assert torch.equal(sample["isp"][1] * 255, columns.float())
        truth = sample["frame_gt"][0, ::SCALE, ::SCALE]
        torch.testing.assert_close(truth, place, atol=1e-6, rtol=0)
    assert len({mirrored for _, mirrored in seen}) == (4 if flip else 1)
    assert max(crop[0] for crop, _ in seen) >= HEIGHT - 8 - 1, "the last place that fits is drawn too"


def test_an_image_of_the_size_of_the_crop_is_taken_whole_and_a_smaller_one_refused() -> None:
    processing = RawSRCropProcessing(8, SCALE)
    assert processing.draw((8, 8), Draws(0))["crop"] == (0, 0)
    with pytest.raises(ValueError, match="image too small: a mosaic of 7 x 9"):
        processing.draw((7, 9), Draws(0))
    with pytest.raises(ValueError, match="even sides"):
        RawSRCropProcessing(7, SCALE)


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan")])
def test_mosaics_that_are_not_normalised_are_refused(root: Path, value: float) -> None:
    raw = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    raw[3, 3] = value
    np.save(root / "Training" / "TrainingSet" / "b0000.npy", raw)
    pair, _ = RawSRPairs(root=root).get_image(2)
    processing = RawSRCropProcessing(16, SCALE)
    with pytest.raises(ValueError, match="subtract black"):
        processing.render(pair, {"crop": (0, 0), "mirrored": (False, False)})
    with pytest.raises(ValueError, match="expected scale 4"):
        RawSRCropProcessing(8, 4).render(pair, {"crop": (4, 4), "mirrored": (False, False)})


def test_an_epoch_shows_every_pair_once(root: Path) -> None:
    samples = sampler.IndexedImage(RawSRPairs(root=root), processing=RawSRCropProcessing(8, SCALE))
    loader = DataLoader("train", samples, shuffle=True, drop_last=False, batch_size=2)
    loader.start(seed=1, epoch=1)
    batches = list(loader)
    assert [len(batch["sample"]) for batch in batches] == [2, 1]
    assert len({name for batch in batches for name in batch["sample"]}) == 3


def test_files_that_macos_leaves_are_no_pairs_and_no_raw_files(root: Path) -> None:
    (root / "Training" / "TrainingSet" / "._a0000.npy").write_bytes(b"of macOS")
    assert len(RawSRPairs(root=root)) == 3
    for name in ("._a.dng", "a.dng"):
        (root / name).write_bytes(b"")
    assert CameraFiles(root).image_list == ["a.dng"]


def test_a_folder_without_raw_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(MissingDataSet, match="holds no RAW files"):
        CameraFiles(tmp_path)
