"""One table over benchmarks and networks: `python -m evaluation.compare RUN_A RUN_B ...`.

examples:
  python -m evaluation.compare quickstart deeprep_default
  python -m evaluation.compare deeprep/mine dbsr/mine --metric psnr --intervals
  python -m evaluation.compare scores/synburst/quickstart.json --out comparison

A run is an experiment or a training (MODULE/PARAM) that compute_score.py has scored, or a score file (.json), or a
folder of such files. Writes the table in Markdown to the screen; with --out also .md, .csv and .tex files.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from admin.environment import env_settings
from evaluation.compare.comparison import compare, find_tables
from evaluation.compare.tables import as_csv, as_latex, as_markdown
from utils.atomic_write import write_text
from utils.commands import run_command
from utils.log import configure_logging, output
from utils.script_parser import script_parser

logger = logging.getLogger("compare")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    configure_logging()
    options = _parser().parse_args(arguments)
    return run_command(lambda: _compare(options), logger)


def _compare(options: argparse.Namespace) -> None:
    scores = Path(env_settings().save_data_path) / "scores"
    tables = [table for run in options.run for table in find_tables(run, scores)]
    comparison = compare(tables, options.metric or None, options.network or None)
    texts = {
        "markdown": as_markdown(comparison, options.intervals),
        "csv": as_csv(comparison),
        "latex": as_latex(comparison, options.intervals),
    }
    if options.out is not None:
        for name, ending in {"markdown": ".md", "csv": ".csv", "latex": ".tex"}.items():
            path = options.out.with_name(options.out.name + ending)
            write_text(path, texts[name])
            logger.info("Written: %s", path)
    output(texts[options.format].rstrip("\n"))


def _parser() -> argparse.ArgumentParser:
    parser = script_parser(__doc__, "python -m evaluation.compare")
    parser.add_argument("run", nargs="+", help="experiment, MODULE/PARAM, score file or folder of score files")
    parser.add_argument("--metric", action="append", default=[], help="only this one, e.g. psnr; may be repeated")
    parser.add_argument("--network", action="append", default=[], help="only this row; may be repeated")
    parser.add_argument("--intervals", action="store_true", help="show the 95 %% intervals of the means")
    parser.add_argument("--format", choices=("markdown", "csv", "latex"), default="markdown", help="on the screen")
    parser.add_argument("--out", type=Path, metavar="STEM", help="also write STEM.md, STEM.csv and STEM.tex")
    return parser
