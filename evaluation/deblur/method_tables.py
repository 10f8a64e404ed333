"""The tables of the original evaluation: for every experiment, a line for each burst."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.common_utils.scores import BurstScore, Row, Scores
from utils.atomic_write import write_text

METRICS = ("ssim", "psnr")


def network_names(tables: Sequence[Scores]) -> list[str]:
    """Unique names of the rows that are no training-free ones, in order."""
    return [row.unique_name for row in tables[0].rows if not row.training_free]


def write_method_tables(tables: Sequence[Scores], methods: Mapping[str, str], folder: Path) -> list[Path]:
    """Writes ``ssim_<method>.csv`` and ``psnr_<method>.csv`` for every network.

    Columns: row index (without heading), ``burst_length``, the metric, ``max_pred_<metric>`` (gain over the best single
    frame) and ``method``. With several tables, one for each number of frames, their bursts follow one another.

    Args:
        methods: unique name of a network → its name in files and column; the original's were ``<k>_<checkpoint stem>``.
    """
    paths = []
    for name, method in methods.items():
        bursts = [burst for scores in tables for burst in _row(scores, name).bursts]
        for metric in METRICS:
            paths.append(folder / f"{metric}_{method}.csv")
            write_text(paths[-1], _table(bursts, metric, method))
    return paths


def _row(scores: Scores, unique_name: str) -> Row:
    return next(row for row in scores.rows if row.unique_name == unique_name)


def _table(bursts: Sequence[BurstScore], metric: str, method: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["", "burst_length", metric, f"max_pred_{metric}", "method"])
    for index, burst in enumerate(bursts):
        values = (burst.values[key] for key in (metric, f"max_pred_{metric}"))
        writer.writerow([index, burst.groups["burst_length"], *map(repr, values), method])
    return text.getvalue()
