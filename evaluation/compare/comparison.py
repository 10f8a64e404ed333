"""One table over several benchmarks and networks, from the score files of compute_score.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.common_utils.network_param import is_of_training
from evaluation.common_utils.stored_scores import Mean, MetricInfo, StoredRow, StoredScores, read_scores
from utils.suggestions import unknown_name_message


@dataclass(frozen=True)
class Column:
    """One metric of one benchmark."""

    benchmark: str
    title: str
    metric: MetricInfo
    protocol: str


@dataclass(frozen=True)
class Comparison:
    """Rows are networks, columns are metrics of benchmarks; `cells[row][column]` is None where nothing was measured."""

    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: tuple[tuple[Mean | None, ...], ...]

    def best(self, column: int) -> float | None:
        """The best mean of a column as it is shown; None where fewer than two were measured."""
        metric = self.columns[column].metric
        measured = [cell for cells in self.cells if (cell := cells[column]) is not None]
        shown = [round(cell.value, metric.decimals) for cell in measured]
        if len(shown) < 2:
            return None
        return max(shown) if metric.higher_is_better else min(shown)


def find_tables(run: str, scores_folder: Path) -> list[StoredScores]:
    """The score tables of a run.

    Args:
        run: a .json file or a folder of such files; the name of an experiment; or `module/parameter` of a training,
            whose rows alone are taken.
        scores_folder: `<save_data_path>/scores`.

    Raises:
        ValueError: there are none; offers the nearest names.
    """
    path = Path(run)
    if path.is_file():
        return [read_scores(path)]
    if path.is_dir():
        found = sorted(path.rglob("*.json"))
        if not found:
            raise ValueError(f"{run} holds no score files (.json of compute_score.py)")
        return [read_scores(file) for file in found]
    stored = sorted(scores_folder.rglob("*.json"))
    files = [file for file in stored if file.stem == run]
    if files:
        return [read_scores(file) for file in files]
    trained = [_only_training(read_scores(file), run) for file in stored]
    trained = [table for table in trained if table.rows]
    if not trained:
        names = sorted({file.stem for file in stored})
        raise ValueError(
            f"{unknown_name_message('run', run, names)} Score files are looked for in {scores_folder}; write them with "
            "compute_score.py"
        )
    return trained


def compare(
    tables: Sequence[StoredScores],
    metrics: Sequence[str] | None = None,
    networks: Sequence[str] | None = None,
) -> Comparison:
    """Puts tables together. Rows of one network become one, training-free ones first; so do columns of one benchmark.

    Args:
        tables: of any benchmarks; one benchmark may come several times, with other networks.
        metrics: keys of the shown ones; all if None.
        networks: names of the shown ones; all if None.

    Raises:
        ValueError: two tables of one benchmark measured differently, or give one network different scores; nothing is
            left to show.
    """
    columns: dict[tuple[str, str], Column] = {}
    labels: dict[str, str] = {}
    free: dict[str, bool] = {}
    cells: dict[tuple[str, tuple[str, str]], tuple[Mean, str]] = {}
    for table in tables:
        for metric in table.metrics:
            if metrics is not None and metric.key not in metrics:
                continue
            key = (table.benchmark, metric.key)
            count = len(table.rows[0].bursts) if table.rows else 0
            protocol = f"{table.protocols[metric.key]}, mean over {count} bursts"
            _add_column(columns, key, Column(table.benchmark, table.title, metric, protocol), table)
            for row in table.rows:
                if networks is None or row.name in networks or row.unique_name in networks:
                    labels.setdefault(row.unique_name, row.name)
                    free[row.unique_name] = free.get(row.unique_name, True) and row.training_free
                    _add_cell(cells, (row.unique_name, key), row, table)
    if not labels or not columns:
        raise ValueError("no network and no metric of that name is in these score files")
    benchmarks = list(dict.fromkeys(benchmark for benchmark, _ in columns))
    columns = {key: columns[key] for key in sorted(columns, key=lambda key: benchmarks.index(key[0]))}
    order = sorted(labels, key=lambda name: not free[name])
    names = _distinct([labels[unique] for unique in order], order)
    rows = [[cells[unique, key][0] if (unique, key) in cells else None for key in columns] for unique in order]
    return Comparison(tuple(names), tuple(columns.values()), tuple(tuple(row) for row in rows))


def _only_training(table: StoredScores, run: str) -> StoredScores:
    rows = tuple(row for row in table.rows if is_of_training(row.unique_name, run))
    return StoredScores(table.benchmark, table.title, table.metrics, table.protocols, rows, table.source)


def _add_column(
    columns: dict[tuple[str, str], Column], key: tuple[str, str], column: Column, table: StoredScores
) -> None:
    known = columns.setdefault(key, column)
    if known.protocol != column.protocol:
        raise ValueError(
            f"{table.source}: {column.metric.label} of {column.benchmark} was measured otherwise than in the files "
            f"before ({column.protocol}; there {known.protocol}); the numbers do not compare"
        )


def _add_cell(
    cells: dict[tuple[str, tuple[str, str]], tuple[Mean, str]],
    place: tuple[str, tuple[str, str]],
    row: StoredRow,
    table: StoredScores,
) -> None:
    mean = row.means[place[1][1]]
    known, source = cells.setdefault(place, (mean, table.source))
    if not math.isclose(known.value, mean.value, rel_tol=1e-6):
        raise ValueError(
            f"{row.name} ({row.unique_name}) has two scores in {table.benchmark}: {known.value} in {source}, "
            f"{mean.value} in {table.source}. Leave out one of the files, or score both again"
        )


def _distinct(names: Sequence[str], unique: Sequence[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name} ({own})" for name, own in zip(names, unique, strict=True)]
