"""Folders of images, and where data sets lie: order, splits, and errors that name what is wrong and the way out."""

import logging
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from admin.data_locations import LOCATIONS, MissingDataSet, data_folder
from dataset import (
    REDS,
    BurstSRDataset,
    CameraFiles,
    ColorDenoiseTestSet,
    GrayscaleDenoiseTestSet,
    ImageFolder,
    ImageNetDataset,
    OpenImagesDataset,
    RawSRPairs,
    SCBurst,
    SyntheticBurstVal,
    Videezy4K,
    ZurichRAW2RGB,
)
from utils.image_io import UnreadableImage, write_image

random_state = np.random.default_rng(0)


def picture(path: Path) -> None:
    write_image(path, random_state.integers(0, 256, (12, 16, 3), np.uint8))


def test_images_come_in_the_order_of_their_names_and_other_files_are_left_out(tmp_path: Path):
    for name in ("b.png", "a.jpg", "C.PNG"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    folder = ImageFolder(tmp_path)
    assert folder.image_list == ["C.PNG", "a.jpg", "b.png"]
    image, info = folder.get_image(1)
    assert image.shape == (12, 16, 3)
    assert info == {}
    assert len(folder) == folder.get_num_images() == 3


@pytest.mark.parametrize("content", [[], ["notes.txt"]])
def test_a_folder_without_images_is_refused(tmp_path: Path, content: list[str]):
    for name in content:
        (tmp_path / name).write_text("no image")
    for make in (lambda: ImageFolder(tmp_path), lambda: OpenImagesDataset(tmp_path.parent, split=tmp_path.name)):
        with pytest.raises(MissingDataSet, match="holds no image files") as caught:
            make()
        assert str(tmp_path) in str(caught.value)


def test_a_folder_that_is_not_there_or_is_a_file_is_named(tmp_path: Path):
    with pytest.raises(MissingDataSet, match="nowhere"):
        ImageFolder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingDataSet, match="file"):
        ImageFolder(tmp_path / "file")
    with pytest.raises(MissingDataSet, match="validation"):
        OpenImagesDataset(tmp_path, split="validation")


def test_a_truncated_image_of_a_folder_is_named(tmp_path: Path):
    picture(tmp_path / "broken.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "broken.png").read_bytes()[:-20])
    with pytest.raises(UnreadableImage, match=r"broken\.png is cut off"):
        ImageFolder(tmp_path).get_image(0)


def test_the_zurich_list_is_fixed_and_missing_images_are_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    picture(tmp_path / "train" / "canon" / "0.jpg")
    picture(tmp_path / "train" / "canon" / "2.jpg")
    with caplog.at_level(logging.WARNING):
        zurich = ZurichRAW2RGB(tmp_path)
    assert len(caplog.records) == 1
    assert "lacks 46837 of 46839 images, the first is 1.jpg" in caplog.text
    assert len(zurich) == 46839
    assert zurich.get_image(2)[0].shape == (12, 16, 3)
    assert zurich.missing_files()[:2] == ["1.jpg", "3.jpg"]
    with pytest.raises(UnreadableImage, match=r"1\.jpg does not exist"):
        zurich.get_image(1)


def test_a_zurich_folder_with_none_of_its_images_is_refused(tmp_path: Path):
    picture(tmp_path / "test" / "canon" / "photo.jpg")
    with pytest.raises(MissingDataSet, match=r"holds none of 0\.jpg … 1203\.jpg"):
        ZurichRAW2RGB(tmp_path, split="test")
    with pytest.raises(ValueError, match=r"trian.*train"):
        ZurichRAW2RGB(tmp_path, split="trian")


def test_imagenet_is_read_by_class_and_also_without_classes(tmp_path: Path):
    for name in ("train/n02/b.JPEG", "train/n02/a.jpg", "train/n01/c.png", "test/d.png"):
        picture(tmp_path / name)
    (tmp_path / "train" / "LOC_train.csv").write_text("no image")
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir()
    assert ImageNetDataset(tmp_path).image_list == ["n01/c.png", "n02/a.jpg", "n02/b.JPEG"]
    assert ImageNetDataset(tmp_path, max_images=2).image_list == ["n01/c.png", "n02/a.jpg"]
    test = ImageNetDataset(tmp_path, split="test")
    assert test.image_list == ["d.png"]
    assert test.get_image(0)[0].dtype == np.uint8
    with pytest.raises(ValueError, match="max_images=0"):
        ImageNetDataset(tmp_path, max_images=0)


OF_KEY: dict[str, Callable[[], object]] = {
    "zurichraw2rgb_dir": ZurichRAW2RGB,
    "openimages_dir": OpenImagesDataset,
    "imagenet_dir": ImageNetDataset,
    "imagefolder_dir": ImageFolder,
    "synburstval_dir": SyntheticBurstVal,
    "burstsr_dir": BurstSRDataset,
    "kpn_testset_path": GrayscaleDenoiseTestSet,
    "bpn_color_testset_dir": ColorDenoiseTestSet,
    "reds_dir": REDS,
    "videezy_dir": Videezy4K,
    "sc_burst_dir": SCBurst,
    "rawsr_dir": RawSRPairs,
    "rawsr_real_dir": CameraFiles,
    "sr3_frames_dir": partial(data_folder, "sr3_frames_dir"),  # folders below it are named by settings
}


@pytest.mark.parametrize("key", LOCATIONS)
def test_a_data_set_that_is_not_set_names_key_download_and_layout(key: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("admin.data_locations.env_settings", lambda: types.SimpleNamespace(**{key: ""}))
    with pytest.raises(MissingDataSet) as caught:
        OF_KEY[key]()
    location = LOCATIONS[key]
    for part in (key, location.sources[0], location.layout, f"BURSTLAB_{key.upper()}"):
        assert part in str(caught.value)


def test_a_given_root_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BURSTLAB_OPENIMAGES_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(MissingDataSet, match="elsewhere"):
        data_folder("openimages_dir")
    assert data_folder("openimages_dir", tmp_path) == tmp_path
    (tmp_path / "elsewhere").mkdir()
    assert data_folder("openimages_dir") == tmp_path / "elsewhere"
