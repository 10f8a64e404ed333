"""Stops a run whose loss is no longer a finite number, before the step is taken."""

from __future__ import annotations

import torch


class NonFiniteLoss(ArithmeticError):
    """A loss is NaN or infinite; names the samples of the batch."""


class LossWatch:
    """Says whether a loss is finite without draining the device's queue.

    ``look`` is called after the forward pass and lets the device copy one flag to the host. ``is_finite`` is called
    after the backward pass has been queued: it waits for the forward pass only, so a GPU keeps its work.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._flag = torch.ones((), dtype=torch.bool, pin_memory=self._on_gpu)
        self._copied = torch.cuda.Event() if self._on_gpu else None

    def look(self, loss: torch.Tensor) -> None:
        finite = torch.isfinite(loss.detach()).all()
        if self._copied is None or loss.device.type != "cuda":
            self._flag.fill_(bool(finite))
            return
        self._flag.copy_(finite, non_blocking=True)
        self._copied.record()

    def is_finite(self) -> bool:
        if self._copied is not None:
            self._copied.synchronize()
        return bool(self._flag)
