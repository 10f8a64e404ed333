"""SR3: prepared frames of videos, their data set, training samples, and settings made of configuration files."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from admin.data_locations import MissingDataSet
from admin.tensordict import TensorDict
from data.sr3_clips import RandomClips, ShuffledPasses
from data.sr3_processing import SR3Processing, collate_present
from data.sr3_resizing import prepared_frame, resized_to_square
from dataset.sample_clips import SampleClips
from dataset.sr3_frames import LRHRFramesDataset
from util_scripts import import_sr3_config, prepare_frames
from util_scripts.video_frames import UnreadableVideo, middle_clip
from utils.draws import Draws, SampleKey
from utils.image_io import write_image

Array = np.ndarray[Any, Any]


def picture(height: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def extracted(root: Path, videos: dict[str, int], ending: str = ".png", size: tuple[int, int] = (20, 24)) -> Path:
    """Folders of extracted frames: name of the video → number of its frames."""
    for number, (video, count) in enumerate(videos.items()):
        for index in range(count):
            write_image(root / video / f"{index}{ending}", picture(*size, seed=100 * number + index))
    return root


def prepare(frames: Path, out: Path, *more: str) -> int:
    fixed = ["--frames_path", str(frames), "--out", str(out), "--size", "4,16", "--n_worker", "1", "--all_videos"]
    return prepare_frames.main([*fixed, *more])


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (16, 24), (24, 16), (7, 9)])
def test_any_picture_becomes_a_square(shape: tuple[int, int]) -> None:
    for part, side in zip(prepared_frame(picture(*shape), 4, 16), (4, 16, 16), strict=True):
        assert part.shape == (side, side, 3)
        assert part.dtype == np.uint8


def test_a_square_of_the_wanted_size_is_left_alone_and_the_middle_is_cut_out() -> None:
    square = picture(16, 16)
    assert resized_to_square(square, 16) is square
    wide = np.concatenate([picture(16, 8), square, picture(16, 8)], axis=1)
    np.testing.assert_array_equal(resized_to_square(wide, 16), square)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp"])
def test_frames_of_any_kind_are_prepared_and_read_again(tmp_path: Path, ending: str) -> None:
    extracted(tmp_path / "frames", {"b": 3, "a": 3}, ending)
    (tmp_path / "frames" / "a" / f"._0{ending}").write_bytes(b"of macOS")
    assert prepare(tmp_path / "frames", tmp_path / "set", "--interval", "0.5") == 0
    made = tmp_path / "set_3_frames_0.5_seconds_4_16_train"
    for folder in (made / "hr_16", made / "sr_4_16", made / "lr_4"):
        shutil.copytree(folder / "a", folder / ".ipynb_checkpoints")
    data = LRHRFramesDataset(tmp_path / "set_3_frames_0.5_seconds_4_16_train", 4, 16, need_LR=True)
    assert [video.video for video in data.videos] == ["a", "b"]
    item = data[0]
    assert item is not None
    assert {key: tuple(item[key].shape) for key in ("HR", "SR", "LR")} == {
        "HR": (3, 16, 16),
        "SR": (9, 16, 16),
        "LR": (9, 4, 4),
    }
    assert data.videos[0].hr == ["00000.png", "00001.png", "00002.png"]
    middle = torch.from_numpy(data.read("hr", "a", "00001.png")).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(item["HR"], middle, rtol=0, atol=1e-6)


def test_n_frames_and_interval_choose_frames_around_the_middle(tmp_path: Path) -> None:
    extracted(tmp_path / "frames", {"a": 20})
    assert prepare(tmp_path / "frames", tmp_path / "set", "--n_frames", "5", "--interval", "0.4", "--fps", "10") == 0
    (folder,) = tmp_path.glob("set_5_frames_0.4_*")
    # Files are in the order of their names: 0, 1, 10, 11, … 19, 2, 3, … 9.
    order = sorted(f"{i}.png" for i in range(20))
    expected = sorted(order[i].zfill(9) for i in (2, 6, 10, 14, 18))
    assert sorted(path.name for path in (folder / "hr_16" / "a").iterdir()) == expected


def test_the_split_goes_by_name_and_shares_no_video(tmp_path: Path) -> None:
    names = [f"video_{i}" for i in range(200)]
    val = {name for name in names if prepare_frames.split_of(name, 0.2) == "val"}
    assert 20 < len(val) < 60
    extracted(tmp_path / "frames", dict.fromkeys(names[:6], 3), size=(4, 4))
    made = {}
    for split in ("train", "val"):
        arguments = ["--frames_path", str(tmp_path / "frames"), "--out", str(tmp_path / "set"), "--size", "2,4"]
        assert prepare_frames.main([*arguments, "--split", split, "--val_share", "0.5", "--n_worker", "1"]) == 0
        made[split] = {path.name for path in (tmp_path / f"set_3_frames_1.0_seconds_2_4_{split}" / "hr_4").iterdir()}
    assert made["train"] | made["val"] == set(names[:6])
    assert not made["train"] & made["val"]


def test_preparation_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    extracted(tmp_path / "frames", {"a": 3, "b": 3})
    assert prepare(tmp_path / "frames", tmp_path / "set") == 0
    (folder,) = tmp_path.glob("set_*")
    (folder / "lr_4" / "b" / "00001.png").unlink()
    kept = (folder / "lr_4" / "a" / "00001.png").stat().st_mtime_ns
    assert prepare(tmp_path / "frames", tmp_path / "set") == 0
    assert (folder / "lr_4" / "b" / "00001.png").is_file()
    assert (folder / "lr_4" / "a" / "00001.png").stat().st_mtime_ns == kept


def test_too_short_and_broken_videos_are_named_and_the_others_are_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = extracted(tmp_path / "frames", {"good": 3, "short": 2, "broken": 3})
    (frames / "broken" / "1.png").write_bytes(b"no picture")
    assert prepare(frames, tmp_path / "set") == 1
    (folder,) = tmp_path.glob("set_*")
    assert [path.name for path in (folder / "hr_16").iterdir()] == ["good"]
    said = capsys.readouterr().err
    assert "short has 2 frames" in said
    assert "1.png" in said


def test_video_files_are_decoded(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    (tmp_path / "videos").mkdir()
    writer = cv2.VideoWriter(str(tmp_path / "videos" / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 24))
    if not writer.isOpened():
        pytest.skip("this build of OpenCV writes no video files")
    for index in range(11):
        writer.write(np.full((24, 32, 3), 20 * index, dtype=np.uint8))
    writer.release()
    assert prepare(tmp_path / "videos", tmp_path / "set", "--interval", "0.3") == 0
    (folder,) = tmp_path.glob("set_*")
    data = LRHRFramesDataset(folder, 4, 16)
    assert list(data.videos[0].hr) == ["00002.png", "00005.png", "00008.png"]
    item = data[0]
    assert item is not None
    assert float((item["HR"] + 1).mean()) * 127.5 == pytest.approx(100, abs=3)


def test_a_store_holds_the_same_items_as_the_files(tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    extracted(tmp_path / "frames", {"a": 3, "b": 3})
    assert prepare(tmp_path / "frames", tmp_path / "set") == 0
    assert prepare(tmp_path / "frames", tmp_path / "store", "--lmdb") == 0
    files = LRHRFramesDataset(next(tmp_path.glob("set_*")), 4, 16)
    store = LRHRFramesDataset(next(tmp_path.glob("store_*")), 4, 16, datatype="lmdb")
    assert len(store) == 2
    for ours, expected in ((store[i], files[i]) for i in range(2)):
        assert ours is not None
        assert expected is not None
        assert torch.equal(ours["SR"], expected["SR"])
        assert torch.equal(ours["HR"], expected["HR"])


@pytest.mark.parametrize(("available", "stride"), [(3, 1), (10, 2), (11, 5)])
def test_a_clip_lies_around_the_middle(available: int, stride: int) -> None:
    indices = list(middle_clip(available, 3, stride, "video"))
    assert indices[1] == available // 2
    assert indices[2] < available
    with pytest.raises(UnreadableVideo, match="need 9"):
        middle_clip(8, 3, 4, "video")


def test_longer_videos_give_their_middle_frames_and_shorter_ones_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for size, side in (("hr_16", 16), ("sr_4_16", 16)):
        extracted(tmp_path / size, {"long": 5, "right": 3, "short": 1}, size=(side, side))
    data = LRHRFramesDataset(tmp_path, 4, 16)
    assert [(video.video, len(video.sr)) for video in data.videos] == [("long", 3), ("right", 3)]
    assert list(data.videos[0].hr) == ["1.png", "2.png", "3.png"]
    assert "short" in caplog.text
    assert len(LRHRFramesDataset(tmp_path, 4, 16, data_len=1)) == 1
    assert [video.video for video in LRHRFramesDataset(tmp_path, 4, 16, legacy_listing=True).videos] == [
        "right",
        "long",
        "right",
    ]
    with pytest.raises(MissingDataSet, match="hr_32"):
        LRHRFramesDataset(tmp_path, 4, 32)
    with pytest.raises(MissingDataSet, match="no video with 7 frames"):
        LRHRFramesDataset(tmp_path, 4, 16, n_frames=7)


def test_unreadable_pictures_drop_their_video_from_the_batch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for size in ("hr_16", "sr_4_16"):
        extracted(tmp_path / size, {"a": 3, "b": 3}, size=(16, 16))
    (tmp_path / "sr_4_16" / "a" / "1.png").write_bytes(b"")
    data = LRHRFramesDataset(tmp_path, 4, 16)
    batch = collate_present([data[0], data[1]])
    assert batch["Index"].tolist() == [1]
    assert "video a" in caplog.text
    with pytest.raises(ValueError, match="none of the 1 videos"):
        collate_present([data[0]])


def test_samples_show_all_frames_alike_and_depend_on_their_draws_only() -> None:
    frames = np.stack([picture(32, 40)] * 3)
    processing = SR3Processing(4, 16, crop=(16, 24))
    samples = [processing(TensorDict(frames=frames.copy(), draws=Draws(1, 2, 3))) for _ in range(2)]
    assert torch.equal(samples[0]["SR"], samples[1]["SR"])
    enlarged = samples[0]["SR"].unflatten(0, (3, 3))
    assert torch.equal(enlarged[0], enlarged[2])
    assert samples[0]["HR"].shape == (3, 16, 16)
    assert float((enlarged[1] - samples[0]["HR"]).mean()) == pytest.approx(0, abs=0.1)
    with pytest.raises(ValueError, match="crop"):
        processing.draw((8, 8))


def test_random_clips_make_batches() -> None:
    clips = SampleClips("train", 3, 16, (0, 2), 0)
    samples = RandomClips(clips, 4, SR3Processing(4, 8))
    batch = default_collate([{"HR": item["HR"], "SR": item["SR"]} for item in (samples[0], samples[1])])
    assert batch["SR"].shape == (2, 9, 8, 8)
    assert torch.equal(samples[SampleKey(1, 5, 6)]["HR"], samples[SampleKey(1, 5, 6)]["HR"])


def test_passes_show_everything_once_whatever_the_length_of_an_epoch() -> None:
    passes = ShuffledPasses(list(range(10)), samples_per_epoch=4)
    shown = [passes[SampleKey(i, 7, epoch)] for epoch in range(5) for i in range(4)]
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert shown[:10] != shown[10:]


CONFIG: dict[str, Any] = {
    "name": "my_run",
    "multiframes": True,
    "datasets": {
        "train": {"dataroot": "data//train", "l_resolution": 4, "r_resolution": 16, "batch_size": 2, "data_len": -1},
        "val": {"dataroot": "data/val", "l_resolution": 4, "r_resolution": 16, "data_len": 20},
    },
    "model": {
        "which_model_G": "sr3",
        "unet": {"in_channel": 12, "inner_channel": 8, "channel_multiplier": [1, 2], "attn_res": [8], "norm_groups": 2},
        "beta_schedule": {
            "train": {"schedule": "cosine", "n_timestep": 2e1, "linear_start": 1e-6, "linear_end": 1e-2},
            "val": {"schedule": "cosine", "n_timestep": 5, "linear_start": 1e-6, "linear_end": 1e-2},
        },
        "diffusion": {"image_size": 16, "channels": 3, "n_frames": 3, "conditional": True},
    },
    "train": {"n_iter": 10, "val_freq": 4, "print_freq": 1e0, "optimizer": {"type": "adam", "lr": 1e-5}},
}


def commented(folder: Path, config: dict[str, Any]) -> Path:
    """A configuration file as people write it."""
    path = folder / "sr3_mine.json"
    path.write_text("// mine\n" + json.dumps(config, indent=2).replace(",\n", ', // why, "not"?\n'), encoding="utf-8")
    return path


def test_a_configuration_with_comments_becomes_a_setting_that_builds_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_sr3_config, "SETTINGS_FOLDER", tmp_path)
    assert import_sr3_config.main([str(commented(tmp_path, CONFIG))]) == 0
    scope: dict[str, Any] = {}
    exec(compile((tmp_path / "mine.py").read_text(encoding="utf-8"), "mine.py", "exec"), scope)  # noqa: S102
    seen: dict[str, Any] = {}
    scope["train_on_frames"] = lambda settings, network: seen.update(vars(settings), network=network)
    scope["run"](type("Values", (), {})())
    assert seen["train_frames"] == "data//train", "comments do not begin inside strings"
    assert (seen["epochs"], seen["steps_per_epoch"], seen["batch_size"], seen["learning_rate"]) == (3, 4, 2, 1e-5)
    network = seen["network"]
    assert network["schedule"]["n_timestep"] == 20
    assert network["sampling_schedule"]["n_timestep"] == 5
    assert (network["channel_mults"], network["attn_res"], network["norm_groups"]) == ((1, 2), (8,), 2)
    assert import_sr3_config.main([str(tmp_path / "sr3_mine.json")]) == 1, "nothing is overwritten unasked"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"which_model_G": "ddpm"}, "ddpm"),
        ({"diffusion": {"image_size": 16, "n_frames": 5}}, "5 frames and the noisy image have 18"),
        ({"unet": None}, "no part 'unet'"),
    ],
)
def test_what_cannot_be_imported_is_said(change: dict[str, Any], words: str) -> None:
    config = {**CONFIG, "model": {**CONFIG["model"], **change}}
    with pytest.raises(ValueError, match=words):
        import_sr3_config.settings_file(config, "x", "x.json")


def test_single_image_configurations_need_no_number_of_frames() -> None:
    unet = {**CONFIG["model"]["unet"], "in_channel": 6}
    config = {
        **CONFIG,
        "multiframes": False,
        "model": {**CONFIG["model"], "unet": unet, "diffusion": {"image_size": 8}},
    }
    assert import_sr3_config.network_of(config)["n_frames"] == 1


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
