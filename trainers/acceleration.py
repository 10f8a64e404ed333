"""Accelerate as this house uses it: mixed precision, loss scaling, clipping, several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from admin import distributed
from admin.settings import Settings

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(settings: Settings, device: torch.device) -> Accelerator:
    """An accelerator for one run.

    Args:
        settings: ``mixed_precision`` is no, fp16 or bf16.
        device: where the run takes place.

    Raises:
        ValueError: the precision is unknown or impossible on this device.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if settings.mixed_precision not in ("no", "fp16", "bf16"):
        raise ValueError(f"mixed_precision = {settings.mixed_precision!r}: expected 'no', 'fp16' or 'bf16'")
    if settings.mixed_precision == "fp16" and device.type == "cpu":
        raise ValueError("mixed_precision = 'fp16' needs a GPU; use 'bf16' or 'no' on a CPU")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # Accelerate keeps the first run's choice for the whole process; another run may choose anew.
    AcceleratorState._reset_state(reset_partial_state=distributed.count() == 1)
    # Accumulation is counted by the trainer, which knows where an epoch ends and what a resumed run has seen.
    return Accelerator(cpu=device.type == "cpu", mixed_precision=settings.mixed_precision)


def use_fused_kernel(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """On a GPU lets an optimiser that can update all weights in one kernel do so, unless its maker chose otherwise.

    On a CPU all stays as it is: the other kernel rounds differently, and runs repeat there bit for bit.
    """
    if device.type != "cuda":
        return
    for group in optimizer.param_groups:
        if "fused" in group and group["fused"] is None and not group.get("foreach"):
            group["fused"] = all(weight.is_floating_point() for weight in group["params"])
