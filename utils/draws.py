"""Random draws that depend only on a key, never on who asks first.

Everything random about a sample is drawn from a :class:`Draws` that is keyed by (run seed, epoch, sample
index), so a sample does not depend on the number of workers or on the order in which they finish.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


class SampleKey(int):
    """Index of a sample that also carries the run's seed and the epoch.

    Loaders hand it to ``dataset[key]``; it is an ``int``, so data sets that know nothing of it work unchanged.
    """

    seed: int
    epoch: int

    def __new__(cls, index: int, seed: int = 0, epoch: int = 0) -> SampleKey:
        key = super().__new__(cls, index)
        key.seed, key.epoch = seed, epoch
        return key

    def __reduce__(self) -> tuple[type[SampleKey], tuple[int, int, int]]:
        return SampleKey, (int(self), self.seed, self.epoch)

    @classmethod
    def of(cls, index: int) -> SampleKey:
        """``index`` itself if it is a key already, else a key of seed 0 and epoch 0."""
        return index if isinstance(index, cls) else cls(index)

    def draws(self) -> Draws:
        """The draws that belong to this sample."""
        return Draws(self.seed, self.epoch, int(self))

    def __str__(self) -> str:
        return f"index {int(self)} of epoch {self.epoch}, seed {self.seed}"


class Draws:
    """A stream of random draws; the same key always gives the same stream.

    Args:
        key: non-negative integers. Without any, the stream is seeded by the operating system.
    """

    def __init__(self, *key: int) -> None:
        # The length keeps (1, 2) apart from (1, 2, 0): numpy fills short keys up with zeros.
        entropy = (len(key), *key) if key else None
        self._generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))

    def uniform(self, low: float, high: float) -> float:
        """A float from [low, high)."""
        return float(self._generator.uniform(low, high))

    def normal(self, mean: float, standard_deviation: float) -> float:
        return float(self._generator.normal(mean, standard_deviation))

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(self._generator.integers(low, high, endpoint=True))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self._generator.random() < probability)

    def poisson(self, mean: float) -> int:
        return int(self._generator.poisson(mean))

    def choose(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the options; weights need not sum to one."""
        if weights is None:
            return options[self.integer(0, len(options) - 1)]
        share = np.asarray(weights, dtype=np.float64)
        return options[int(self._generator.choice(len(options), p=share / share.sum()))]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """``count`` different options in random order."""
        return [options[int(i)] for i in self._generator.permutation(len(options))[:count]]

    def permutation(self, count: int) -> list[int]:
        return [int(i) for i in self._generator.permutation(count)]

    def seed(self) -> int:
        """A seed for a generator that is made elsewhere, e.g. for noise that is drawn on a GPU."""
        return int(self._generator.integers(0, 2**63 - 1))


def standard_normal(shape: Sequence[int], seed: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """float32 normal sample of mean 0 and deviation 1 that depends only on shape, seed and kind of device."""
    generator = torch.Generator(device=device).manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, device=device)


def standard_normals(shape: Sequence[int], seeds: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
    """:func:`standard_normal` of each seed, ``[len(seeds), *shape]``."""
    samples = torch.empty((len(seeds), *shape), device=device)
    generator = torch.Generator(device=device)
    for sample, seed in zip(samples, seeds, strict=True):
        sample.normal_(generator=generator.manual_seed(seed))
    return samples
