"""Other samples in the place of those that cannot be read."""

from __future__ import annotations

import logging
from typing import Any

import torch.utils.data

from utils.draws import Draws, SampleKey
from utils.file_reading import LASTING_ERRORS

logger = logging.getLogger(__name__)

_ATTEMPTS = 100
# Last number of the key: these draws are apart from those of the samples, whose keys have three numbers.
_REPLACEMENT = 6


class ReplacingUnreadable(torch.utils.data.Dataset[Any]):
    """A data set of which a sample that cannot be read or used is named in the log, and replaced by another one.

    Which one depends on (seed, epoch, index) only, so a run repeats itself, whatever the number of workers.
    Errors that may pass (a network file system that is away) are not replaced: they are raised.

    Args:
        samples: the data set; its errors are ``ValueError`` (all our readers') or lasting ``OSError`` s.
    """

    def __init__(self, samples: Any) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        wanted = key = SampleKey.of(index)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self.samples[key]
            except (ValueError, *LASTING_ERRORS) as error:
                last = error
            draws = Draws(wanted.seed, wanted.epoch, int(wanted), attempt, _REPLACEMENT)
            other = SampleKey(draws.integer(0, len(self) - 1), wanted.seed, wanted.epoch)
            logger.warning("sample of %s is replaced by that of index %d: %s", key, other, last)
            key = other
        raise RuntimeError(
            f"{_ATTEMPTS} samples in a row cannot be read or used, the first for {wanted}; the last failure was: {last}"
        ) from last
