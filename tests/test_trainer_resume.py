"""A run that was stopped, in whatever way and place, ends with the same bits as one that never was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from admin.checkpoints import CheckpointError, read_checkpoint, save_checkpoint
from tests.needs import needs_posix
from tests.tiny_run import BATCHES, TinyActor, TinyNet, at_step, settings_for, tiny_trainer
from trainers import SimpleTrainer

REPOSITORY = Path(__file__).resolve().parent.parent


def folder(workspace: Path) -> Path:
    return workspace / "checkpoints" / "tests" / "tiny"


def trained(workspace: Path, epochs: int = 3, **values: Any) -> dict[str, Any]:
    """The last checkpoint of a run."""
    tiny_trainer(workspace, **values).train(epochs, load_latest=True)
    return read_checkpoint(folder(workspace) / f"TinyNet_ep{epochs:04d}.pth.tar")


def interrupted(workspace: Path, step: int, **values: Any) -> None:
    """A run that gets Ctrl-C in the middle of a step."""
    before = at_step(step, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        tiny_trainer(workspace, before, **values).train(3)


def assert_same_run(resumed: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    assert resumed["net"].keys() == undisturbed["net"].keys()
    for part in ("net", "net_ema"):
        for key, value in (undisturbed[part] or {}).items():
            assert torch.equal(resumed[part][key], value), (part, key)
    for index, state in undisturbed["optimizer"]["state"].items():
        for name, value in state.items():
            assert torch.equal(resumed["optimizer"]["state"][index][name], value), (index, name)
    for name in ("stats", "lr_scheduler", "step", "epoch"):
        assert resumed[name] == undisturbed[name], name
    assert resumed["optimizer"]["param_groups"] == undisturbed["optimizer"]["param_groups"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return trained(tmp_path_factory.mktemp("undisturbed"))


@needs_posix
def test_a_run_killed_in_mid_epoch_ends_bit_identical(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    step = BATCHES + 3
    command = [sys.executable, "-m", "tests.tiny_run", str(tmp_path), str(step), "1", str(torch.get_num_threads())]
    killed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=100)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    latest = read_checkpoint(folder(tmp_path) / "TinyNet_latest.pth.tar")
    assert latest["epoch"] == 1
    assert latest["position"] == {"loader": "train", "batch": 2}

    assert_same_run(trained(tmp_path), undisturbed)


@pytest.mark.parametrize("step", [2, BATCHES, BATCHES + 2])
def test_ctrl_c_saves_a_checkpoint_from_which_the_run_goes_on(
    tmp_path: Path, undisturbed: dict[str, Any], step: int
) -> None:
    interrupted(tmp_path, step)
    assert (folder(tmp_path) / "TinyNet_latest.pth.tar").is_file()
    assert_same_run(trained(tmp_path), undisturbed)
    assert not (folder(tmp_path) / "TinyNet_latest.pth.tar").exists()


def test_ctrl_c_during_validation_goes_on_with_the_validation(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    batches = iter(range(100))

    def before(batch: Any) -> None:
        if not torch.is_grad_enabled() and next(batches) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tiny_trainer(tmp_path, before).train(3)
    assert read_checkpoint(folder(tmp_path) / "TinyNet_latest.pth.tar")["position"] == {"loader": "val", "batch": 2}
    assert_same_run(trained(tmp_path), undisturbed)


def test_another_number_of_workers_makes_no_difference(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    interrupted(tmp_path, BATCHES + 2)
    assert_same_run(trained(tmp_path, workers=2), undisturbed)


def test_a_run_continued_from_a_completed_epoch_is_the_same(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    tiny_trainer(tmp_path).train(1)
    assert_same_run(trained(tmp_path), undisturbed)


def test_schedule_per_step_average_and_accumulation_are_resumed(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "schedule_per": "step",
        "ema_decay": 0.8,
        "grad_accumulation": 2,
        "clip_grad_norm": 0.5,
    }
    whole = trained(tmp_path / "whole", **values)
    assert whole["net_ema"] is not None
    assert whole["lr_scheduler"]["last_epoch"] == 3 * -(-BATCHES // 2)
    interrupted(tmp_path / "cut", BATCHES + 3, **values)  # in the first half of a group: it is completed
    assert read_checkpoint(folder(tmp_path / "cut") / "TinyNet_latest.pth.tar")["position"]["batch"] == 4
    assert_same_run(trained(tmp_path / "cut", **values), whole)


def test_the_average_is_the_same_after_a_return_to_the_very_start(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", 1, ema_decay=0.8)

    def die() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        tiny_trainer(tmp_path / "cut", at_step(2, die), ema_decay=0.8).train(1)
    assert read_checkpoint(folder(tmp_path / "cut") / "TinyNet_latest.pth.tar")["step"] == 0
    assert_same_run(trained(tmp_path / "cut", 1, ema_decay=0.8), whole)


@pytest.mark.parametrize(
    "damage",
    [
        {"net": 5},
        {"optimizer": {}},
        {"optimizer": 3},
        {"stats": {"train": {"Loss/total": {"kind": "other"}}}},
        {"epoch": "one"},
        {"position": {"loader": "train", "batch": 99}},
        {"position": 3},
        {"lr_scheduler": 3},
    ],
)
def test_a_checkpoint_with_nonsense_in_it_is_one_clear_error(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = folder(tmp_path) / "TinyNet_ep0001.pth.tar"
    tiny_trainer(tmp_path).train(1)
    save_checkpoint(path, read_checkpoint(path) | damage)
    with pytest.raises(CheckpointError, match="TinyNet_ep0001"):
        tiny_trainer(tmp_path).load_checkpoint()


def test_a_loader_that_cannot_start_in_the_middle_is_skipped_forward(tmp_path: Path) -> None:
    class ListLoader(list[Any]):
        name, training, epoch_interval = "train", True, 1

    def run(workspace: Path, before: Any = None) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        net = TinyNet()
        draw = torch.Generator().manual_seed(5)
        batches = [
            {"burst": torch.rand(2, 2, 6, 6, generator=draw), "frame_gt": torch.rand(2, 1, 6, 6, generator=draw)}
            for _ in range(4)
        ]
        trainer = SimpleTrainer(
            TinyActor(net, before),
            [ListLoader(batches)],
            torch.optim.SGD(net.parameters(), 0.1),
            settings_for(workspace),
        )
        trainer.train(2, load_latest=True)
        return net.state_dict()

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", at_step(6, lambda: signal.raise_signal(signal.SIGINT)))
    resumed, whole = run(tmp_path / "cut"), run(tmp_path / "whole")
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)


def test_the_newest_checkpoint_is_chosen_by_number(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path)
    for epoch in (2, 9999, 10000):
        trainer.epoch = epoch
        trainer._save(folder(tmp_path) / f"TinyNet_ep{epoch:04d}.pth.tar")
    fresh = tiny_trainer(tmp_path)
    assert fresh.load_checkpoint()
    assert fresh.epoch == 10000
    assert fresh.load_checkpoint(2)
    assert fresh.epoch == 2


def test_no_checkpoint_yet_starts_from_the_beginning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert not tiny_trainer(tmp_path).load_checkpoint()
    assert "No matching checkpoint file found" in caplog.text


def test_a_new_run_does_not_mix_with_an_earlier_one(tmp_path: Path) -> None:
    first = tiny_trainer(tmp_path)
    first.train(2)
    before = {path.name: path.read_bytes() for path in folder(tmp_path).iterdir()}
    with pytest.raises(FileExistsError, match=r"TinyNet_ep0002.*load_latest=True.*move the folder"):
        tiny_trainer(tmp_path).train(1)
    assert {path.name: path.read_bytes() for path in folder(tmp_path).iterdir()} == before
    first.train(3)  # the same trainer goes on, and so does one that was put somewhere by hand
    again = tiny_trainer(tmp_path)
    again.load_checkpoint(2)
    again.train(3)
    assert again.epoch == 3


def test_a_checkpoint_of_another_network_is_refused_by_name(tmp_path: Path) -> None:
    tiny_trainer(tmp_path).train(1)

    class OtherNet(TinyNet):
        pass

    net = OtherNet()
    trainer = SimpleTrainer(TinyActor(net), [], torch.optim.SGD(net.parameters(), 0.1), settings_for(tmp_path))
    assert not trainer.load_checkpoint()  # its own files only
    with pytest.raises(CheckpointError, match=r"TinyNet_ep0001.*TinyNet.*OtherNet"):
        trainer.load_checkpoint(folder(tmp_path) / "TinyNet_ep0001.pth.tar")


def test_fields_can_be_chosen_and_the_list_of_the_caller_stays(tmp_path: Path) -> None:
    tiny_trainer(tmp_path).train(1)
    trainer = tiny_trainer(tmp_path)
    ignored = ["optimizer"]
    trainer.load_checkpoint(ignore_fields=ignored)
    assert ignored == ["optimizer"]
    assert trainer.epoch == 1
    assert not trainer.optimizer.state_dict()["state"]
    weights_only = tiny_trainer(tmp_path)
    weights_only.load_checkpoint(fields=["net"])
    assert weights_only.epoch == 0
    assert torch.equal(weights_only.net.conv.weight, trainer.net.conv.weight)
