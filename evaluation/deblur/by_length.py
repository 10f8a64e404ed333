"""What the scores say by number of frames: a table, a plot, and how much more frames are worth."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from evaluation.common_utils.bootstrap import Interval
from evaluation.common_utils.scores import Row, Scores, Summary, mean_difference
from utils.atomic_write import write_text
from utils.plots import Curve, write_line_plots

METRIC = "psnr"
FEW, MANY = 2, 8
_PLOTTED = ("psnr", "ssim")


@dataclass(frozen=True)
class Difference:
    """Mean of burst-by-burst differences of PSNR with its 95 % intervals."""

    what: str
    value: Summary

    def __str__(self) -> str:
        if not np.isfinite(self.value.mean):
            return f"{self.what}: unknown, one of the two reproduces every burst exactly"
        text = f"{self.what}: {self.value.mean:+.2f} dB"
        if (bursts := self.value.over_bursts) is not None:
            text += f" [{bursts.low:+.2f}, {bursts.high:+.2f}] over bursts"
        if (scenes := self.value.over_scenes) is not None:
            text += f", {{{scenes.low:+.2f}, {scenes.high:+.2f}}} over scenes"
        if self.value.infinite:
            text += f" ({self.value.infinite} bursts left out, which one of the two reproduces exactly)"
        return text


def burst_length(scores: Scores) -> int:
    """Number of frames of the bursts of a table in which all have the same."""
    (length,) = {burst.groups["burst_length"] for burst in scores.rows[0].bursts}
    return int(length)


def differences(tables: Sequence[Scores]) -> list[Difference]:
    """For every row PSNR at 8 minus at 2 frames, and at 8 frames every network minus the sharpest single frame."""
    by_length = {burst_length(scores): scores for scores in tables}
    if MANY not in by_length:
        return []
    many = by_length[MANY]
    found = []
    if FEW in by_length:
        for row in many.rows:
            fewer = by_length[FEW].row(row.unique_name)
            found.append(_difference(f"{row.name}, {MANY} - {FEW} frames", row, fewer))
    single = [row for row in many.rows if row.unique_name == "sharpest_frame"]
    networks = [row for row in many.rows if single and not row.training_free]
    return [*found, *(_difference(f"{row.name} - {single[0].name}, {MANY} frames", row, single[0]) for row in networks)]


def _difference(what: str, row: Row, other: Row) -> Difference:
    if [burst.burst for burst in row.bursts] != [burst.burst for burst in other.bursts]:
        raise ValueError(f"{what}: the rows do not show the same bursts in the same order")
    return Difference(what, mean_difference(row.bursts, other.bursts, METRIC))


def as_table(tables: Sequence[Scores]) -> Table:
    """PSNR of every row by number of frames, for a terminal."""
    table = Table(title=f"{tables[0].benchmark.metrics[0].label} by number of frames")
    table.add_column("network")
    for scores in tables:
        table.add_column(str(burst_length(scores)), justify="right")
    for row in tables[0].rows:
        means = (scores.summary(row.unique_name, METRIC).mean for scores in tables)
        table.add_row(row.name, *(f"{mean:.2f}" for mean in means))
    return table


def means_as_csv(tables: Sequence[Scores]) -> str:
    """One line for each network and number of frames: bursts, and the mean of every metric with its interval."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    metrics = tables[0].metrics
    writer.writerow(
        ["network", "burst_length", "bursts", *(f"{m}{end}" for m in metrics for end in ("", "_low", "_high"))]
    )
    for row in tables[0].rows:
        for scores in tables:
            cells: list[str] = []
            for metric in metrics:
                summary = scores.summary(row.unique_name, metric)
                cells += [repr(value) for value in (summary.mean, *(summary.over_bursts or (np.nan, np.nan)))]
            writer.writerow([row.name, burst_length(scores), len(row.bursts), *cells])
    return text.getvalue()


def write_by_length(tables: Sequence[Scores], stem: Path) -> list[Path]:
    """Writes ``<stem>.csv`` (means), ``<stem>.md`` (table and differences) and ``<stem>.png`` (plot)."""
    paths = [stem.with_name(stem.name + ending) for ending in (".csv", ".md", ".png")]
    write_text(paths[0], means_as_csv(tables))
    write_text(paths[1], _markdown(tables))
    labels = {metric.key: metric.label for metric in tables[0].benchmark.metrics}
    panels = {
        labels[metric]: {row.name: _curve(tables, row.unique_name, metric) for row in tables[0].rows}
        for metric in _PLOTTED
    }
    write_line_plots(paths[2], panels, "frames", tables[0].benchmark.title.rpartition(",")[0])
    return paths


def _curve(tables: Sequence[Scores], name: str, metric: str) -> Curve:
    summaries = [scores.summary(name, metric) for scores in tables]
    intervals = [summary.over_bursts or Interval(summary.mean, summary.mean) for summary in summaries]
    return Curve(
        [burst_length(scores) for scores in tables],
        [summary.mean for summary in summaries],
        [interval.low for interval in intervals],
        [interval.high for interval in intervals],
    )


def _markdown(tables: Sequence[Scores]) -> str:
    lengths = [str(burst_length(scores)) for scores in tables]
    lines = [f"| {tables[0].benchmark.metrics[0].label} | {' | '.join(lengths)} |", "|---|" + "---:|" * len(lengths)]
    for row in tables[0].rows:
        means = (f"{scores.summary(row.unique_name, METRIC).mean:.2f}" for scores in tables)
        lines.append(f"| {row.name} | {' | '.join(means)} |")
    return "\n".join([*lines, "", *(f"- {difference}" for difference in differences(tables))]) + "\n"
