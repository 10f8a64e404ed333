"""Fetch released networks into the folder of pretrained networks.

examples:
  python util_scripts/download_weights.py                         the ones that the benchmarks need most
  python util_scripts/download_weights.py --all
  python util_scripts/download_weights.py dbsr_synthetic_default

What is there already is left alone, what was interrupted goes on. docs/model_zoo.md lists all networks.
The licences of the original projects forbid commercial use of these files.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from admin.released_weights import RELEASED, find_released, released_file
from util_scripts.script import run_script
from utils.downloads import DownloadFailed
from utils.script_parser import script_parser
from utils.suggestions import unknown_name_message

logger = logging.getLogger("download_weights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help="names of the networks, with or without .pth")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--default", action="store_true", help="the ones needed most; the same as no NAME")
    choice.add_argument("--all", action="store_true", help="every released network")
    return run_script(parser, arguments, _fetch)


def _fetch(options: argparse.Namespace) -> bool:
    """Whether every file is there now; one that fails does not keep the others from being fetched."""
    if options.names and (options.all or options.default):
        raise ValueError("give NAMEs, or --default, or --all")
    names = options.names or [name for name, network in RELEASED.items() if options.all or network.is_default]
    for name in names:
        if find_released(name) is None:
            raise ValueError(unknown_name_message("released network", name, RELEASED))
    failed = 0
    for name in names:
        try:
            path = released_file(name)
        except DownloadFailed as error:
            logger.error("%s", error)
            failed += 1
        else:
            logger.info("%s", path)
    if failed:
        logger.error("%d of %d networks could not be fetched; see above", failed, len(names))
    return failed == 0


if __name__ == "__main__":
    sys.exit(main())
