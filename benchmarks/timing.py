"""Two ways of doing the same, timed in turns, so that what else the machine does meets both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

Work = Callable[[], object]


class Pairs(NamedTuple):
    """Times of two ways in seconds, pair by pair."""

    plain: list[float]
    fast: list[float]

    @property
    def ratio(self) -> float:
        """How many times faster ``fast`` is: the median over the pairs."""
        return statistics.median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        return [plain / fast for plain, fast in zip(self.plain, self.fast, strict=True)]


def seconds(work: Work, device: torch.device, clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one run, until the device is done."""
    _wait(device)
    start = clock()
    work()
    _wait(device)
    return clock() - start


def paired(
    plain: Work,
    fast: Work,
    device: torch.device,
    pairs: int = 10,
    clock: Callable[[], float] = time.perf_counter,
) -> Pairs:
    """Times of both after a run of each that does not count; whichever comes first in a pair comes second in the next.

    Args:
        clock: ``time.process_time`` for work in one thread of a machine that has other work too.
    """
    for work in (plain, fast):
        seconds(work, device)
    times: dict[str, list[float]] = {"plain": [], "fast": []}
    order = [("plain", plain), ("fast", fast)]
    for _ in range(pairs):
        for name, work in order:
            times[name].append(seconds(work, device, clock))
        order.reverse()
    return Pairs(times["plain"], times["fast"])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
