"""What the trainer does with losses, statistics, failures and limits."""

from __future__ import annotations

import errno
import importlib
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from admin.checkpoints import read_checkpoint
from data import DataLoader
from tests.needs import needs_posix
from tests.tiny_run import BATCHES, NoisyImages, TinyActor, TinyNet, at_step, settings_for, tiny_trainer
from trainers import SimpleTrainer
from trainers.loss_watch import NonFiniteLoss
from trainers.retry import can_pass


def folder(workspace: Path) -> Path:
    return workspace / "checkpoints" / "tests" / "tiny"


class Flaky:
    """Raises the given errors, one at each call."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("trainers.retry.time.sleep", waited.append)
    return waited


def test_files_keys_and_statistics_of_a_run(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path)
    trainer.train(2)
    assert sorted(path.name for path in folder(tmp_path).iterdir()) == [
        "TinyNet_ep0001.pth.tar",
        "TinyNet_ep0002.pth.tar",
    ]
    content = read_checkpoint(folder(tmp_path) / "TinyNet_ep0002.pth.tar")
    first_keys = ["epoch", "actor_type", "net_type", "net", "net_info", "constructor", "optimizer", "stats", "settings"]
    assert list(content)[:9] == first_keys
    assert (content["epoch"], content["actor_type"], content["net_type"]) == (2, "TinyActor", "TinyNet")
    assert content["settings"]["project_path"] == "tests/tiny"
    train, val = content["stats"]["train"], content["stats"]["val"]
    assert list(train) == ["Loss/total", "Stat/psnr", "LearningRate/group0"]
    assert list(val) == ["Loss/total", "Stat/psnr"]
    assert len(train["Loss/total"]["history"]) == 2
    assert len(val["Loss/total"]["history"]) == 1
    assert train["LearningRate/group0"]["history"] == pytest.approx([1e-2, 2e-3])  # the rate that was used


def test_curves_carry_the_names_and_values_of_the_statistics(tmp_path: Path) -> None:
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")  # has no types
    trainer = tiny_trainer(tmp_path, description="a tiny run")
    trainer.train(2)
    curves = reader.EventAccumulator(str(tmp_path / "tensorboard" / "tests" / "tiny" / "val")).Reload()
    (event,) = curves.Scalars("Loss/total")
    assert event.step == 2
    assert event.value == pytest.approx(trainer.stats["val"]["Loss/total"].history[0])
    info = reader.EventAccumulator(str(tmp_path / "tensorboard" / "tests" / "tiny" / "info")).Reload()
    texts = {tag: info.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in info.Tags()["tensors"]}
    assert texts == {
        "Modulet_name/text_summary": "tests",
        "Script_name/text_summary": "tiny",
        "Description/text_summary": "a tiny run",
    }


def test_the_printed_line_has_running_averages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        tiny_trainer(tmp_path, print_interval=2, print_stats=["Loss/total"]).train(1)
    pattern = r"\[train: 1, (\d) / 5\] FPS: \d+\.\d \(\d+\.\d\)  ,  Loss/total: \d\.\d{5}$"
    lines = [match.group(1) for record in caplog.records if (match := re.match(pattern, record.getMessage()))]
    assert lines == ["2", "4", "5"]


def test_gradients_and_training_mode_are_back_after_validation(tmp_path: Path) -> None:
    seen: list[tuple[bool, bool]] = []
    trainer = tiny_trainer(tmp_path, lambda batch: seen.append((torch.is_grad_enabled(), trainer.net.training)))
    trainer.train(4)
    assert torch.is_grad_enabled()
    training, validation = [(True, True)] * BATCHES, [(False, False)] * BATCHES
    assert seen == (training + training + validation) * 2


@pytest.mark.parametrize("step", [2, BATCHES + 2])  # before the first epoch's checkpoint, and after it
def test_an_error_that_can_pass_is_retried_to_the_same_result(
    tmp_path: Path, no_waiting: list[float], step: int
) -> None:
    whole = tiny_trainer(tmp_path / "whole")
    whole.train(2)
    flaky = Flaky(OSError("the network file system is away"))

    def half_a_step() -> None:
        if flaky.errors:
            failing.net.conv.weight.data += 1
        flaky()

    failing = tiny_trainer(tmp_path / "failing", at_step(step, half_a_step))
    failing.train(2)
    assert flaky.calls == 2
    assert all(torch.equal(value, whole.net.state_dict()[key]) for key, value in failing.net.state_dict().items())
    assert failing.stats["train"]["Loss/total"].history == whole.stats["train"]["Loss/total"].history


def test_a_failing_run_that_started_from_other_weights_goes_back_to_its_own_start(
    tmp_path: Path, no_waiting: list[float]
) -> None:
    tiny_trainer(tmp_path / "other").train(1)
    flaky = Flaky(OSError("the network file system is away"))
    trainer = tiny_trainer(tmp_path, at_step(2, flaky))
    trainer.load_checkpoint(folder(tmp_path / "other"), fields=["net"])
    trainer.train(1)
    assert flaky.calls == 2
    assert trainer.step == BATCHES
    assert len(trainer.stats["train"]["Loss/total"].history) == 1
    assert (folder(tmp_path) / "TinyNet_ep0001.pth.tar").is_file()


@needs_posix
def test_a_worker_that_the_system_kills_is_named_and_nothing_is_lost(
    tmp_path: Path, no_waiting: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[int] = []

    def kill_worker() -> None:
        worker = trainer.loaders[0]._iterator._workers[0]
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        killed.append(worker.pid)

    whole = tiny_trainer(tmp_path / "whole")
    whole.train(2)
    trainer = tiny_trainer(tmp_path, at_step(BATCHES + 1, kill_worker), workers=1)
    trainer.train(2)
    assert len(killed) == 1
    assert re.search(rf"loader 'train', epoch 2.*pid.*{killed[0]}", caplog.text)
    assert no_waiting == []
    assert all(torch.equal(value, whole.net.state_dict()[key]) for key, value in trainer.net.state_dict().items())


def test_errors_of_the_program_are_raised_at_once(tmp_path: Path, no_waiting: list[float]) -> None:
    flaky = Flaky(RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"))
    with pytest.raises(RuntimeError, match="size of tensor"):
        tiny_trainer(tmp_path, at_step(2, flaky)).train(2)
    assert flaky.calls == 1
    assert no_waiting == []


def test_ten_failures_without_progress_are_final(tmp_path: Path, no_waiting: list[float]) -> None:
    flaky = Flaky(*[OSError("the disk is full")] * 100)
    with pytest.raises(OSError, match="disk is full"):
        tiny_trainer(tmp_path, at_step(3, flaky)).train(2)
    assert flaky.calls == 11
    assert max(no_waiting) <= 60


def test_without_fail_safe_nothing_is_retried(tmp_path: Path) -> None:
    flaky = Flaky(OSError("away"))
    with pytest.raises(OSError, match="away"):
        tiny_trainer(tmp_path, at_step(2, flaky)).train(1, fail_safe=False)
    assert flaky.calls == 1


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionResetError(), True),
        (RuntimeError("DataLoader worker (pid 12) is killed by signal: Killed."), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (FileNotFoundError("no such image"), False),
        (OSError(errno.EROFS, "Read-only file system"), False),
        (RuntimeError("Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback: shapes differ"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError(), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_which_errors_can_pass(error: BaseException, passes: bool) -> None:
    assert can_pass(error) is passes


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_with_the_samples_before_the_step(tmp_path: Path, poison: float) -> None:
    weights: list[dict[str, torch.Tensor]] = []

    def before(batch: Any) -> None:
        if batch["step"] == 3:
            weights.append({key: value.detach().clone() for key, value in trainer.net.named_parameters()})
            batch["frame_gt"][0, 0, 0, 0] = poison

    trainer = tiny_trainer(tmp_path, before)
    with pytest.raises(NonFiniteLoss, match=r"step 3 .*noise index \d of epoch 1, seed 0; noise index \d of epoch 1"):
        trainer.train(1)
    assert all(torch.equal(value, weights[0][key]) for key, value in trainer.net.named_parameters())


def test_weights_that_are_not_finite_never_replace_a_checkpoint(tmp_path: Path) -> None:
    def poison() -> None:
        trainer.net.conv.weight.register_hook(lambda gradient: gradient * float("nan"))

    trainer = tiny_trainer(tmp_path, at_step(2 * BATCHES, poison))
    with pytest.raises(NonFiniteLoss, match=r"weight conv\.weight .* step 10"):
        trainer.train(2)
    assert [path.name for path in folder(tmp_path).iterdir()] == ["TinyNet_ep0001.pth.tar"]


def test_two_loaders_of_one_name_are_refused(tmp_path: Path) -> None:
    net = TinyNet()
    loaders = [DataLoader("train", NoisyImages(), batch_size=2), DataLoader("train", NoisyImages(), training=False)]
    with pytest.raises(ValueError, match="train, train"):
        SimpleTrainer(TinyActor(net), loaders, torch.optim.SGD(net.parameters(), 0.1), settings_for(tmp_path))


def test_an_interrupted_trainer_can_go_on(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, at_step(2, lambda: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        trainer.train(1)
    trainer.train(1)
    assert trainer.step == BATCHES


def test_the_time_limit_counts_over_resumed_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    steps: list[int] = []
    for _ in range(3):
        trainer = tiny_trainer(tmp_path, lambda batch: steps.append(batch["step"]), max_minutes=1e-9)
        with caplog.at_level("INFO"):
            trainer.train(5, load_latest=True)
    assert steps == [1]  # the resumed runs have no time left at all
    assert "max_minutes" in caplog.text
    assert trainer.seconds > 0
    tiny_trainer(tmp_path, lambda batch: steps.append(batch["step"]), max_minutes=10).train(1, load_latest=True)
    assert steps == [1, 2, 3, 4, 5]


def test_pinned_epochs_win_over_the_settings_file(tmp_path: Path) -> None:
    tiny_trainer(tmp_path, max_epochs=1).train(500)
    assert [path.name for path in folder(tmp_path).iterdir()] == ["TinyNet_ep0001.pth.tar"]


def test_accumulated_batches_equal_one_large_batch(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(1)
    batches = [
        {"burst": torch.rand(2, 2, 6, 6, generator=draw), "frame_gt": torch.rand(2, 1, 6, 6, generator=draw)}
        for _ in range(3)
    ]
    pair, single = [{key: torch.cat([batches[0][key], batches[1][key]]) for key in batches[0]}], [batches[2]]

    class ListLoader(list[Any]):
        name, training, epoch_interval = "train", True, 1

    def run(name: str, data: list[Any], accumulation: int) -> torch.Tensor:
        torch.manual_seed(0)
        net = torch.nn.Conv2d(2, 1, 3, padding=1)
        wrapped: Any = TinyNet()
        wrapped.forward = lambda burst: (net(burst), {})
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        settings = settings_for(tmp_path / name, grad_accumulation=accumulation)
        SimpleTrainer(TinyActor(wrapped), [ListLoader(data)], optimizer, settings).train(1)
        return net.weight.detach()

    torch.testing.assert_close(run("two", batches, 2), run("one", pair + single, 1))


def test_parameter_groups_keep_their_own_rates(tmp_path: Path) -> None:
    net = TinyNet()
    groups = [{"params": net.conv.parameters(), "lr": 1e-3}, {"params": net.out.parameters(), "lr": 1e-5}]
    trainer: Any = SimpleTrainer(
        TinyActor(net), tiny_trainer(tmp_path).loaders, torch.optim.Adam(groups), settings_for(tmp_path)
    )
    trainer.train(1)
    rates = [trainer.stats["train"][f"LearningRate/group{group}"].history for group in (0, 1)]
    assert rates == [[1e-3], [1e-5]]


def test_the_average_of_the_weights_stands_beside_them(tmp_path: Path) -> None:
    tiny_trainer(tmp_path, ema_decay=0.5).train(1)
    content = read_checkpoint(folder(tmp_path) / "TinyNet_ep0001.pth.tar")
    assert content["net"].keys() == content["net_ema"].keys()
    assert not torch.equal(content["net"]["conv.weight"], content["net_ema"]["conv.weight"])


def test_mixed_precision_trains_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, mixed_precision="bf16")
    trainer.train(1)
    assert trainer.net.conv.weight.dtype == torch.float32
    assert trainer.stats["train"]["Loss/total"].history[0] > 0
    with pytest.raises(ValueError, match="mixed_precision = 'half'"):
        tiny_trainer(tmp_path, mixed_precision="half")
    with pytest.raises(ValueError, match="needs a GPU"):
        tiny_trainer(tmp_path, mixed_precision="fp16")


def test_check_prints_shapes_and_costs_and_saves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = tiny_trainer(tmp_path, check_only=True)
    before = {key: value.clone() for key, value in trainer.net.named_parameters()}
    trainer.train(100, load_latest=True)
    text = capsys.readouterr().out
    for expected in ("burst", "[2, 2, 6, 6] float32", "noise index", "parameters", "FLOPs", "peak memory", "waiting"):
        assert expected in text
    assert list(tmp_path.iterdir()) == []
    assert all(torch.equal(value, before[key]) for key, value in trainer.net.named_parameters())


@pytest.mark.parametrize("values", [{"grad_accumulation": 0}, {"grad_accumulation": 1.5}, {"seed": -1}])
def test_impossible_numbers_are_named(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        tiny_trainer(tmp_path, **values)


def test_several_gpus_that_the_settings_file_does_not_care_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multi_gpu = True, but the settings file does not wrap its network"):
        tiny_trainer(tmp_path, multi_gpu=True)


def test_unknown_schedule_and_unknown_pinned_setting_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="schedule_per = 'iteration'"):
        tiny_trainer(tmp_path, schedule_per="iteration")


def test_a_training_loader_without_a_batch_is_refused(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path)
    trainer.loaders[0] = DataLoader("train", NoisyImages(), batch_size=1000)
    with pytest.raises(ValueError, match=r"'train' has no batch.*batch_size"):
        trainer.train(1)
    assert not folder(tmp_path).exists() or not list(folder(tmp_path).iterdir())
