"""What the scripts of this folder share: logging, exit codes."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence

from utils.commands import run_command
from utils.log import configure_logging

logger = logging.getLogger("util_scripts")


def run_script(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    work: Callable[[argparse.Namespace], object],
) -> int:
    """Does the work of a command line; returns the exit code (0, 1 failed, 130 interrupted).

    Errors that say by themselves what to do are shown without a traceback; others are bugs and keep it.

    Args:
        arguments: of the command line; None takes those of the process.
        work: gets the parsed options; False as result means that something failed and was said already.
    """
    options = parser.parse_args(arguments)
    configure_logging()
    return run_command(lambda: work(options), logger, "Interrupted. The same command goes on from there.")
