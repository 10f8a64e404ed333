"""The SyntheticBurst validation set on disk: values, and errors that name the file."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from admin.data_locations import MissingDataSet
from dataset import (
    SyntheticBurstVal,
)
from utils.image_io import UnreadableImage, write_image, write_png16
from utils.safe_pickle import RefusedPickle, UnreadablePickle


def synthetic_burst(root: Path, name: str = "0000", frames: int = 14) -> None:
    for i in range(frames):
        write_png16(root / "bursts" / name / f"im_raw_{i:02d}.png", np.full((3, 4, 4), 2**14 - i, np.uint16))
    write_png16(root / "gt" / name / "im_rgb.png", np.full((24, 32, 3), 2**13, np.uint16))
    meta = {"cam2rgb": torch.eye(3), "rgb2cam": torch.eye(3), "rgb_gain": 1.1, "red_gain": 2.0, "blue_gain": 1.5}
    pickled = pickle.dumps(meta | {"smoothstep": True, "gamma": True, "frame_num": int(name)})
    (root / "gt" / name / "meta_info.pkl").write_bytes(pickled)


def test_synthetic_bursts_are_scaled_by_their_white_level(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    synthetic_burst(tmp_path, "0003")
    dataset = SyntheticBurstVal(tmp_path)
    assert "lacks 299 of 300 bursts, the first is 0000" in caplog.text
    burst, truth, meta = dataset[3]
    assert burst.shape == (14, 4, 3, 4)
    assert truth.shape == (3, 24, 32)
    assert burst[0].unique().tolist() == [1.0]
    assert burst[13, 0, 0, 0] == (2**14 - 13) / 2**14
    assert meta["burst_name"] == "0003"
    with pytest.raises(IndexError):
        dataset[300]


def test_missing_frames_wrong_sizes_and_wrong_depths_of_a_synthetic_burst_are_named(tmp_path: Path):
    synthetic_burst(tmp_path, frames=13)
    dataset = SyntheticBurstVal(tmp_path)
    with pytest.raises(UnreadableImage, match=r"0000.im_raw_13\.png does not exist"):
        dataset[0]
    write_png16(tmp_path / "bursts" / "0000" / "im_raw_13.png", np.zeros((5, 4, 4), np.uint16))
    with pytest.raises(UnreadableImage, match=r"im_raw_13\.png has the shape"):
        dataset[0]
    write_image(tmp_path / "bursts" / "0000" / "im_raw_13.png", np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(UnreadableImage, match=r"im_raw_13\.png has 8 bits"):
        dataset[0]
    write_png16(tmp_path / "bursts" / "0000" / "im_raw_13.png", np.full((3, 4, 4), 2**16 - 1, np.uint16))
    with pytest.raises(UnreadableImage, match=r"im_raw_13\.png has values up to 65535, expected at most 16384"):
        dataset[0]


def test_meta_data_of_an_unknown_kind_is_refused(tmp_path: Path):
    synthetic_burst(tmp_path)
    meta = tmp_path / "gt" / "0000" / "meta_info.pkl"
    meta.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(UnreadablePickle, match=r"meta_info\.pkl holds list"):
        SyntheticBurstVal(tmp_path)[0]
    meta.write_bytes(pickle.dumps({"gamma": True}))
    with pytest.raises(UnreadablePickle, match="lacks cam2rgb"):
        SyntheticBurstVal(tmp_path)[0]
    meta.write_bytes(pickle.dumps(shutil.rmtree))
    with pytest.raises(RefusedPickle, match="shutil"):
        SyntheticBurstVal(tmp_path)[0]


def test_a_folder_without_any_synthetic_burst_is_refused(tmp_path: Path):
    with pytest.raises(MissingDataSet, match="bursts"):
        SyntheticBurstVal(tmp_path)
    (tmp_path / "bursts").mkdir()
    (tmp_path / "gt").mkdir()
    with pytest.raises(MissingDataSet, match="none of the bursts"):
        SyntheticBurstVal(tmp_path)
