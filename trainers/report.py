"""What a training run says while it runs: a line every few batches, and one live line."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar

from admin.stats import AverageMeter, StatValue
from utils.progress import LiveLine

logger = logging.getLogger(__name__)

Batch = TypeVar("Batch")

# Reading a value waits for the GPU, so the live line does it about twice a second, not in every step.
LIVE_INTERVAL = 0.5


class PassReport:
    """Times one pass over a loader and words its progress.

    Args:
        name: of the loader.
        epoch: running epoch, from 1.
        batches: batches of a whole pass.
        print_interval: batches between two printed lines; the last batch is always printed.
        print_stats: tags to print; None prints all.
        live: where the live line is shown.
        batches_after: batches of later passes, for the time left.
        most_seconds: the run ends by then.
    """

    def __init__(
        self,
        name: str,
        epoch: int,
        batches: int,
        print_interval: int,
        print_stats: Iterable[str] | None,
        live: LiveLine,
        batches_after: int = 0,
        most_seconds: float = float("inf"),
    ) -> None:
        self.name, self.epoch, self.batches = name, epoch, batches
        self._interval = max(1, int(print_interval))
        tags = [print_stats] if isinstance(print_stats, str) else print_stats
        self._tags = None if tags is None else set(tags)
        self._live = live
        self._after, self._most_seconds = batches_after, most_seconds
        self._start = self._last = time.monotonic()
        self._shown = 0.0
        self._samples = 0
        self._done = 0
        self._waited = 0.0

    def timed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yields the batches and adds up how long each was waited for."""
        iterator = iter(batches)
        while True:
            start = time.monotonic()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            finally:
                self._waited += time.monotonic() - start
            yield batch

    def batch_done(self, number: int, samples: int, stats: Mapping[str, AverageMeter | StatValue]) -> None:
        """Batch ``number`` (from 1) of ``samples`` bursts is done; prints and updates the live line when due."""
        now = time.monotonic()
        self._samples += samples
        self._done += 1
        if number % self._interval == 0 or number == self.batches:
            self._print(number, samples / max(now - self._last, 1e-9), stats, now)
        if now - self._shown >= LIVE_INTERVAL:
            self._shown = now
            self._live.update(self._live_text(number, stats, now))
        self._last = time.monotonic() if now == self._shown else now

    def _print(self, number: int, rate: float, stats: Mapping[str, AverageMeter | StatValue], now: float) -> None:
        average = self._samples / max(now - self._start, 1e-9)
        parts = [f"[{self.name}: {self.epoch}, {number} / {self.batches}] FPS: {average:.1f} ({rate:.1f})"]
        parts += [
            f"{tag}: {meter.avg:.5f}"
            for tag, meter in stats.items()
            if isinstance(meter, AverageMeter) and (self._tags is None or tag in self._tags)
        ]
        logger.info("  ,  ".join(parts))

    def _live_text(self, number: int, stats: Mapping[str, AverageMeter | StatValue], now: float) -> str:
        elapsed = max(now - self._start, 1e-9)
        parts = [f"{self.name} epoch {self.epoch}  {number}/{self.batches}"]
        for tag, label, unit in (("Loss/total", "loss", ""), ("Stat/psnr", "PSNR", " dB")):
            meter = stats.get(tag)
            if isinstance(meter, AverageMeter):
                parts.append(f"{label} {meter.avg:.4g}{unit}")
        left = (self.batches - number + self._after) * elapsed / self._done
        left = min(left, max(0.0, self._most_seconds - elapsed))
        parts.append(f"{self._samples / elapsed:.1f} bursts/s")
        parts.append(f"waiting for data {100 * self._waited / elapsed:.0f} %")
        parts.append(f"{timedelta(seconds=round(left))} left")
        return "  ".join(parts)
