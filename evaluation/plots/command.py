"""Plots from score files and training curves.

examples:
  python -m evaluation.plots against "noise level" scores/denoise_photos/noise_*/quickstart.json
  python -m evaluation.plots scatter scores/synburst/quickstart.json "aligned mean" shipped --out pair.png
  python -m evaluation.plots training deeprep/quickstart deeprep/other --tag Stat/psnr

Score files are the .json files of compute_score.py, below `<save_data_path>/scores`. What needs the images themselves
(border, flow) is drawn by `visualize_results.py ... --plots FOLDER`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from evaluation.common_utils.stored_scores import read_scores
from evaluation.plots.against import plot_against
from evaluation.plots.scatter import plot_scatter
from evaluation.plots.training import plot_training
from utils.commands import run_command
from utils.log import configure_logging, output
from utils.script_parser import script_parser


def against(arguments: argparse.Namespace) -> Path:
    """A metric against a property of the bursts: frames, noise level, motion (px)."""
    tables = [read_scores(path) for path in arguments.scores]
    return plot_against(arguments.out, tables, arguments.property, arguments.metric)


def scatter(arguments: argparse.Namespace) -> Path:
    """Two networks burst by burst, with the paired difference and its interval."""
    return plot_scatter(
        arguments.out, read_scores(arguments.scores), arguments.first, arguments.second, arguments.metric
    )


def training(arguments: argparse.Namespace) -> Path:
    """Training curves of several runs side by side."""
    return plot_training(arguments.out, arguments.run, arguments.tag)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    configure_logging()
    parser = _parser()
    chosen = parser.parse_args(arguments)
    return run_command(lambda: output(str(chosen.plot(chosen))), logging.getLogger(parser.prog))


def _parser() -> argparse.ArgumentParser:
    parser = script_parser(__doc__, "python -m evaluation.plots")
    kinds = parser.add_subparsers(metavar="PLOT", required=True)
    one = _kind(kinds, "against", against)
    one.add_argument("property", help="frames, 'noise level', 'motion (px)'")
    one.add_argument("scores", type=Path, nargs="+", help=".json files; their bursts are put together")
    one.add_argument("--metric", help="its key; the leading one if left out")
    one = _kind(kinds, "scatter", scatter)
    one.add_argument("scores", type=Path, help=".json file")
    one.add_argument("first", help="network on the horizontal axis")
    one.add_argument("second", help="network on the vertical axis")
    one.add_argument("--metric", help="its key; the leading one if left out")
    one = _kind(kinds, "training", training)
    one.add_argument("run", nargs="+", help="MODULE/PARAM of a training, or a folder with event files")
    one.add_argument("--tag", action="append", default=[], help="e.g. Stat/psnr; may be repeated")
    return parser


def _kind(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser], name: str, plot: Callable[..., Path]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=(plot.__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(f"{name}.png"), help="PNG, SVG or PDF (default: %(default)s)")
    parser.set_defaults(plot=plot)
    return parser
