"""A comparison as a Markdown table, as CSV and as LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence

from evaluation.compare.comparison import Column, Comparison

NOT_MEASURED = "–"


def as_markdown(comparison: Comparison, intervals: bool = False) -> str:
    """A Markdown table with the best of each column in bold, and below it what was measured how."""
    headings = ["network", *(_heading(comparison, column, "<br>") for column in comparison.columns)]
    lines = [_pipes(headings), _pipes(["---", *["---:"] * len(comparison.columns)])]
    for name, cells in _shown(comparison, intervals, lambda text: f"**{text}**"):
        lines.append(_pipes([name.replace("|", "\\|"), *cells]))
    notes = [f"- {note}" for note in _notes(comparison, intervals)]
    return "\n".join([*lines, "", *notes]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One line for each network and column that was measured: full precision, with the ends of the interval."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["network", "benchmark", "metric", "mean", "low", "high"])
    for name, cells in zip(comparison.rows, comparison.cells, strict=True):
        for column, cell in zip(comparison.columns, cells, strict=True):
            if cell is not None:
                ends = ["", ""] if cell.interval is None else [repr(end) for end in cell.interval]
                writer.writerow([name, column.benchmark, column.metric.key, repr(cell.value), *ends])
    return text.getvalue()


def as_latex(comparison: Comparison, intervals: bool = False) -> str:
    """A `tabular` for booktabs with the best of each column in bold; what was measured how stands in comments."""
    columns = comparison.columns
    groups = _runs([column.benchmark for column in columns])
    lines = [f"% {note}" for note in _notes(comparison, intervals)]
    lines += ["\\begin{tabular}{l" + "r" * len(columns) + "}", "\\toprule"]
    if len(groups) > 1:
        spans = [f"\\multicolumn{{{count}}}{{c}}{{{escape_latex(name)}}}" for name, count in groups]
        lines.append("& " + " & ".join(spans) + " \\\\")
    arrows = ["$\\uparrow$" if column.metric.higher_is_better else "$\\downarrow$" for column in columns]
    heads = [f"{escape_latex(column.metric.label)} {arrow}" for column, arrow in zip(columns, arrows, strict=True)]
    lines += [" & ".join(["Network", *heads]) + " \\\\", "\\midrule"]
    for name, cells in _shown(comparison, intervals, lambda text: f"\\textbf{{{text}}}"):
        lines.append(" & ".join([escape_latex(name), *(_latex_cell(cell) for cell in cells)]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return re.sub(r"[&%$#_{}\\~^]", lambda found: special.get(found[0], "\\" + found[0]), text)


def _shown(comparison: Comparison, intervals: bool, emphasise: Callable[[str], str]) -> Iterable[tuple[str, list[str]]]:
    best = [comparison.best(column) for column in range(len(comparison.columns))]
    for name, cells in zip(comparison.rows, comparison.cells, strict=True):
        texts = []
        for cell, column, leading in zip(cells, comparison.columns, best, strict=True):
            if cell is None:
                texts.append(NOT_MEASURED)
                continue
            form = f".{column.metric.decimals}f"
            text = f"{cell.value:{form}}"
            if leading is not None and round(cell.value, column.metric.decimals) == leading:
                text = emphasise(text)
            if intervals and cell.interval is not None:
                text += f" [{cell.interval.low:{form}}, {cell.interval.high:{form}}]"
            texts.append(text)
        yield name, texts


def _heading(comparison: Comparison, column: Column, line_break: str) -> str:
    arrow = "↑" if column.metric.higher_is_better else "↓"
    several = len({known.benchmark for known in comparison.columns}) > 1
    return f"{column.benchmark}{line_break}" * several + f"{column.metric.label} {arrow}"


def _notes(comparison: Comparison, intervals: bool) -> list[str]:
    lines = []
    for benchmark in dict.fromkeys(column.benchmark for column in comparison.columns):
        own = [column for column in comparison.columns if column.benchmark == benchmark]
        measured = "; ".join(f"{column.metric.label}: {column.protocol}" for column in own)
        lines.append(f"{benchmark}: {own[0].title}. {measured}.")
    if intervals:
        lines.append("[ ]: 95 % bootstrap interval, over scenes where they are known, else over bursts.")
    return lines


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _latex_cell(text: str) -> str:
    return "--" if text == NOT_MEASURED else text


def _runs(names: Sequence[str]) -> list[tuple[str, int]]:
    """Neighbours of one name, and how many."""
    return [(name, names.count(name)) for name in dict.fromkeys(names)]
