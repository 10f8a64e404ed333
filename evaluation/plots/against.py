"""Scores against what is known about bursts: their number of frames, noise, motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evaluation.common_utils.benchmark import FRAMES
from evaluation.common_utils.bootstrap import Interval, interval_of_mean
from evaluation.common_utils.network_param import without_frames
from evaluation.common_utils.scores import BurstScore
from evaluation.common_utils.stored_scores import StoredScores
from utils.plots import Curve, write_line_plots
from utils.suggestions import unknown_name_message

_MOST_VALUES = 12  # of a property with a point for each; more are put into bins
_BINS = 6


def varying_properties(tables: Sequence[StoredScores]) -> list[str]:
    """The properties that are not the same for all bursts, so that there is something to plot."""
    values: dict[str, set[float]] = {}
    for table in tables:
        for row in table.rows:
            for burst in row.bursts:
                for name, value in burst.properties.items():
                    values.setdefault(name, set()).add(value)
    return [name for name, found in values.items() if len(found) > 1]


def plot_against(
    path: Path, tables: Sequence[StoredScores], property_name: str, metric: str | None = None, title: str | None = None
) -> Path:
    """Writes the mean of a metric against a property, a curve for each network, with 95 % intervals.

    Against `frames`, a network that was given fewer (`burst_sz`) is a point of the same curve. Where bursts know their
    scene, the intervals are over scenes.

    Args:
        path: PNG, SVG or PDF.
        tables: whose bursts are put together, e.g. one of each noise level.
        property_name: e.g. `frames`, `noise level`, `motion (px)`.
        metric: key; the leading one if None.

    Raises:
        ValueError: no burst knows that property, or it is the same for all; the metric was not measured.
    """
    known = sorted(
        {name for table in tables for row in table.rows for burst in row.bursts for name in burst.properties}
    )
    if property_name not in known:
        raise ValueError(unknown_name_message("property of the bursts", property_name, known))
    if property_name not in varying_properties(tables):
        raise ValueError(f"{property_name} is the same for all bursts; give the score files of several benchmarks")
    shown = tables[0].metric(metric) if metric else tables[0].metrics[0]
    networks = _by_network(tables, together=property_name == FRAMES)
    curves = {name: _curve(bursts, property_name, shown.key) for name, bursts in networks.items()}
    curves = {name: curve for name, curve in curves.items() if curve.x}
    whole = all(float(x).is_integer() for curve in curves.values() for x in curve.x)
    panels: Mapping[str, Mapping[str, Curve]] = {shown.label: curves}
    return write_line_plots(path, panels, property_name, tables[0].title if title is None else title, whole)


def _by_network(tables: Sequence[StoredScores], together: bool) -> dict[str, list[BurstScore]]:
    """The bursts of every network; `together` whatever number of frames it was given."""
    bursts: dict[str, list[BurstScore]] = {}
    names: dict[str, str] = {}
    for table in tables:
        for row in table.rows:
            unique = without_frames(row.unique_name) if together else row.unique_name
            if unique not in names or row.unique_name == unique:
                names[unique] = row.name
            bursts.setdefault(unique, []).extend(row.bursts)
    return {names[unique]: found for unique, found in bursts.items()}


def _curve(bursts: Sequence[BurstScore], property_name: str, metric: str) -> Curve:
    known = [burst for burst in bursts if property_name in burst.properties and np.isfinite(burst.values[metric])]
    x = np.array([burst.properties[property_name] for burst in known])
    if not len(x):
        return Curve([], [])
    points = []
    for part in _parts(x):
        inside = [known[index] for index in part]
        values = np.array([burst.values[metric] for burst in inside])
        interval = _interval(inside, values) or Interval(float(values.mean()), float(values.mean()))
        points.append((float(x[part].mean()), float(values.mean()), interval.low, interval.high))
    return Curve(*(list(column) for column in zip(*points, strict=True)))


def _parts(x: np.ndarray) -> list[np.ndarray]:
    """Indices of the bursts of every point: those of one value, or a sixth of all."""
    distinct = np.unique(x)
    if len(distinct) <= _MOST_VALUES:
        return [np.flatnonzero(x == value) for value in distinct]
    return [part for part in np.array_split(np.argsort(x, kind="stable"), _BINS) if len(part)]


def _interval(bursts: Sequence[BurstScore], values: np.ndarray) -> Interval | None:
    scenes = [burst.scene for burst in bursts if burst.scene is not None]
    clusters = scenes if len(scenes) == len(bursts) and len(set(scenes)) > 1 else None
    return interval_of_mean(values, np.full(len(values), 1 / len(values)), clusters)
