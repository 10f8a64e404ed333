"""A full disk, a damaged file or a killed process costs no more than the time since the last checkpoint."""

from __future__ import annotations

import errno
import io
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from admin.checkpoints import CheckpointError, DamagedCheckpoint, read_checkpoint, save_checkpoint
from data import DataLoader
from data.replacement import ReplacingUnreadable
from tests.tiny_run import BATCHES, NoisyImages, at_step, tiny_trainer
from trainers import checkpointing
from utils.draws import SampleKey
from utils.image_io import UnreadableImage


def folder(workspace: Path) -> Path:
    return workspace / "checkpoints" / "tests" / "tiny"


def names(workspace: Path) -> list[str]:
    return sorted(path.name for path in folder(workspace).iterdir())


def epoch_file(workspace: Path, epoch: int) -> Path:
    return folder(workspace) / f"TinyNet_ep{epoch:04d}.pth.tar"


@pytest.fixture(scope="module")
def three_epochs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("three_epochs")
    tiny_trainer(workspace).train(3)
    return workspace


@pytest.fixture
def workspace(three_epochs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(three_epochs, tmp_path / "workspace"))


# Checkpoints


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_where_the_newest_checkpoint_is_cut_off_the_one_before_is_used_with_a_word(
    workspace: Path, caplog: pytest.LogCaptureFixture, kept: float
) -> None:
    newest = epoch_file(workspace, 3)
    content = newest.read_bytes()
    newest.write_bytes(content[: int(kept * len(content))])
    trainer = tiny_trainer(workspace)
    assert trainer.load_checkpoint()
    assert trainer.epoch == 2
    assert "TinyNet_ep0003.pth.tar cannot be read" in caplog.text
    assert "one before is used" in caplog.text
    trainer.train(3)  # and the damaged one is replaced
    assert read_checkpoint(newest)["epoch"] == 3


def test_a_flipped_bit_in_the_weights_is_noticed(workspace: Path) -> None:
    path = epoch_file(workspace, 3)
    weight = read_checkpoint(path)["net"]["conv.weight"].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(weight) + 5] ^= 4
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match="TinyNet_ep0003"):
        read_checkpoint(path)


def test_where_no_checkpoint_can_be_read_nothing_is_started_anew(workspace: Path) -> None:
    for epoch in (1, 2, 3):
        epoch_file(workspace, epoch).write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="TinyNet_ep0003"):
        tiny_trainer(workspace).train(4, load_latest=True)


def test_a_full_disk_while_saving_loses_no_checkpoint_and_the_run_goes_on(
    tmp_path: Path, three_epochs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = {3, 4}
    calls = iter(range(100))
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if next(calls) in full:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr("utils.atomic_write.os.fsync", failing)
    monkeypatch.setattr("trainers.retry.time.sleep", lambda seconds: None)
    tiny_trainer(tmp_path).train(3)
    assert names(tmp_path) == names(three_epochs)
    weights = [read_checkpoint(epoch_file(place, 3))["net"] for place in (tmp_path, three_epochs)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[1])


def test_a_folder_that_must_not_be_written_is_one_error_at_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder(workspace).iterdir()}
    open_path = Path.open

    def refusing(self: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if "x" in mode:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return open_path(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(PermissionError, match="TinyNet_ep0004"):
        tiny_trainer(workspace).train(4, load_latest=True)
    assert {path.name: path.read_bytes() for path in folder(workspace).iterdir()} == before


def test_what_a_killed_process_has_left_is_removed_by_the_next(workspace: Path) -> None:
    half = folder(workspace) / "TinyNet_latest.pth.tar.123-abcd.tmp"
    half.write_bytes(b"half a checkpoint")
    tiny_trainer(workspace).train(3, load_latest=True)
    assert not half.exists()


def test_only_the_last_epochs_and_the_best_one_are_kept(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, keep_last=2, keep_best="max train Stat/psnr")
    trainer.train(4)
    history = trainer.stats["train"]["Stat/psnr"].history
    assert names(tmp_path) == ["TinyNet_best.pth.tar", "TinyNet_ep0003.pth.tar", "TinyNet_ep0004.pth.tar"]
    best = read_checkpoint(folder(tmp_path) / "TinyNet_best.pth.tar")
    assert best["epoch"] == 1 + int(np.argmax(history))
    assert best["best"]["value"] == max(history)


def test_what_was_best_before_a_restart_stays_best(tmp_path: Path) -> None:
    values: dict[str, Any] = {"keep_best": "min val Loss/total"}
    tiny_trainer(tmp_path / "cut", **values).train(2)
    tiny_trainer(tmp_path / "cut", **values).train(6, load_latest=True)
    tiny_trainer(tmp_path / "whole", **values).train(6)
    best = [read_checkpoint(folder(tmp_path / name) / "TinyNet_best.pth.tar") for name in ("cut", "whole")]
    assert best[0]["epoch"] == best[1]["epoch"]
    assert best[0]["best"] == best[1]["best"]


@pytest.mark.parametrize("value", ["Stat/psnr", "best val Stat/psnr", "max other Stat/psnr"])
def test_a_best_that_makes_no_sense_is_named_before_the_run(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match=rf"keep_best = '{value}'.*train, val"):
        tiny_trainer(tmp_path, keep_best=value)
    with pytest.raises(ValueError, match="keep_last = 0"):
        tiny_trainer(tmp_path, keep_last=0)


def test_a_run_that_goes_on_from_an_earlier_epoch_puts_the_later_ones_away(
    workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = tiny_trainer(workspace, at_step(BATCHES + 2, Interrupt()))
    trainer.load_checkpoint(1)
    with pytest.raises(KeyError):
        trainer.train(3)
    assert sorted(path.name for path in (folder(workspace) / "later").iterdir()) == [
        "TinyNet_ep0002.pth.tar",
        "TinyNet_ep0003.pth.tar",
    ]
    assert "TinyNet_ep0003.pth.tar is now" in caplog.text
    again = tiny_trainer(workspace)
    again.train(2, load_latest=True)
    assert (again.epoch, again.step) == (2, 2 * BATCHES)


@pytest.mark.parametrize(
    ("then", "stored", "here", "batch"),
    [(1, 4, 1, 4), (2, 2, 1, 4), (4, 2, 2, 4), (1, 4, 2, 2), (3, 1, 1, 2)],  # the last one: whole steps of 2 batches
)
def test_another_number_of_processes_goes_on_at_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: int, stored: int, here: int, batch: int
) -> None:
    trainer = tiny_trainer(tmp_path, grad_accumulation=2)
    trainer.position = {"loader": "train", "batch": stored}
    monkeypatch.setattr("admin.distributed.count", lambda: then)
    position = checkpointing._stored_position(trainer)
    monkeypatch.setattr("admin.distributed.count", lambda: here)
    assert checkpointing._position_here(trainer, position) == {"loader": "train", "batch": batch}


class Interrupt:
    """A bug."""

    def __call__(self) -> None:
        raise KeyError("a bug")


# Samples


class PartlyBroken(NoisyImages):
    """Two images cannot be read."""

    broken = (3, 7)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if int(index) in self.broken:
            raise UnreadableImage(f"photo_{int(index)}.png is cut off after 12 bytes")
        return {**super().__getitem__(index), "index": int(index)}


def test_an_unreadable_image_stops_the_run_by_name(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path)
    trainer.loaders[0] = DataLoader("train", PartlyBroken(), batch_size=2)
    with pytest.raises(UnreadableImage, match=r"photo_3\.png is cut off"):
        trainer.train(1)


def test_unreadable_images_are_named_and_replaced_by_the_same_ones_every_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def indices(workers: int) -> list[list[int]]:
        loader = DataLoader("train", PartlyBroken(), batch_size=2, shuffle=True, num_workers=workers)
        loader.replace_unreadable()
        loader.replace_unreadable()  # asked again, nothing changes
        loader.start(seed=1, epoch=2)
        return [batch["index"].tolist() for batch in loader]

    first = indices(0)
    assert "photo_3.png is cut off" in caplog.text
    assert "photo_7.png is cut off" in caplog.text
    assert not {3, 7} & {index for batch in first for index in batch}
    assert indices(0) == indices(1) == first
    plain = DataLoader("train", NoisyImages(), batch_size=2, shuffle=True)
    plain.start(seed=1, epoch=2)
    order = [sample for batch in plain for sample in batch["sample"]]
    kept = [index for batch in first for index in batch]
    same = [f"noise {SampleKey(index, 1, 2)}" == sample for index, sample in zip(kept, order, strict=True)]
    assert same.count(False) == 2  # all others are where they were


def test_the_setting_decides_for_training_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        trainer = tiny_trainer(tmp_path, unreadable_samples="replace")
    assert isinstance(trainer.loaders[0].dataset, ReplacingUnreadable)
    assert not isinstance(trainer.loaders[1].dataset, ReplacingUnreadable)
    with pytest.raises(ValueError, match="unreadable_samples = 'skip'"):
        tiny_trainer(tmp_path, unreadable_samples="skip")


def test_errors_that_may_pass_and_bugs_are_not_replaced() -> None:
    class Failing(NoisyImages):
        error: Exception

        def __getitem__(self, index: int) -> dict[str, Any]:
            raise self.error

    samples = Failing()
    for error in (OSError(errno.EIO, "Input/output error"), TypeError("a bug")):
        samples.error = error
        with pytest.raises(type(error)):
            ReplacingUnreadable(samples)[0]
    samples.error = UnreadableImage("every_one.png is no image")
    with pytest.raises(RuntimeError, match=r"100 samples in a row.*every_one\.png"):
        ReplacingUnreadable(samples)[0]


# Curves and log


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's own thread
def test_loss_of_the_curves_does_not_end_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    curves = tmp_path / "tensorboard"

    def lose() -> None:
        shutil.rmtree(curves)
        curves.write_text("no folder any more")

    trainer = tiny_trainer(tmp_path, at_step(BATCHES + 2, lose))
    trainer.train(3)
    assert trainer.epoch == 3
    assert "curves of train" in caplog.text
    assert "cannot be written" in caplog.text


def test_a_full_log_disk_does_not_end_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class FullDisk(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    handler = logging.StreamHandler(FullDisk())
    monkeypatch.setattr(logging, "raiseExceptions", False)  # the handler would tell the terminal of the test
    logging.getLogger("trainers").addHandler(handler)
    try:
        trainer = tiny_trainer(tmp_path, print_interval=1)
        with caplog.at_level(logging.INFO, logger="trainers"):
            trainer.train(1)
    finally:
        logging.getLogger("trainers").removeHandler(handler)
    assert trainer.epoch == 1


def test_a_checkpoint_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "net.pth.tar"
    save_checkpoint(path, {"net": torch.ones(3)})
    with pytest.raises(TypeError):
        save_checkpoint(path, {"net": object()})
    assert read_checkpoint(path)["net"].tolist() == [1, 1, 1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.pth.tar"]
