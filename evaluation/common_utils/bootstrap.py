"""How sure a mean is: percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
COVERAGE = 0.95
# Fixed, so that the same scores always get the same interval.
SEED = 20210


class Interval(NamedTuple):
    """From low to high, both included."""

    low: float
    high: float


def weights(scenes: Sequence[str] | None, count: int) -> np.ndarray:
    """Weight of every burst [count], sum 1: equal, or such that every scene counts the same."""
    if scenes is None:
        return np.full(count, 1.0 / count)
    _, index, size = np.unique(np.asarray(scenes), return_inverse=True, return_counts=True)
    return 1.0 / (size[index] * len(size))


def interval_of_mean(values: np.ndarray, weight: np.ndarray, clusters: Sequence[str] | None = None) -> Interval | None:
    """95 % interval of the weighted mean if other bursts (or other scenes) of the same kind had been drawn.

    Args:
        values: [N], finite.
        weight: [N], positive.
        clusters: the scene of every value: whole scenes are drawn, since bursts of one scene are no independent
            evidence.

    Returns:
        None if there is only one burst (or one scene), which says nothing about others.
    """
    if clusters is None:
        sums, totals = values * weight, weight
    else:
        _, index = np.unique(np.asarray(clusters), return_inverse=True)
        sums, totals = np.bincount(index, values * weight), np.bincount(index, weight)
    if len(sums) < 2:
        return None
    drawn = np.random.default_rng(SEED).integers(0, len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / totals[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(float(low), float(high))
