"""Stops a run whose loss is no longer a finite number, before the step is taken."""

from __future__ import annotations

import torch
from torch import nn


class NonFiniteLoss(ArithmeticError):
    """A loss is NaN or infinite, with the samples of the batch named; or a weight is."""


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


def check_weights(net: nn.Module, step: int) -> None:
    """Looks at the weights before they replace a good checkpoint: gradients can be NaN where the loss is finite.

    Raises:
        NonFiniteLoss: a weight is NaN or infinite.
    """
    for name, weight in net.named_parameters():
        if not torch.isfinite(weight.detach()).all():
            raise NonFiniteLoss(
                f"weight {name} is not finite after step {step}: a gradient was not, although the loss was. "
                "Nothing was saved, the last checkpoint stands. Lower the learning rate, or look for a root or a "
                "division by zero in the loss."
            )
