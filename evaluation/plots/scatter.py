"""Two networks burst by burst."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.common_utils.bootstrap import Interval
from evaluation.common_utils.scores import mean_difference
from evaluation.common_utils.stored_scores import StoredRow, StoredScores
from utils.plots import new_figure, write_figure


def paired_difference(first: StoredRow, second: StoredRow, metric: str) -> tuple[float, Interval | None, int]:
    """Mean of second − first over the bursts that both have, without those that only one reproduces exactly.

    Returns:
        The mean, its 95 % interval (over scenes where every burst knows its own, else over bursts), and how many bursts
        it is of.

    Raises:
        ValueError: they share no burst.
    """
    others = {burst.burst: burst for burst in second.bursts}
    pairs = [(burst, others[burst.burst]) for burst in first.bursts if burst.burst in others]
    found = mean_difference([its for _, its in pairs], [mine for mine, _ in pairs], metric) if pairs else None
    if found is None or found.infinite == len(pairs):
        raise ValueError(f"{first.name} and {second.name} share no burst with a finite {metric}")
    over_scenes = found.over_scenes
    return found.mean, found.over_bursts if over_scenes is None else over_scenes, len(pairs) - found.infinite


def plot_scatter(path: Path, table: StoredScores, first: str, second: str, metric: str | None = None) -> Path:
    """Writes a point for every burst: score of one network against that of another, with the paired difference.

    Args:
        path: PNG, SVG or PDF.
        first, second: names of networks, horizontal and vertical.
        metric: key; the leading one if None.

    Raises:
        ValueError: there is no such network or metric, or they share no burst.
    """
    shown = table.metric(metric) if metric else table.metrics[0]
    rows = (table.row(first), table.row(second))
    mean, interval, count = paired_difference(*rows, shown.key)
    by_name = [{burst.burst: burst.values[shown.key] for burst in row.bursts} for row in rows]
    shared = [name for name in by_name[0] if name in by_name[1]]
    points = np.array([[scores[name] for name in shared] for scores in by_name])
    points = points[:, np.isfinite(points).all(axis=0)]
    figure, (axes,) = new_figure(title=table.title)
    ends = [points.min(), points.max()]
    axes.plot(ends, ends, color="grey", linewidth=1, zorder=0)
    axes.scatter(*points, s=12, alpha=0.7)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"{shown.label}, {rows[0].name}")
    axes.set_ylabel(f"{shown.label}, {rows[1].name}")
    axes.grid(alpha=0.3)
    form = f"+.{shown.decimals}f"
    sure = f" [{interval.low:{form}}, {interval.high:{form}}]" if interval is not None else ""
    better = ((points[1] > points[0]) == shown.higher_is_better) & (points[1] != points[0])
    axes.set_title(
        f"{rows[1].name} − {rows[0].name}: {mean:{form}}{sure}; better in {int(better.sum())} of {count} bursts",
        fontsize="small",
    )
    return write_figure(path, figure)
