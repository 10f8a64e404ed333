"""A training run of a fraction of a second that has everything: noise, dropout, batch norm, validation, workers.

    python -m tests.tiny_run WORKSPACE KILL_AT_STEP WORKERS THREADS

trains and kills itself without warning before the given step.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from admin.settings import Settings
from data import DataLoader
from trainers import SimpleTrainer
from utils.draws import SampleKey, standard_normal

BATCHES, BATCH_SIZE = 5, 2


class TinyNet(nn.Module):
    """Draws dropout and keeps running statistics, so that a careless resume shows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.out = nn.Conv2d(4, 1, 1)

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        features = nn.functional.dropout(torch.relu(self.norm(self.conv(burst))), 0.3, self.training)
        return self.out(features), {}


class TinyActor:
    """L1 loss; ``before`` is called with the batch before anything is computed."""

    def __init__(self, net: nn.Module, before: Callable[[Any], None] | None = None) -> None:
        self.net, self.before = net, before

    def to(self, device: torch.device) -> None:
        self.net.to(device)

    def train(self, mode: bool = True) -> None:
        self.net.train(mode)

    def eval(self) -> None:
        self.train(False)

    def __call__(self, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if self.before is not None:
            self.before(batch)
        loss = (self.net(batch["burst"])[0] - batch["frame_gt"]).abs().mean()
        return loss, {"Loss/total": loss.detach(), "Stat/psnr": -20 * torch.log10(loss.detach())}


class NoisyImages(torch.utils.data.Dataset[Any]):
    """Images that are drawn from their key."""

    def __len__(self) -> int:
        return BATCHES * BATCH_SIZE

    def __getitem__(self, index: int) -> dict[str, Any]:
        key = SampleKey.of(index)
        noise = standard_normal((3, 6, 6), key.draws().seed())
        return {"burst": noise[:2], "frame_gt": noise[2:] + noise[:1], "sample": f"noise {key}"}


def settings_for(workspace: Path, **values: Any) -> Settings:
    """Settings of a quiet CPU run below ``workspace``."""
    settings = Settings()
    settings.env.workspace_dir, settings.env.tensorboard_dir = str(workspace), str(workspace / "tensorboard")
    settings.use_gpu = False
    settings.module_name, settings.script_name, settings.project_path = "tests", "tiny", "tests/tiny"
    settings.batch_size = BATCH_SIZE
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


def tiny_trainer(
    workspace: Path,
    before: Callable[[Any], None] | None = None,
    workers: int = 0,
    schedule_per: Any = "epoch",
    **values: Any,
) -> Any:
    """A ``SimpleTrainer`` of a new ``TinyNet``, the same in every call; validates every second epoch."""
    torch.manual_seed(0)
    net = TinyNet()
    loaders = [
        DataLoader("train", NoisyImages(), batch_size=BATCH_SIZE, shuffle=True, num_workers=workers),
        DataLoader("val", NoisyImages(), training=False, batch_size=BATCH_SIZE, epoch_interval=2),
    ]
    optimizer = torch.optim.Adam([{"params": net.parameters(), "lr": 1e-2}], lr=2e-2)
    steps = [1, 2] if schedule_per == "epoch" else [4, 8]
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, steps, 0.2)
    actor = TinyActor(net, before)
    return SimpleTrainer(actor, loaders, optimizer, settings_for(workspace, **values), scheduler, schedule_per)


def at_step(step: int, action: Callable[[], None]) -> Callable[[Any], None]:
    """Calls ``action`` before training step ``step``."""

    def before(batch: Any) -> None:
        if torch.is_grad_enabled() and batch["step"] == step:
            action()

    return before


if __name__ == "__main__":
    workspace, step, workers, threads = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    death = at_step(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    tiny_trainer(workspace, death, workers, checkpoint_interval_minutes=0).train(3, load_latest=True)
