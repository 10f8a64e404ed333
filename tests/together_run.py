"""The same small training and prediction in one process and in several, which have to agree.

    RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 python -m tests.together_run FOLDER TASK [TASK ...]

runs one of them; :func:`run_together` starts all. The network draws nothing and normalises nothing by its batch.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from admin import distributed
from admin.multigpu import MultiGPU
from data import DataLoader
from tests.tiny_run import NoisyImages, TinyActor, settings_for
from trainers import SimpleTrainer

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLES, BATCH_OF_ALL, EPOCHS = 18, 4, 4  # 5 rounds an epoch; the last one holds 2 samples


class Images(NoisyImages):
    """Drawn from their key."""

    def __len__(self) -> int:
        return SAMPLES


class PlainNet(nn.Module):
    """Nothing but weights; ``unused`` never gets a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        return self.second(torch.tanh(self.first(burst))), {}


class SumActor(TinyActor):
    """The squared error as a sum over samples."""

    loss_is_sum = True

    def __call__(self, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if self.before is not None:
            self.before(batch)
        loss = (self.net(batch["burst"])[0] - batch["frame_gt"]).square().sum()
        return loss, {"Loss/total": loss.detach()}


def plain_trainer(folder: Path, actor: type[TinyActor] = TinyActor, before: Any = None, **values: Any) -> SimpleTrainer:
    """A trainer whose share of a batch of all is as large as it has to be."""
    distributed.join()
    torch.manual_seed(distributed.number())  # the weights of the first process count
    net = MultiGPU(PlainNet())
    size = BATCH_OF_ALL // distributed.count()
    loaders = [
        DataLoader("train", Images(), batch_size=size, shuffle=True, drop_last=False),
        DataLoader("val", Images(), training=False, batch_size=size, drop_last=False),
    ]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 6, 0.5)
    settings = settings_for(folder, batch_size=size, **values)
    return SimpleTrainer(actor(net, before), loaders, optimizer, settings, schedule, schedule_per="step")


def train(folder: Path) -> None:
    """Loss of every step, final weights and statistics, for a mean and a sum as loss, and with accumulation."""
    for name, actor, values in (
        ("mean", TinyActor, {}),
        ("sum", SumActor, {}),
        ("accumulated", TinyActor, {"grad_accumulation": 2, "clip_grad_norm": 0.05, "ema_decay": 0.5}),
    ):
        samples: list[list[str]] = []
        losses: list[float] = []

        def before(batch: Any, samples: Any = samples) -> None:
            if torch.is_grad_enabled():
                samples.append(list(batch["sample"]))

        trainer = plain_trainer(folder / name, actor, before, **values)
        learn = trainer._learn

        def learned(
            batch: Any, *rest: Any, losses: Any = losses, learn: Any = learn, sums: bool = actor is SumActor
        ) -> Any:
            stats = learn(batch, *rest)
            share = 0.0 if batch is None else 1.0 if sums else rest[0]
            losses.append(distributed.summed([share * float(stats.get("Loss/total", 0.0))])[0])
            return stats

        trainer._learn = learned  # type: ignore[method-assign, assignment]
        trainer.train(EPOCHS)
        seen = distributed.gathered(samples)
        if distributed.number() == 0:
            torch.save(
                {
                    "losses": losses,
                    "weights": trainer.net.state_dict(),
                    "stats": {loader: dict(_histories(tags)) for loader, tags in trainer.stats.items()},
                    "samples": seen,
                    "rates": [group["lr"] for group in trainer.optimizer.param_groups],
                },
                folder / f"{name}.pt",
            )


def _histories(tags: Any) -> list[tuple[str, list[float]]]:
    return [(tag, meter.history) for tag, meter in tags.items()]


def stop_and_resume(folder: Path) -> None:
    """The second process gets SIGTERM; all stop after the same step, and a second run goes on."""
    steps: list[int] = []

    def before(batch: Any) -> None:
        if torch.is_grad_enabled():
            steps.append(batch["step"])
            if batch["step"] == 7 and distributed.number() == 1:
                signal.raise_signal(signal.SIGTERM)

    try:
        plain_trainer(folder / "stopped", before=before).train(EPOCHS)
    except SystemExit:
        steps.append(-143)
    trainer = plain_trainer(folder / "stopped", before=before if distributed.number() == 0 else None)
    trainer.train(EPOCHS, load_latest=True)
    everyone = distributed.gathered(steps)
    if distributed.number() == 0:
        content = {"weights": trainer.net.state_dict(), "steps": everyone}
        content["stats"] = {loader: dict(_histories(tags)) for loader, tags in trainer.stats.items()}
        torch.save(content, folder / "stopped.pt")


def fail(folder: Path) -> None:
    """The second process fails in step 3."""

    def before(batch: Any) -> None:
        if batch["step"] == 3 and distributed.number() == 1:
            raise ValueError("a bug of the second process")

    plain_trainer(folder / "failed", before=before, checkpoint_interval_minutes=0).train(EPOCHS, load_latest=True)


def predict(folder: Path) -> None:
    """Predictions and scores of a few bursts."""
    from tests.evaluation_fixtures import predicted_together

    scores = predicted_together(folder)
    if distributed.number() == 0:
        (folder / "scores.json").write_text(json.dumps(scores))


TASKS: dict[str, Callable[[Path], None]] = {
    "train": train,
    "stop_and_resume": stop_and_resume,
    "fail": fail,
    "predict": predict,
}


def run_together(folder: Path, tasks: Sequence[str], count: int) -> list[subprocess.CompletedProcess[str]]:
    """Starts ``count`` processes that do the tasks one after the other in ``folder``, and waits for them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.together_run", str(folder), *tasks]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    done = []
    try:
        for process in processes:
            out, err = process.communicate(timeout=900)
            done.append(subprocess.CompletedProcess(command, process.returncode, out, err))
    finally:
        for process in processes:
            process.kill()
    return done


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(1)
    for task in sys.argv[2:]:
        TASKS[task](Path(sys.argv[1]))
    distributed.leave()
