"""Compare a released network with its published figures: `python -m evaluation.reproduce BENCHMARK ROW`.

Fetches network and test data where they are not at hand, scores as the published scripts did, and shows what was
measured, what is published for the released network and in the paper, and the differences. `--list` shows all rows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rich.table import Table

from evaluation.common_utils.published import PUBLISHED
from evaluation.common_utils.report import NOT_KNOWN, notes
from evaluation.reproduce.measurement import Comparison, reproduce
from utils.commands import run_command
from utils.log import configure_logging, output
from utils.script_parser import script_parser

logger = logging.getLogger(__name__)


def comparison_table(title: str, comparisons: Sequence[Comparison]) -> Table:
    """The comparison for a terminal; write it with `utils.log.output`."""
    last = comparisons[-1].scores
    caveats = dict.fromkeys(one.caveat for one in comparisons if one.caveat is not None)
    table = Table(title=title, caption="\n".join([*caveats, *notes(last)]), caption_justify="left")
    table.add_column("benchmark")
    for heading in ("metric", "measured", "published", "difference", "paper", "difference"):
        table.add_column(heading, justify="right")
    for one in comparisons:
        metric = next(metric for metric in one.scores.benchmark.metrics if metric.key == one.metric)
        # As many digits as published figures have.
        digits = 2 if one.metric == "psnr" else 3
        table.add_row(
            one.scores.benchmark.name,
            metric.label,
            _number(one.measured, digits + 1),
            _number(one.published, digits),
            _difference(one.measured, one.published, digits + 1),
            _number(one.paper, digits),
            _difference(one.measured, one.paper, digits + 1),
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    configure_logging()
    parser = script_parser(__doc__, "python -m evaluation.reproduce")
    parser.add_argument("benchmark", nargs="?", help="synburst, burstsr or burst_denoise")
    parser.add_argument("row", nargs="?", help="name of the network")
    parser.add_argument("--list", action="store_true", help="show all rows and end")
    options = parser.parse_args(arguments)
    if options.list:
        output("\n".join(f"{published.benchmark} {published.row}" for published in PUBLISHED))
        return 0
    if options.row is None:
        parser.error("give BENCHMARK and ROW; --list shows them")
    return run_command(lambda: _reproduce(options.benchmark, options.row), logger)


def _reproduce(benchmark: str, row: str) -> None:
    output(comparison_table(f"{benchmark}, {row}", reproduce(benchmark, row)))


def _number(value: float | None, digits: int) -> str:
    return NOT_KNOWN if value is None else f"{value:.{digits}f}"


def _difference(measured: float | None, published: float | None, digits: int) -> str:
    return NOT_KNOWN if measured is None or published is None else f"{measured - published:+.{digits}f}"
