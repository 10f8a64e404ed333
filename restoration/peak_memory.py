"""How much memory a piece of work takes, on the graphics card or, under Linux, in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

_STATM = Path("/proc/self/statm")
_INTERVAL = 0.002  # seconds


@dataclass
class Peak:
    """The most bytes in use during the work beyond those before it; None where the system does not say."""

    bytes: int | None = None


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measures the work of its block."""
    peak = Peak()
    if torch.cuda.is_available():
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated() - before
        return
    at_first = _resident()
    if at_first is None:
        yield peak
        return
    most, done = [at_first], threading.Event()

    def watch() -> None:
        while not done.wait(_INTERVAL):
            most[0] = max(most[0], _resident() or 0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
    peak.bytes = most[0] - at_first


def _resident() -> int | None:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
