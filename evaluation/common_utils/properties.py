"""What benchmarks know about their bursts in numbers, to plot scores against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from evaluation.common_utils.benchmark import Item

_GREY = 0.18  # reflectance of a grey card


def noise_at_grey(shot: float, read_variance: float) -> float:
    """Standard deviation of the noise at 18 % grey: variance ``shot * signal + read_variance``."""
    return math.sqrt(max(shot * _GREY + read_variance, 0.0))


def camera_noise(item: Item) -> float | None:
    """:func:`noise_at_grey` of a synthetic RAW burst, from its meta-data."""
    try:
        return noise_at_grey(float(item.info["shot_noise_level"]), float(item.info["read_noise_level"]))
    except KeyError:
        return None


def motion_of(item: Item) -> float | None:
    """:func:`motion_size` of a burst whose true ``shifts`` are known."""
    shifts = item.info.get("shifts")
    return None if shifts is None else motion_size(shifts)


def motion_size(shifts: torch.Tensor) -> float:
    """How far frames lie from frame 0: root mean square of the lengths of their shifts.

    Args:
        shifts: [T, 2] or [T, 2, H, W], (x, y) in pixels; frame 0 does not count.
    """
    if shifts.shape[0] < 2:
        return 0.0
    return float(shifts[1:].double().square().sum(dim=1).mean().sqrt())


def level_noise(info: Mapping[str, Any]) -> float:
    """:func:`noise_at_grey` of bursts whose ``noise_level`` gives ``shot`` and a standard deviation ``read``."""
    level = info["noise_level"]
    return noise_at_grey(level.shot, level.read**2)
