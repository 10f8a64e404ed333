"""Learning rates, how many steps a schedule has, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from admin.settings import Settings

# Where torch's schedulers are, as opposed to their milestones and factors, which the settings file gives anew.
_PROGRESS = ("last_epoch", "_step_count", "_last_lr", "T_cur", "T_i")


def epochs_in_all(settings: Settings, epochs: int) -> int:
    """Epochs that a trainer runs where the settings file says ``epochs``: ``settings.max_epochs`` wins if set."""
    return epochs if settings.max_epochs is None else int(settings.max_epochs)


def optimizer_steps(settings: Settings, batches: int) -> int:
    """Steps of the optimiser in an epoch of so many batches: one for each group of ``settings.grad_accumulation``."""
    return -(-batches // whole_number(settings, "grad_accumulation", 1))


def whole_number(settings: Settings, name: str, least: int) -> int:
    """The setting ``name``.

    Raises:
        ValueError: it is no whole number, or less than ``least``.
    """
    value = getattr(settings, name)
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} = {value!r}: expected a whole number, at least {least}")
    return value


def learning_rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """The rate of every parameter group, as the optimiser uses it."""
    return [float(group["lr"]) for group in optimizer.param_groups]


def schedule_progress(scheduler: Any) -> dict[str, Any]:
    """Counters of a scheduler, also of those that it consists of, as plain values."""
    progress = {name: getattr(scheduler, name) for name in _PROGRESS if hasattr(scheduler, name)}
    if "_last_lr" in progress:
        progress["_last_lr"] = [float(rate) for rate in progress["_last_lr"]]
    parts = getattr(scheduler, "_schedulers", [])
    return progress | {"parts": [schedule_progress(part) for part in parts]}


def restore_schedule(scheduler: Any, progress: Mapping[str, Any]) -> None:
    """Puts a newly made scheduler where :func:`schedule_progress` found the old one."""
    for name in _PROGRESS:
        if name in progress and hasattr(scheduler, name):
            setattr(scheduler, name, progress[name])
    for part, part_progress in zip(getattr(scheduler, "_schedulers", []), progress.get("parts", []), strict=False):
        restore_schedule(part, part_progress)
