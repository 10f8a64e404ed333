"""Restore a burst of your own: RAW files in, one good photograph out.

python run_restoration.py my_burst/
python run_restoration.py my_burst/ --network deeprep_quickstart --out photo.png --dng --compare
python run_restoration.py a.dng b.dng c.dng --reference b.dng --task sr --memory 4GB
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from restoration.tasks import CLASSICAL, TASKS
from utils.commands import EXIT_USAGE, run_command
from utils.log import configure_logging

# Only what --help needs is imported above: PyTorch takes seconds to load.

logger = logging.getLogger("run_restoration")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code (0, 1 failed, 2 wrong usage, 130 interrupted)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    configure_logging(logging.DEBUG if options.verbose else logging.INFO)
    if options.brightness != "auto" and not _is_number(options.brightness):
        parser.error(f"--brightness {options.brightness}: give a number from -20 to 20, or auto")
    return run_command(
        lambda: _restore(options),
        logger,
        "Interrupted. Nothing is half-written; the same command goes on from there.",
        options.verbose,
        one_line=True,
    )


def _restore(options: argparse.Namespace) -> None:
    from restoration.memory import parse_memory
    from restoration.output import Wanted
    from restoration.restore import Choice, restore

    wanted = Wanted(
        finished=Path(options.out) if options.out else _default_result(options.input),
        bits=options.bits,
        brightness=options.brightness if options.brightness == "auto" else float(options.brightness),
        linear=options.linear,
        dng=options.dng,
        comparison=options.compare,
    )
    memory = parse_memory(options.memory) if options.memory is not None else None
    choice = Choice(options.network, options.task, options.reference, options.leave_out, memory)
    restore([Path(given) for given in options.input], choice, wanted)


def _default_result(given: Sequence[str]) -> Path:
    """In the current folder, with the name of the burst."""
    first = Path(given[0]).resolve()
    return Path(f"{first.name if first.is_dir() else first.stem}_restored.png")


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line; --help shows the rest."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (--help shows all options)\n")


def _is_number(text: str) -> bool:
    try:
        return -20 <= float(text) <= 20
    except ValueError:
        return False


def _parser() -> argparse.ArgumentParser:
    summary, _, examples = (__doc__ or "").partition("\n\n")
    parser = _Parser(
        prog="run_restoration.py",
        description=summary,
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("input", metavar="INPUT", nargs="+", help="a folder with the frames, or the frames: RAW files, or pictures")
    add("--network", metavar="NAME_OR_PATH", default=CLASSICAL, help="what restores (default: %(default)s)")
    add("--task", choices=TASKS, help="what is to be done (default: what the network is made for)")
    add("--out", metavar="FILE.png", help="the finished picture (default: INPUT_restored.png in the current folder)")
    add("--bits", type=int, choices=(8, 16), default=8, help="of the finished picture (default: %(default)s)")
    add("--brightness", metavar="EV|auto", default="0", help="brighten by exposure values (default: as it was exposed)")
    add("--linear", choices=("png", "tiff"), help="also write FILE_linear: 16 bit, linear, colours of the camera")
    add("--dng", action="store_true", help="also write FILE_linear.dng for raw developers")
    add("--compare", action="store_true", help="also write FILE_comparison.png: reference frame | result")
    add("--reference", metavar="NAME", help="the frame that the result shows (default: the sharpest)")
    add("--leave-out", action="store_true", help="go on without frames that cannot be read or do not belong")
    add("--memory", metavar="SIZE", help="that may be used, e.g. 4GB (default: 60 %% of what is free)")
    add("--verbose", action="store_true", help="show more messages, and tracebacks of errors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
