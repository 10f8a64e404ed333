"""Scores burst by burst, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from evaluation.common_utils.benchmark import FRAMES, Benchmark
from evaluation.common_utils.bootstrap import Interval, interval_of_mean, weights


@dataclass(frozen=True)
class BurstScore:
    """The metrics of one burst, keyed by metric.

    `groups` says to which part of each further table it belongs, `properties` what is known about it in numbers.
    """

    burst: str
    scene: str | None
    values: Mapping[str, float]
    groups: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, float] = field(default_factory=dict)


def given_frames(score: BurstScore, frames: int | None) -> BurstScore:
    """The score of a network that was given only so many frames of the burst; None: all."""
    return score if frames is None else replace(score, properties={**score.properties, FRAMES: float(frames)})


@dataclass(frozen=True)
class Cost:
    """What one prediction costs. None: not known (nothing was run, or the work is done outside torch)."""

    parameters: int | None = None
    flops: int | None = None
    milliseconds: float | None = None


@dataclass(frozen=True)
class Summary:
    """A mean over bursts and how sure it is.

    Attributes:
        mean: over the bursts with a finite value (infinite if there is none: everything was reproduced exactly).
        over_bursts, over_scenes: 95 % bootstrap intervals; None where fewer than two are known.
        infinite: bursts left out because the value is infinite (PSNR of an exact match).
    """

    mean: float
    over_bursts: Interval | None
    over_scenes: Interval | None
    infinite: int = 0


@dataclass(frozen=True)
class Row:
    """The scores of one network.

    Attributes:
        name, unique_name: as in `NetworkParam`.
        bursts: the score of every burst.
        cost: of one burst.
        training_free: a row of the benchmark itself.
        weights: name and digest of the file with the weights, several where saved predictions are of several; None
            without one, and where saved predictions do not say.
    """

    name: str
    unique_name: str
    bursts: tuple[BurstScore, ...]
    cost: Cost
    training_free: bool = False
    weights: str | None = None


@dataclass(frozen=True)
class Scores:
    """All rows of one table.

    Attributes:
        benchmark: what was measured.
        rows: in order; the first one is what the others are compared with.
        unavailable: metric key → why it could not be computed.
        run: seed, device, shape of the first burst and the like, for the files.
    """

    benchmark: Benchmark
    rows: tuple[Row, ...]
    unavailable: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """Keys of the metrics that were computed."""
        return [metric.key for metric in self.benchmark.metrics if metric.key not in self.unavailable]

    def row(self, name: str) -> Row:
        """The row of that display name, or if no row has it, of that unique name.

        Raises:
            KeyError: there is none.
        """
        # Display names first: a row may be shown under the unique name of another one.
        for attribute in ("name", "unique_name"):
            for row in self.rows:
                if getattr(row, attribute) == name:
                    return row
        raise KeyError(f"no row {name!r} in {self.benchmark.title}; rows: {', '.join(row.name for row in self.rows)}")

    def means(self) -> dict[str, dict[str, float]]:
        """Row name → metric key → mean, as `generate_formatted_report` takes it."""
        return {row.name: {metric: self.summary(row.name, metric).mean for metric in self.metrics} for row in self.rows}

    def summary(self, name: str, metric: str) -> Summary:
        """Mean and intervals of one row."""
        row = self.row(name)
        return _mean(row.bursts, np.array([burst.values[metric] for burst in row.bursts]), self.benchmark)

    def difference(self, name: str, reference: str, metric: str) -> Summary:
        """Mean of the burst-by-burst differences row − reference: far surer than the difference of two means."""
        return mean_difference(self.row(name).bursts, self.row(reference).bursts, metric, self.benchmark)

    def part(self, grouping: str, group: str) -> Scores:
        """The same table over the bursts of one group only."""
        rows = (
            replace(row, bursts=tuple(burst for burst in row.bursts if burst.groups[grouping] == group))
            for row in self.rows
        )
        return Scores(self.benchmark, tuple(rows), self.unavailable, self.run)

    def groups(self, grouping: str) -> list[str]:
        """The groups of a grouping in order of appearance."""
        return list(dict.fromkeys(burst.groups[grouping] for row in self.rows for burst in row.bursts))


def mean_difference(
    bursts: Sequence[BurstScore], others: Sequence[BurstScore], metric: str, benchmark: Benchmark | None = None
) -> Summary:
    """Mean of the differences burst − other of pairs that show the same.

    Where both are reproduced exactly there is no difference (0); where only one is, the pair is left out and counted
    in ``infinite``.

    Args:
        benchmark: says whether every scene counts the same; every burst does if None.

    Raises:
        ValueError: the numbers of bursts differ, or a scene that counts is not known.
    """
    pairs = [(mine.values[metric], its.values[metric]) for mine, its in zip(bursts, others, strict=True)]
    # Two exact ones are equal, and infinite minus infinite is not known.
    return _mean(bursts, np.array([0.0 if mine == its else mine - its for mine, its in pairs]), benchmark)


def _mean(bursts: Sequence[BurstScore], values: np.ndarray, benchmark: Benchmark | None) -> Summary:
    """Over the finite ones of ``values``, one for each burst."""
    finite = np.isfinite(values)
    infinite = int((~finite).sum())
    if not finite.any():
        return Summary(float(values.mean()), None, None, infinite)
    kept = [burst for burst, use in zip(bursts, finite, strict=True) if use]
    scenes = [burst.scene for burst in kept]
    known = [scene for scene in scenes if scene is not None]
    clusters = known if len(known) == len(kept) else None
    per_scene = benchmark is not None and benchmark.mean_over == "scenes"
    if benchmark is not None and per_scene and clusters is None:
        raise ValueError(f"{benchmark.name} averages over scenes, but not every burst has info['scene']")
    weight = weights(clusters if per_scene else None, len(kept))
    values = values[finite]
    return Summary(
        mean=float((values * weight).sum()),
        over_bursts=interval_of_mean(values, weight),
        over_scenes=interval_of_mean(values, weight, clusters) if clusters is not None else None,
        infinite=infinite,
    )
