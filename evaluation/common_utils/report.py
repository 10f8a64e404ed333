"""Scores as tables for people (terminal, Markdown) and as files for programs (CSV, JSON)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from evaluation.common_utils.benchmark import Metric
from evaluation.common_utils.bootstrap import Interval
from evaluation.common_utils.scores import Cost, Row, Scores, Summary
from utils.atomic_write import write_text

NOT_KNOWN = "–"
# Between a mean and its intervals: side by side they would need more columns than a terminal has.
_IN_TERMINAL = "\n"


def terminal_table(scores: Scores) -> Table:
    """The table with its protocol for a terminal; write it with `utils.log.output`."""
    table = Table(title=scores.benchmark.title, caption="\n".join(notes(scores)), caption_justify="left")
    for index, heading in enumerate(_headings(scores)):
        table.add_column(heading, justify="right" if index else "left")
    for row in scores.rows:
        cells = _cells(scores, row, between=_IN_TERMINAL)
        table.add_row(*cells, style="dim" if row.training_free else None)
    return table


def markdown(scores: Scores) -> str:
    """The table with its protocol, and the tables of all groupings."""
    parts = [_markdown_table(scores, scores.benchmark.title)]
    for grouping in scores.benchmark.groupings:
        for group in scores.groups(grouping.name):
            title = f"{scores.benchmark.title}, {grouping.name} {group}"
            parts.append(_markdown_table(scores.part(grouping.name, group), title))
    return "\n\n".join(parts) + "\n"


def notes(scores: Scores) -> list[str]:
    """What has to be known to read the table: protocol of every metric, intervals, what is missing and why."""
    benchmark = scores.benchmark
    lines = []
    for metric in benchmark.metrics:
        if metric.key in scores.unavailable:
            lines.append(f"{metric.label} is not shown: {scores.unavailable[metric.key]}.")
        else:
            lines.append(f"{metric.label}: {metric.protocol.describe()}.")
    lines.append(
        f"Predictions: {benchmark.encoding.space}, 16-bit PNG with {benchmark.encoding.full_scale} = 1, "
        f"{'rounded' if benchmark.encoding.rounded else 'truncated'}. "
        f"Mean over {len(scores.rows[0].bursts)} bursts{_scenes(scores)}; [ ]: 95 % bootstrap interval over bursts"
        f"{_scene_interval(scores)}."
    )
    lines.append(f"Δ: mean of the burst-by-burst differences to {scores.rows[0].name!r}, with its interval.")
    if scores.run:
        shape = " × ".join(str(size) for size in scores.run["first_burst"])
        lines.append(
            f"FLOPs (two per multiply-add) and median time of one burst of {shape}, on {scores.run['device']}; "
            f"{NOT_KNOWN}: not run in torch, or no network at hand."
        )
    weights = [f"{row.name}: {row.weights}" for row in scores.rows if row.weights is not None]
    if weights:
        lines.append(f"Weights: {'; '.join(weights)}.")
    infinite = [
        f"{row.name}: {count} bursts are reproduced exactly or have no valid pixel ({metric} infinite); "
        "they are left out of the mean."
        for row in scores.rows
        for metric in scores.metrics
        if (count := scores.summary(row.name, metric).infinite)
    ]
    return [*lines, *infinite, *benchmark.footnotes]


def as_csv(scores: Scores) -> str:
    """One line per network and burst."""
    text = io.StringIO()
    groupings = [grouping.name for grouping in scores.benchmark.groupings]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["benchmark", "network", "unique_name", "burst", "scene", *groupings, *scores.metrics])
    for row in scores.rows:
        for burst in row.bursts:
            groups = [burst.groups[name] for name in groupings]
            values = [repr(burst.values[metric]) for metric in scores.metrics]
            writer.writerow(
                [scores.benchmark.name, row.name, row.unique_name, burst.burst, burst.scene or "", *groups, *values]
            )
    return text.getvalue()


def as_json(scores: Scores) -> dict[str, Any]:
    """Everything: means with intervals over bursts and scenes, differences of all pairs of rows, and every burst."""
    benchmark = scores.benchmark
    return {
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "metrics": {
            metric.key: {
                "label": metric.label,
                "higher_is_better": metric.higher_is_better,
                "decimals": metric.decimals,
            }
            for metric in _shown(scores)
        },
        "protocols": {metric.key: metric.protocol.describe() for metric in benchmark.metrics},
        "encoding": {"space": benchmark.encoding.space, "full_scale": benchmark.encoding.full_scale},
        "mean_over": benchmark.mean_over,
        "unavailable": dict(scores.unavailable),
        "footnotes": list(benchmark.footnotes),
        "run": dict(scores.run),
        "rows": [_row_as_json(scores, row) for row in scores.rows],
    }


def write_files(scores: Scores, stem: Path) -> list[Path]:
    """Writes `<stem>.md`, `<stem>.csv` and `<stem>.json`, each complete or not at all; returns their paths."""
    contents = {
        ".md": markdown(scores),
        ".csv": as_csv(scores),
        ".json": json.dumps(as_json(scores), indent=1, allow_nan=False) + "\n",
    }
    paths = []
    for ending, text in contents.items():
        path = stem.with_name(stem.name + ending)
        write_text(path, text)
        paths.append(path)
    return paths


def _headings(scores: Scores) -> list[str]:
    headings = ["network"]
    for metric in _shown(scores):
        headings += [f"{metric.label} {'↑' if metric.higher_is_better else '↓'}", "Δ"]
    return [*headings, "parameters", "FLOPs", "ms/burst"]


def _cells(scores: Scores, row: Row, between: str = " ") -> list[str]:
    cells = [row.name]
    for metric in _shown(scores):
        cells.append(_with_intervals(scores.summary(row.name, metric.key), f".{metric.decimals}f", between))
        is_first = row is scores.rows[0]
        difference = None if is_first else scores.difference(row.name, scores.rows[0].name, metric.key)
        cells.append("" if difference is None else _with_intervals(difference, f"+.{metric.decimals}f", between))
    return [*cells, *_cost(row.cost)]


def _shown(scores: Scores) -> Sequence[Metric]:
    return [metric for metric in scores.benchmark.metrics if metric.key not in scores.unavailable]


def _with_intervals(summary: Summary, form: str, between: str) -> str:
    text = f"{summary.mean:{form}}"
    if summary.over_bursts is not None:
        text += f"{between}[{summary.over_bursts.low:{form}}, {summary.over_bursts.high:{form}}]"
    if summary.over_scenes is not None:
        text += f"{between}{{{summary.over_scenes.low:{form}}, {summary.over_scenes.high:{form}}}}"
    return text


def _cost(cost: Cost) -> list[str]:
    return [
        NOT_KNOWN if cost.parameters is None else f"{cost.parameters:,}",
        NOT_KNOWN if cost.flops is None else _with_unit(cost.flops),
        NOT_KNOWN if cost.milliseconds is None else f"{cost.milliseconds:.1f}",
    ]


def _with_unit(number: float) -> str:
    for unit in ("", " K", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} T"


def _scene_interval(scores: Scores) -> str:
    shown = any(scores.summary(row.name, metric).over_scenes for row in scores.rows for metric in scores.metrics)
    return ", { }: over scenes, whose bursts are not independent" if shown else ""


def _scenes(scores: Scores) -> str:
    scenes = {burst.scene for burst in scores.rows[0].bursts}
    known = "" if None in scenes else f" of {len(scenes)} scenes"
    return known + (", scene by scene" if scores.benchmark.mean_over == "scenes" else "")


def _markdown_table(scores: Scores, title: str) -> str:
    headings = _headings(scores)
    rule = ["---", *["---:"] * (len(headings) - 1)]
    rows = [headings, rule, *(_cells(scores, row) for row in scores.rows)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {title}", "", *lines, "", *(f"- {note}" for note in notes(scores))])


def _row_as_json(scores: Scores, row: Row) -> dict[str, Any]:
    others = [other for other in scores.rows if other is not row]
    return {
        "name": row.name,
        "unique_name": row.unique_name,
        "training_free": row.training_free,
        "weights": row.weights,
        "parameters": row.cost.parameters,
        "flops": row.cost.flops,
        "ms_per_burst": row.cost.milliseconds,
        "metrics": {metric: _summary_as_json(scores.summary(row.name, metric)) for metric in scores.metrics},
        "minus": {
            other.name: {
                metric: _summary_as_json(scores.difference(row.name, other.name, metric)) for metric in scores.metrics
            }
            for other in others
        },
        "bursts": [
            {
                "burst": burst.burst,
                "scene": burst.scene,
                **burst.groups,
                "properties": dict(burst.properties),
                **{metric: _finite(value) for metric, value in burst.values.items()},
            }
            for burst in row.bursts
        ],
    }


def _summary_as_json(summary: Summary) -> dict[str, Any]:
    return {
        "mean": _finite(summary.mean),
        "interval_over_bursts": _interval(summary.over_bursts),
        "interval_over_scenes": _interval(summary.over_scenes),
        "infinite": summary.infinite,
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _finite(value: float) -> float | str:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else str(value)
