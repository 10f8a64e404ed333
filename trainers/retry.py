"""Which errors of a training run can pass by themselves."""

from __future__ import annotations

import errno
import logging
import time

import torch

from trainers.workers import WORKER_DIED
from utils.file_reading import LASTING_ERRORS

logger = logging.getLogger(__name__)

MAY_PASS = (OSError, EOFError, RuntimeError)
_NEVER_PASS = (*LASTING_ERRORS, FileExistsError)
# torch reports these as plain RuntimeErrors, as it does wrong shapes, which never pass.
_WORDS = (
    *("CUDA error", "cuDNN error", "CUBLAS_STATUS", "NCCL", "out of memory"),
    *(WORKER_DIED, "Pin memory thread", "shared memory", "unable to mmap", "Too many open files"),
)


def can_pass(error: BaseException) -> bool:
    """True for a failing disk or network, a GPU out of memory or in trouble, a worker process that died.

    Missing files, folders that must not be written, wrong types, values and shapes, a loss that is not finite: those
    come back, and are not retried.
    """
    if isinstance(error, _NEVER_PASS) or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return False
    if isinstance(error, (OSError, EOFError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


class Retries:
    """Counts failures without progress and waits longer after each.

    Args:
        limit: failures without a training step between them after which an error is final.
    """

    def __init__(self, limit: int = 10) -> None:
        self.limit = limit
        self._failures = 0
        self._furthest = -1

    def worthwhile(self, step: int) -> bool:
        """Whether to try again after a failure in training step ``step``; waits (1, 2, 4, … 60 seconds) if so."""
        if step > self._furthest:
            self._failures, self._furthest = 0, step
        self._failures += 1
        if self._failures > self.limit:
            logger.error("giving up after %d failures without progress", self.limit)
            return False
        pause = min(2 ** (self._failures - 1), 60)
        logger.warning("trying again in %d s (%d of at most %d)", pause, self._failures, self.limit)
        time.sleep(pause)
        return True
