"""Batches in spite of worker processes that the system kills."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from trainers.batches import drop_workers, upcoming_batches

logger = logging.getLogger(__name__)

# With the bracket: "DataLoader worker process" stands in every error of the data set itself, which comes back.
WORKER_DIED = "DataLoader worker (pid"
_MOST_DEATHS = 10


def surviving_batches(loader: Any, index: int, seed: int, epoch: int, seen: int) -> Iterator[Any]:
    """:func:`trainers.batches.upcoming_batches`, with new workers where one has died.

    They begin with the batch that was due, and a batch depends on (seed, epoch, place) only: nothing is lost or
    repeated.

    Raises:
        RuntimeError: workers die again and again, without a batch in between.
    """
    deaths = 0
    while True:
        try:
            for batch in upcoming_batches(loader, index, seed, epoch, seen):
                deaths, seen = 0, seen + 1
                yield batch
            return
        except RuntimeError as error:
            deaths += 1
            if WORKER_DIED not in str(error) or deaths > _MOST_DEATHS:
                raise
            logger.warning(
                "loader %r, epoch %d, before batch %d: %s. Starting new workers (%d of at most %d times). "
                "Was the memory used up? Fewer workers need less of it: --set num_workers=N",
                *(loader.name, epoch, seen + 1, str(error).strip().rstrip("."), deaths, _MOST_DEATHS),
            )
            drop_workers(loader)
