"""BurstSR on disk: order, splits, meta-data, and errors that name the file."""

import pickle
import sys
import types
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from admin.data_locations import MissingDataSet
from dataset import (
    BurstSRDataset,
)
from dataset.burstsr_dataset import CanonImage, SamsungRAWImage, load_txt
from utils.image_io import UnreadableImage, write_png16
from utils.safe_pickle import UnreadablePickle

SPECS = Path(__file__).resolve().parent.parent / "data_specs"
random_state = np.random.default_rng(0)


@pytest.fixture
def exifread(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules that pickle under the names of exifread 2.3, to write files like the published ones."""

    class Tag:
        def __init__(self, *values: Any) -> None:
            self.values, self.printable = list(values), str(values)

    class Ratio(Fraction):
        pass

    Tag.__module__, Tag.__qualname__ = "exifread.classes", "IfdTag"
    Ratio.__module__, Ratio.__qualname__ = "exifread.utils", "Ratio"
    package: Any = types.ModuleType("exifread")
    package.classes, package.utils = types.ModuleType("exifread.classes"), types.ModuleType("exifread.utils")
    package.classes.IfdTag, package.utils.Ratio = Tag, Ratio
    for module in (package, package.classes, package.utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return package


def write_raw(folder: Path, shape: tuple[int, int, int], white: int, exif: dict[str, Any], **matrix: Any) -> None:
    write_png16(folder / "im_raw.png", random_state.integers(0, white, shape, np.uint16, endpoint=True))
    meta = {"black_level": [64, 65, 66, 67], "cam_wb": [2.0, 1.0, 1.0, 1.5], "daylight_wb": [2.0, 1.0, 1.0, 1.4]}
    (folder / "meta_info.pkl").write_bytes(pickle.dumps(meta | {"exif_data": exif} | matrix))


@pytest.fixture
def burstsr(tmp_path: Path, exifread: Any) -> Path:
    tag, ratio = exifread.classes.IfdTag, exifread.utils.Ratio
    samsung = {
        "Image ExposureTime": tag(ratio(1, 50)),
        "Image FNumber": tag(ratio(17, 10)),
        "Image ISOSpeedRatings": tag(100),
        "Image Tag 0xC761": tag((1e-4,), (1e-6,), (2e-4,), (2e-6,), (3e-4,), (3e-6,)),
    }
    canon = {"EXIF ExposureTime": tag(2)}
    for name in ("0008_0001", "0008_0000", "0010_0000", "0000_0000"):
        folder = tmp_path / "val" / name
        for i in range(3):
            write_raw(folder / f"samsung_{i:02d}", (5, 6, 4), 1023, samsung, color_matrix=np.zeros((3, 4), np.float32))
        write_raw(folder / "canon", (40, 48, 3), 16383, canon, rgb_xyz_matrix=np.zeros((4, 3), np.float32))
    return tmp_path


def test_bursts_of_other_splits_are_left_out_and_the_rest_is_sorted(burstsr: Path):
    dataset = BurstSRDataset(burstsr, split="val")
    assert dataset.burst_list == ["0008_0000", "0008_0001", "0010_0000"]
    assert [dataset.get_scene(i) for i in range(3)] == ["0008", "0008", "0010"]
    assert BurstSRDataset(burstsr, split="val", seq_ids=["0010"]).burst_list == ["0010_0000"]
    with pytest.raises(ValueError, match="0000 do not belong"):
        BurstSRDataset(burstsr, split="val", seq_ids=["0000"])
    with pytest.raises(MissingDataSet, match="holds no burst of the 1 sequences"):
        BurstSRDataset(burstsr, split="val", seq_ids=["0212"])
    with pytest.raises(MissingDataSet, match="train"):
        BurstSRDataset(burstsr, split="train")


def test_frames_come_in_the_order_asked_for_with_their_meta_data(burstsr: Path):
    frames, truth, info = BurstSRDataset(burstsr, split="val").get_burst(0, [2, 0])
    folder = burstsr / "val" / "0008_0000"
    assert torch.equal(frames[0].im_raw, SamsungRAWImage.load(folder / "samsung_02").im_raw)
    assert torch.equal(frames[1].im_raw, SamsungRAWImage.load(folder / "samsung_00").im_raw)
    assert frames[0].im_raw.dtype == torch.int16
    assert truth.im_raw.dtype == torch.float32
    assert info == {"burst_size": 14, "burst_name": "0008_0000"}
    assert frames[0].get_exposure_time() == 0.02
    assert frames[0].get_f_number() == 1.7
    assert frames[0].get_iso() == 100
    assert frames[0].get_noise_profile()[1].tolist() == [2e-4, 2e-6]
    assert truth.black_level == [64, 65, 67], "the second green is dropped"
    with pytest.raises(UnreadablePickle, match=r"canon.meta_info\.pkl has no EXIF tag 'EXIF FNumber'"):
        truth.get_f_number()


def test_cropping_in_place_and_cropping_to_a_new_image(burstsr: Path):
    truth = CanonImage.load(burstsr / "val" / "0008_0000" / "canon")
    crop = truth.get_crop(8, 16, 0, 24)
    assert crop.shape() == (3, 8, 24)
    assert truth.shape() == (3, 40, 48)
    truth.crop_image(8, 16, 0, 24)
    assert torch.equal(truth.im_raw, crop.im_raw)


def test_missing_and_damaged_frames_are_named(burstsr: Path):
    dataset = BurstSRDataset(burstsr, split="val")
    with pytest.raises(UnreadableImage, match=r"samsung_03.im_raw\.png does not exist"):
        dataset.get_burst(0, [0, 3])
    frame = burstsr / "val" / "0008_0000" / "samsung_01"
    write_png16(frame / "im_raw.png", np.full((5, 6, 4), 4095, np.uint16))
    with pytest.raises(UnreadableImage, match=r"samsung_01.*up to 4095, expected at most 1023: wrong bit depth"):
        dataset.get_burst(0, [1])
    (frame / "im_raw.png").write_bytes((frame / "im_raw.png").read_bytes()[:-3])
    with pytest.raises(UnreadableImage, match=r"samsung_01.*cut off"):
        dataset.get_burst(0, [1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"black_level": None}, "black_level is None"),
        ({"cam_wb": [float("nan")] * 4}, "cam_wb is"),
        ({"color_matrix": np.zeros((2, 2))}, r"color_matrix has the shape \(2, 2\)"),
    ],
)
def test_meta_data_that_makes_no_sense_is_refused(burstsr: Path, change: dict[str, Any], message: str):
    path = burstsr / "val" / "0008_0000" / "samsung_00" / "meta_info.pkl"
    meta = {"black_level": [64] * 4, "cam_wb": [1.0] * 4, "daylight_wb": [1.0] * 4, "color_matrix": np.zeros((3, 4))}
    path.write_bytes(pickle.dumps(meta | change))
    with pytest.raises(UnreadablePickle, match=rf"samsung_00.meta_info\.pkl.*{message}"):
        SamsungRAWImage.load(path.parent)
    path.write_bytes(pickle.dumps({key: value for key, value in meta.items() if key not in change}))
    with pytest.raises(UnreadablePickle, match=f"lacks {next(iter(change))}"):
        SamsungRAWImage.load(path.parent)


def test_flat_crops_are_left_out_only_on_request(tmp_path: Path):
    for name in ("0004_0006", "0004_0007"):
        (tmp_path / "train" / name).mkdir(parents=True)
    assert len(BurstSRDataset(tmp_path)) == 2
    assert BurstSRDataset(tmp_path, exclude_flat=True).burst_list == ["0004_0007"]


def test_the_split_lists_are_disjoint_and_complete():
    splits = {split: load_txt(SPECS / f"burstsr_{split}.txt") for split in ("train", "val", "test")}
    assert {split: len(ids) for split, ids in splits.items()} == {"train": 160, "val": 23, "test": 23}
    assert len(set().union(*splits.values())) == 206
    assert b"\r" not in b"".join((SPECS / f"burstsr_{split}.txt").read_bytes() for split in splits)
    flat = load_txt(SPECS / "burstsr_flat_crops.txt")
    assert all(name[:4] in splits["train"] for name in flat)


@given(st.floats(0.1, 10), st.booleans())
def test_the_displayed_picture_does_not_depend_on_the_exposure(exposure: float, no_white_balance: bool):
    image = torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(1))
    meta = {"black_level_subtracted": True, "while_balance_applied": False, "cam_wb": [2.0, 1.0, 1.0, 1.5]}
    shown: Any = CanonImage.generate_processed_image(image, meta, no_white_balance=no_white_balance)
    brighter: Any = CanonImage.generate_processed_image(image * exposure, meta, no_white_balance=no_white_balance)
    assert torch.allclose(shown, brighter, atol=1e-5)
    assert shown.min() >= 0
    assert shown.max() <= 1
