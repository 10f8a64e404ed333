"""``--check``: one batch forward and backward, and what it costs. Saves nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import torch
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from trainers.batches import upcoming_batches
from trainers.run_state import TrainingRun
from trainers.seeding import seed_training_step
from utils.host_memory import peak_bytes
from utils.log import output

logger = logging.getLogger(__name__)


def check_run(trainer: TrainingRun) -> None:
    """Runs the first batch of the first training loader through network, loss and gradients and prints a table.

    Raises:
        ValueError: there is no training loader, or it has no batch.
    """
    loaders = [(index, loader) for index, loader in enumerate(trainer.loaders) if loader.training]
    if not loaders:
        raise ValueError("nothing to check: no loader has training=True")
    index, loader = loaders[0]
    batches = upcoming_batches(loader, index, trainer.settings.seed, epoch=1)
    start = time.monotonic()
    batch = next(batches, None)
    first_wait = time.monotonic() - start
    if batch is None:
        raise ValueError(f"loader {loader.name!r} has no batch: fewer samples than settings.batch_size?")
    shapes = dict(_described(batch))
    trainer.actor.train(True)
    seed_training_step(trainer.settings.seed, 1)
    if trainer.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(trainer.device)
    start = time.monotonic()
    with FlopCounterMode(display=False) as counter:
        loss, stats = trainer.actor(trainer.prepared(batch, epoch=1))
        forward = counter.get_total_flops()
        trainer.accelerator.backward(loss)
        both = counter.get_total_flops()
    value = loss.item()  # waits for the device
    work = time.monotonic() - start
    start = time.monotonic()
    another = next(batches, None)
    # The first wait also starts the worker processes; the second is what a step has to wait for.
    wait = time.monotonic() - start if another is not None else first_wait
    trainer.optimizer.zero_grad()
    output(_batch_table(loader.name, shapes))
    output(_cost_table(trainer, value, stats, forward, both, work, wait, first_wait))


def _described(batch: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in batch.items():
        name = f"{prefix}{key}"
        if isinstance(value, torch.Tensor):
            rows.append((name, f"{list(value.shape)} {str(value.dtype).removeprefix('torch.')}"))
        elif isinstance(value, Mapping):
            rows += _described(value, f"{name}.")
        else:
            text = repr(value)
            rows.append((name, text if len(text) <= 60 else text[:57] + "..."))
    return rows


def _batch_table(loader: str, shapes: Mapping[str, str]) -> Table:
    table = Table(title=f"First batch of loader {loader!r}")
    table.add_column("key")
    table.add_column("shape and type")
    for key, shape in shapes.items():
        table.add_row(key, shape)
    return table


def _cost_table(
    trainer: TrainingRun,
    loss: float,
    stats: Mapping[str, Any],
    forward: int,
    both: int,
    work: float,
    wait: float,
    first_wait: float,
) -> Table:
    parameters = list(trainer.net.parameters())
    trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    table = Table(title=f"One step of {trainer.net_type} on {trainer.device}")
    table.add_column("what")
    table.add_column("value", justify="right")
    rows = {
        "parameters": f"{sum(parameter.numel() for parameter in parameters):,} ({trained:,} trained)",
        "FLOPs forward": f"{forward / 1e9:.3f} G",
        "FLOPs forward and backward": f"{both / 1e9:.3f} G",
        "peak memory": _peak_memory(trainer.device),
        "first batch ready after": f"{first_wait:.2f} s",
        "time of a step": f"{work:.3f} s",
        "share of time waiting for data": f"{100 * wait / max(wait + work, 1e-9):.0f} %",
        "loss": f"{loss:.5f}",
    }
    rows |= {tag: f"{float(value):.5f}" for tag, value in stats.items()}
    for what, value in rows.items():
        table.add_row(what, value)
    return table


def _peak_memory(device: torch.device) -> str:
    """Of the GPU's allocator, or of this process on a CPU."""
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_bytes()
    return "unknown here" if peak is None else f"{peak / 2**20:.0f} MiB"
