"""Data sets on disk: order, splits, and errors that name the file, what is wrong and the way out."""

import logging
import pickle
import shutil
import sys
import tracemalloc
import types
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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
from dataset.burstsr_dataset import CanonImage, SamsungRAWImage, load_txt
from dataset.npz_rows import NpzRows, WrongArrays
from utils.image_io import UnreadableImage, write_image, write_png16
from utils.safe_pickle import RefusedPickle, UnreadablePickle

SPECS = Path(__file__).resolve().parent.parent / "data_specs"
random_state = np.random.default_rng(0)


def picture(path: Path) -> None:
    write_image(path, random_state.integers(0, 256, (12, 16, 3), np.uint8))


# Folders of images -------------------------------------------------------------------------------------------------


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
    assert ImageNetDataset(tmp_path).image_list == ["n01/c.png", "n02/a.jpg", "n02/b.JPEG"]
    assert ImageNetDataset(tmp_path, max_images=2).image_list == ["n01/c.png", "n02/a.jpg"]
    test = ImageNetDataset(tmp_path, split="test")
    assert test.image_list == ["d.png"]
    assert test.get_image(0)[0].dtype == np.uint8
    with pytest.raises(ValueError, match="max_images=0"):
        ImageNetDataset(tmp_path, max_images=0)


# Where data sets lie -----------------------------------------------------------------------------------------------

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


# Denoising test sets -----------------------------------------------------------------------------------------------


def npz_arrays(items: int, color: bool) -> dict[str, Any]:
    colors = (3,) if color else ()
    arrays = {
        "truth": random_state.random((items, 3, 4, *colors), dtype=np.float32),
        "noisy": random_state.standard_normal((items, 3, 4, 8, *colors), dtype=np.float32),
        "white_level": np.full((items, 1, 1), 0.5, np.float32),
        "sqrt_sig_shot" if color else "sig_shot": np.full((items, 1, 1), 0.1, np.float32),
        "sig_read": np.full((items, 1, 1), 0.2, np.float32),
    }
    return arrays


def test_grey_bursts_of_a_gain_are_the_items_of_its_slot(tmp_path: Path):
    arrays = npz_arrays(6 * 73, color=False)
    np.savez(tmp_path / "kpn.npz", **arrays)
    for gain, slot in {1: 2, 8: 5}.items():
        dataset = GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=gain)
        assert len(dataset) == 73
        burst, truth, info = dataset[7]
        item = slot * 73 + 7
        assert torch.equal(burst[5, 0], torch.from_numpy(arrays["noisy"][item, ..., 5]))
        assert torch.equal(truth[0], torch.from_numpy(arrays["truth"][item]))
        assert info["burst_name"] == f"{slot}_07"
        assert info["noise_level"] == slot
        assert torch.allclose(info["sigma_estimate"], (0.2**2 + 0.1**2 * burst.clamp(min=0)).sqrt())
        with pytest.raises(IndexError):
            dataset[73]


def test_without_a_gain_every_slot_of_the_file_is_given(tmp_path: Path):
    np.savez_compressed(tmp_path / "kpn.npz", **npz_arrays(6 * 73, color=False))
    dataset = GrayscaleDenoiseTestSet(tmp_path / "kpn.npz")
    assert len(dataset) == 6 * 73
    assert [dataset[i][2]["burst_name"] for i in (0, 72, 73, 437)] == ["0_00", "0_72", "1_00", "5_72"]
    of_gain_4 = GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=4)
    assert torch.equal(dataset[4 * 73 + 1][0], of_gain_4[1][0])


def test_colour_bursts_have_their_frames_before_their_colours(tmp_path: Path):
    arrays = npz_arrays(2, color=True)
    np.savez(tmp_path / "4.npz", **arrays)
    dataset = ColorDenoiseTestSet(tmp_path, noise_level=4)
    burst, truth, info = dataset[1]
    assert torch.equal(burst[6, 2], torch.from_numpy(arrays["noisy"][1, :, :, 6, 2]))
    assert torch.equal(truth[2], torch.from_numpy(arrays["truth"][1, :, :, 2]))
    assert info["burst_name"] == "4_01"
    assert info["sigma_estimate"].shape == burst.shape
    assert len(dataset) == 2
    with pytest.raises(IndexError):
        dataset[2]


def test_a_noise_level_that_does_not_exist_is_refused(tmp_path: Path):
    for make in (ColorDenoiseTestSet, GrayscaleDenoiseTestSet):
        with pytest.raises(ValueError, match=r"noise_level is 3, expected one of \[1, 2, 4, 8\]"):
            make(tmp_path, noise_level=3)
    with pytest.raises(MissingDataSet, match=r"2\.npz"):
        ColorDenoiseTestSet(tmp_path, noise_level=2)


def test_wrong_keys_name_the_file_what_it_holds_and_what_was_expected(tmp_path: Path):
    arrays = npz_arrays(2, color=True)
    arrays["sig_shot"] = arrays.pop("sqrt_sig_shot")
    np.savez(tmp_path / "1.npz", **arrays)
    with pytest.raises(WrongArrays, match=r"1\.npz holds .*sig_shot.*but sqrt_sig_shot missing; expected truth"):
        ColorDenoiseTestSet(tmp_path)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("noisy", (2, 3, 4, 7, 3)),
        ("truth", (2, 3, 5, 3)),
        ("truth", (2, 3, 4)),
        ("sig_read", (2, 2, 1)),
        ("sig_read", (3, 1, 1)),
    ],
)
def test_wrong_shapes_are_refused(tmp_path: Path, key: str, shape: tuple[int, ...]):
    np.savez(tmp_path / "1.npz", **(npz_arrays(2, color=True) | {key: np.zeros(shape, np.float32)}))
    with pytest.raises(WrongArrays, match=rf"1\.npz.*{key}"):
        ColorDenoiseTestSet(tmp_path)


def test_a_file_too_short_for_the_gain_is_refused(tmp_path: Path):
    np.savez(tmp_path / "kpn.npz", **npz_arrays(4 * 73, color=False))
    with pytest.raises(WrongArrays, match=r"holds 292 bursts, noise_level=8 needs at least 438"):
        GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=8)


def test_an_npz_that_would_run_code_is_refused_and_nothing_runs(tmp_path: Path):
    hostile = np.empty((2, 3, 4, 3), dtype=object)
    hostile[...] = None
    np.savez(tmp_path / "1.npz", **(npz_arrays(2, color=True) | {"truth": hostile}))
    with pytest.raises(WrongArrays, match=r"1\.npz: array 'truth' has values of type object"):
        ColorDenoiseTestSet(tmp_path)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_truncated_npz_is_refused(tmp_path: Path, compressed: bool):
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "1.npz", **npz_arrays(2, color=True))
    data = (tmp_path / "1.npz").read_bytes()
    (tmp_path / "1.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(WrongArrays, match=r"1\.npz is damaged"):
        ColorDenoiseTestSet(tmp_path)
    damaged = bytearray(data)
    damaged[300:400] = bytes(100)
    (tmp_path / "1.npz").write_bytes(damaged)
    with pytest.raises(WrongArrays, match=r"1\.npz"):
        ColorDenoiseTestSet(tmp_path)[0]


@given(st.data())
def test_rows_are_those_of_the_whole_array(tmp_path_factory, data: Any):
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    array = random_state.standard_normal((7, *data.draw(st.lists(st.integers(1, 4), max_size=3))))
    array = data.draw(
        st.sampled_from([array, np.asfortranarray(array), array.astype(">f4"), (array * 9).astype(np.int16)])
    )
    data.draw(st.sampled_from([np.savez, np.savez_compressed]))(path, x=array)
    start = data.draw(st.integers(0, 7))
    stop = data.draw(st.integers(start, 7))
    rows = NpzRows(path, ["x"]).read("x", start, stop)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, array[start:stop].astype(np.float32))


def test_one_slot_is_read_without_the_memory_of_all(tmp_path: Path):
    arrays = npz_arrays(1, color=False)
    arrays["noisy"] = np.zeros((1, 64, 64, 8), np.float32)
    arrays["truth"] = np.zeros((1, 64, 64), np.float32)
    whole: dict[str, Any] = {key: np.repeat(value, 6 * 73, 0) for key, value in arrays.items()}
    np.savez_compressed(tmp_path / "kpn.npz", **whole)
    slot_bytes = 73 * 64 * 64 * 9 * 4
    tracemalloc.start()
    GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=8)[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * slot_bytes, "reading the whole arrays would take six times a slot and more"


# SyntheticBurst ----------------------------------------------------------------------------------------------------


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


# BurstSR -----------------------------------------------------------------------------------------------------------


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
