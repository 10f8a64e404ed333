"""Two processes (gloo) do what one does alone with the doubled batch, and end together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from admin import distributed
from admin.multigpu import MultiGPU
from data import DataLoader
from tests.evaluation_fixtures import predicted_together
from tests.tiny_run import NoisyImages, TinyActor, settings_for, tiny_trainer
from tests.together_run import BATCH_OF_ALL, EPOCHS, SAMPLES, PlainNet, run_together, train
from trainers import SimpleTrainer
from trainers.seeding import seed_training_step
from trainers.teamwork import with_shared_batch_norm

STEPS = 20


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    train(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURSTLAB_SAVE_DATA_PATH", str(folder))
        (folder / "scores.json").write_text(json.dumps(predicted_together(folder)))
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of two processes that did everything, and what they said."""
    folder = tmp_path_factory.mktemp("together")
    done = run_together(folder, ["train", "stop_and_resume", "predict", "fail"], count=2)
    assert [process.returncode for process in done] == [1, 1], done[0].stderr  # the last task fails
    return folder, [process.stderr for process in done]


def results(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / f"{name}.pt", weights_only=True)
    return content


@pytest.mark.parametrize(("name", "scale"), [("mean", 1.0), ("sum", 300.0), ("accumulated", 1.0)])
def test_two_processes_train_as_one_with_the_doubled_batch(
    alone: Path, together: tuple[Path, list[str]], name: str, scale: float
) -> None:
    one, two = results(alone, name), results(together[0], name)
    assert len(one["losses"]) == len(two["losses"]) == STEPS
    assert one["losses"][-1] < one["losses"][0]
    assert two["losses"] == pytest.approx(one["losses"], abs=1e-5 * scale)
    for key, weight in one["weights"].items():
        assert torch.allclose(two["weights"][key], weight, rtol=0, atol=1e-4), key
    assert two["rates"] == one["rates"]  # the schedule counts optimiser steps
    if name != "sum":
        for loader in ("train", "val"):
            histories = [content["stats"][loader]["Loss/total"] for content in (one, two)]
            assert histories[1] == pytest.approx(histories[0], abs=1e-5)


def test_every_batch_is_shared_in_order_and_no_sample_is_left_out(
    alone: Path, together: tuple[Path, list[str]]
) -> None:
    (whole,) = results(alone, "mean")["samples"]
    first, second = results(together[0], "mean")["samples"]
    rounds = -(-SAMPLES // BATCH_OF_ALL)
    assert (len(first), len(second)) == (EPOCHS * rounds, EPOCHS * (rounds - 1))  # two samples in the last round
    second = [batch for epoch in range(EPOCHS) for batch in [*second[epoch * 4 : epoch * 4 + 4], []]]
    assert [a + b for a, b in zip(first, second, strict=True)] == whole


def test_a_signal_to_one_process_stops_all_after_the_same_step_and_the_run_goes_on(
    together: tuple[Path, list[str]],
) -> None:
    stopped, undisturbed = results(together[0], "stopped"), results(together[0], "mean")
    assert all(steps[: steps.index(-143)][-1] == 7 for steps in stopped["steps"])
    for key, weight in undisturbed["weights"].items():
        assert torch.equal(stopped["weights"][key], weight), key
    assert stopped["stats"] == undisturbed["stats"]


def test_two_processes_write_the_same_predictions_and_have_the_same_scores(
    alone: Path, together: tuple[Path, list[str]]
) -> None:
    files = [
        {path.relative_to(folder): path.read_bytes() for path in (folder / "fabricated").rglob("*.png")}
        for folder in (alone, together[0])
    ]
    assert len(files[0]) == 6
    assert files[0] == files[1]
    assert json.loads((alone / "scores.json").read_text()) == json.loads((together[0] / "scores.json").read_text())


def test_one_failing_process_ends_all_and_says_why(together: tuple[Path, list[str]]) -> None:
    first, second = together[1]
    assert "ValueError: a bug of the second process" in second
    assert "LostProcess: another process of this run has ended" in first
    assert list((together[0] / "failed").rglob("PlainNet_latest.pth.tar"))


def test_the_shares_of_a_loader_make_up_its_batches() -> None:
    class Keys(NoisyImages):
        def __len__(self) -> int:
            return 11

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {"index": int(index)}

    def batches(number: int, count: int, first: int = 0, **options: Any) -> list[list[int]]:
        loader = DataLoader("x", Keys(), batch_size=options.pop("size", 2), **options)
        loader.share(number, count)
        loader.start(seed=3, epoch=1, first_batch=first)
        assert len(loader) == (1 if options.get("drop_last", True) else 2)
        return [batch["index"].tolist() for batch in loader]

    whole = batches(0, 1, size=6, shuffle=True, drop_last=False)
    shares = [batches(number, 3, shuffle=True, drop_last=False) for number in range(3)]
    assert shares[0][0] + shares[1][0] + shares[2][0] == whole[0]
    assert shares[0][1] + shares[1][1] + shares[2][1] == whole[1]
    assert [len(share[1]) for share in shares] == [2, 2, 1]
    assert batches(2, 3, first=1, shuffle=True, drop_last=False) == shares[2][1:]
    assert [len(batches(number, 3, shuffle=True)) for number in range(3)] == [1, 1, 1]  # the short round is dropped


def test_a_loader_that_cannot_be_shared_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ListLoader(list[Any]):
        name, training, epoch_interval = "lists", True, 1

    net = PlainNet()
    monkeypatch.setattr(distributed, "count", lambda: 2)
    with pytest.raises(ValueError, match="2 processes cannot share loader 'lists'"):
        SimpleTrainer(TinyActor(net), [ListLoader()], torch.optim.SGD(net.parameters(), 0.1), settings_for(tmp_path))


def test_noise_differs_between_processes_and_the_first_draws_what_one_alone_does() -> None:
    drawn = []
    for arguments in ((5, 7), (5, 7, 0), (5, 7, 1)):
        seed_training_step(*arguments)
        drawn.append(float(torch.rand(())))
    assert drawn[0] == drawn[1] != drawn[2]


def test_old_settings_with_several_gpus_in_one_process_go_on_working(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = tiny_trainer(tmp_path / "plain")
    plain.train(1)
    wrapped = tiny_trainer(tmp_path / "wrapped")
    net = MultiGPU(wrapped.net)
    wrapped = SimpleTrainer(
        TinyActor(net), wrapped.loaders, torch.optim.Adam([{"params": net.parameters(), "lr": 1e-2}]),
        settings_for(tmp_path / "wrapped", multi_gpu=True),
    )  # fmt: skip
    wrapped.train(1)
    assert isinstance(wrapped.actor.net, nn.DataParallel)
    assert wrapped.net_type == "TinyNet"
    assert all(torch.equal(value, plain.net.state_dict()[key]) for key, value in wrapped.net.state_dict().items())


def test_batch_norm_of_all_processes_needs_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, net = settings_for(tmp_path, sync_batchnorm=True), nn.Sequential(nn.BatchNorm2d(2))
    assert with_shared_batch_norm(net, settings, torch.device("cpu")) is net  # alone there is nothing to share
    monkeypatch.setattr(distributed, "count", lambda: 2)
    with pytest.raises(ValueError, match="sync_batchnorm = True needs GPUs"):
        with_shared_batch_norm(net, settings, torch.device("cpu"))
    shared = with_shared_batch_norm(net, settings, torch.device("cuda"))
    assert shared.state_dict().keys() == net.state_dict().keys()
    assert isinstance(next(shared.children()), nn.SyncBatchNorm)
