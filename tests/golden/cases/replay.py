"""Draws that are handed in: recorded values, or Python's own generator where a recording was seeded with it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from utils.draws import Draws, SampleKey

T = TypeVar("T")


class RecordedDraws(Draws):
    """Returns the recorded values in order, whatever is asked for."""

    def __init__(self, values: Iterable[Any]) -> None:
        super().__init__(0)
        self.values = list(values)

    def uniform(self, low: float, high: float) -> float:
        return float(self.values.pop(0))

    def normal(self, mean: float, standard_deviation: float) -> float:
        return float(self.values.pop(0))

    def integer(self, low: int, high: int) -> int:
        value = int(self.values.pop(0))
        if not low <= value <= high:
            raise ValueError(f"the recording drew {value}, we ask for {low}..{high}")
        return value

    def chance(self, probability: float) -> bool:
        return bool(self.values.pop(0) < probability)


class PythonRandomDraws(Draws):
    """Draws from Python's ``random``, call for call as the spec orders them."""

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)

    def normal(self, mean: float, standard_deviation: float) -> float:
        return random.gauss(mean, standard_deviation)

    def integer(self, low: int, high: int) -> int:
        return random.randint(low, high)

    def chance(self, probability: float) -> bool:
        return random.random() < probability

    def choose(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        return random.choices(options, weights)[0]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        return random.sample(options, count)


class PythonRandomKey(SampleKey):
    """A sample key whose draws are Python's."""

    def draws(self) -> Draws:
        return PythonRandomDraws(0)
