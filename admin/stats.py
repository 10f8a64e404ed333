"""Averages and histories of what a training run measures.

Values may be 0-d tensors on a device: they are summed there, and only reading an attribute waits for the device.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch

Value = float | torch.Tensor
LoaderStats = OrderedDict[str, "AverageMeter | StatValue"]


class AverageMeter:
    """Weighted mean over an epoch, and the means of the epochs before.

    Attributes:
        avg, val, sum, count: mean, last value, weighted sum and sum of weights of the running epoch, as numbers.
        history: mean of every epoch that had values.
        has_new_data: whether the last closed epoch had values.
    """

    def __init__(self) -> None:
        self.history: list[float] = []
        self.has_new_data = False
        self._reset()

    def _reset(self) -> None:
        self._sum: Value = 0.0
        self._val: Value = 0.0
        self.count = 0

    def update(self, value: Value, weight: int = 1) -> None:
        """Adds ``value`` (number or 0-d tensor) ``weight`` times. Does not wait for a device."""
        if isinstance(value, torch.Tensor):
            value = value.detach()
            # Sums over an epoch need more digits than float32 has; Apple's GPUs know no float64.
            value = value.to(torch.float32 if value.device.type == "mps" else torch.float64)
        self._val = value
        self._sum = self._sum + value * weight
        self.count += weight

    @property
    def val(self) -> float:
        return float(self._val)

    @property
    def sum(self) -> float:
        return float(self._sum)

    @property
    def avg(self) -> float:
        return self.sum / self.count if self.count else 0.0

    def replace(self, total: float, count: int) -> None:
        """Puts another weighted sum and sum of weights in the place of those of the running epoch."""
        self._sum, self.count = total, count

    def new_epoch(self) -> None:
        """Closes the epoch: its mean joins the history, if there was any value."""
        self.has_new_data = self.count > 0
        if self.has_new_data:
            self.history.append(self.avg)
            self._reset()

    def plain(self) -> dict[str, Any]:
        """State as plain values, for a checkpoint."""
        names = ("avg", "val", "sum", "count", "has_new_data")
        return {
            "kind": type(self).__name__,
            **{name: getattr(self, name) for name in names},
            "history": [*self.history],
        }

    @classmethod
    def from_plain(cls, state: Mapping[str, Any]) -> AverageMeter:
        meter = cls()
        meter._sum, meter._val, meter.count = float(state["sum"]), float(state["val"]), int(state["count"])
        meter.history, meter.has_new_data = list(state["history"]), bool(state["has_new_data"])
        return meter


class StatValue:
    """A number that is set once per epoch, and its history."""

    def __init__(self) -> None:
        self.val = 0.0
        self.history: list[float] = []
        self.has_new_data = False
        self._updated = False

    def update(self, value: float) -> None:
        self.val = value
        self.history.append(value)
        self._updated = True

    def new_epoch(self) -> None:
        """Closes the epoch: ``has_new_data`` says whether it set the value."""
        self.has_new_data, self._updated = self._updated, False

    def plain(self) -> dict[str, Any]:
        """State as plain values, for a checkpoint."""
        return {"kind": type(self).__name__, "val": self.val, "history": [*self.history]}

    @classmethod
    def from_plain(cls, state: Mapping[str, Any]) -> StatValue:
        stat = cls()
        stat.val, stat.history = float(state["val"]), list(state["history"])
        return stat


def plain_stats(stats: Mapping[str, Mapping[str, AverageMeter | StatValue] | None]) -> dict[str, Any]:
    """Loader name → tag → state as plain values; None for a loader that never ran."""
    return {
        loader: None if tags is None else {tag: meter.plain() for tag, meter in tags.items()}
        for loader, tags in stats.items()
    }


def restored_stats(state: Mapping[str, Any]) -> OrderedDict[str, LoaderStats | None]:
    """The inverse of :func:`plain_stats`."""
    kinds: dict[str, Any] = {kind.__name__: kind for kind in (AverageMeter, StatValue)}
    return OrderedDict(
        (
            loader,
            None
            if tags is None
            else OrderedDict((tag, kinds[plain["kind"]].from_plain(plain)) for tag, plain in tags.items()),
        )
        for loader, tags in state.items()
    )
