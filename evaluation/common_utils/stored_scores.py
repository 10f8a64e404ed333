"""Score tables as `compute_score.py` has written them, read again for plots and comparisons."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.common_utils.bootstrap import Interval
from evaluation.common_utils.scores import BurstScore


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is shown."""

    key: str
    label: str
    higher_is_better: bool = True
    decimals: int = 3


@dataclass(frozen=True)
class Mean:
    """A mean with the widest interval that is known of it: over scenes, else over bursts."""

    value: float
    interval: Interval | None = None


@dataclass(frozen=True)
class StoredRow:
    """The scores of one network; `means` by metric key."""

    name: str
    unique_name: str
    training_free: bool
    bursts: tuple[BurstScore, ...]
    means: Mapping[str, Mean]


@dataclass(frozen=True)
class StoredScores:
    """One table.

    Attributes:
        benchmark: name, e.g. `denoise_color/noise_4`.
        title: heading.
        metrics: columns, the leading one first.
        protocols: metric key → how is measured, in words.
        rows: networks.
        source: where it was read, for messages.
    """

    benchmark: str
    title: str
    metrics: tuple[MetricInfo, ...]
    protocols: Mapping[str, str]
    rows: tuple[StoredRow, ...]
    source: str = ""

    def row(self, name: str) -> StoredRow:
        """The row of that display name, or else of that unique name.

        Raises:
            ValueError: there is none; says which there are.
        """
        for attribute in ("name", "unique_name"):
            for row in self.rows:
                if getattr(row, attribute) == name:
                    return row
        known = ", ".join(repr(row.name) for row in self.rows)
        raise ValueError(f"{self.source or self.title} has no network {name!r}; it has {known}")

    def metric(self, key: str) -> MetricInfo:
        """The metric of that key.

        Raises:
            ValueError: it was not measured.
        """
        for metric in self.metrics:
            if metric.key == key:
                return metric
        known = ", ".join(metric.key for metric in self.metrics)
        raise ValueError(f"{self.source or self.title} has no metric {key!r}; it has {known}")


def read_scores(path: Path) -> StoredScores:
    """Reads `<experiment>.json`.

    Raises:
        ValueError: no such file, or not one that `compute_score.py` has written.
    """
    try:
        content = json.loads(path.read_text())
        # Files written before metrics were described have only their protocols.
        described = content.get("metrics") or {key: {"label": key.upper()} for key in content["protocols"]}
        metrics = tuple(MetricInfo(key, **known) for key, known in described.items())
        keys = [metric.key for metric in metrics if metric.key not in content["unavailable"]]
        rows = tuple(_row(row, keys) for row in content["rows"])
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} holds no scores of compute_score.py ({type(error).__name__}: {error})") from error
    return StoredScores(
        benchmark=content["benchmark"],
        title=content["title"],
        metrics=tuple(metric for metric in metrics if metric.key in keys),
        protocols=content["protocols"],
        rows=rows,
        source=str(path),
    )


def _row(row: Mapping[str, Any], metrics: list[str]) -> StoredRow:
    bursts = []
    for burst in row["bursts"]:
        values = {key: float(burst[key]) for key in metrics}
        known = {"burst", "scene", "properties", *metrics}
        groups = {key: str(value) for key, value in burst.items() if key not in known}
        bursts.append(BurstScore(burst["burst"], burst["scene"], values, groups, burst.get("properties", {})))
    means = {key: _mean(row["metrics"][key]) for key in metrics}
    return StoredRow(row["name"], row["unique_name"], row["training_free"], tuple(bursts), means)


def _mean(summary: Mapping[str, Any]) -> Mean:
    interval = summary["interval_over_scenes"] or summary["interval_over_bursts"]
    return Mean(float(summary["mean"]), None if interval is None else Interval(*interval))


def means_of(bursts: tuple[BurstScore, ...], metric: str) -> Mean:
    """Plain mean over bursts, without the infinite ones; no interval."""
    finite = [burst.values[metric] for burst in bursts if math.isfinite(burst.values[metric])]
    return Mean(sum(finite) / len(finite) if finite else math.inf)
