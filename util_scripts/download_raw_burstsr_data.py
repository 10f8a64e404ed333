"""Fetch the full images of BurstSR (DNG and CR2) into PATH/burstsr_full_images and unpack them.

examples:
  python util_scripts/download_raw_burstsr_data.py /data
  python util_scripts/download_raw_burstsr_data.py /data --sequences 0008 0010

An interrupted download goes on when the same command is given again. A sequence that the server does not have is
reported at the end and does not stop the others. util_scripts/prepare_burstsr.py makes aligned crops of the images.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from admin.environment import REPOSITORY
from dataset.burstsr_dataset import load_txt
from util_scripts.data_sources import fetch_and_merge
from util_scripts.script import run_script
from utils.downloads import DownloadFailed
from utils.script_parser import script_parser
from utils.suggestions import unknown_name_message

logger = logging.getLogger("download_raw_burstsr_data")

SERVER = "https://data.vision.ee.ethz.ch/bhatg/burstsr_full_release"
SPLITS = ("train", "val")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("path", metavar="PATH", type=Path, help="folder in which burstsr_full_images is made")
    parser.add_argument("--sequences", metavar="SSSS", nargs="+", help="only these sequences, e.g. 0008")
    parser.add_argument("--server", default=SERVER, help="another place of the archives (default: %(default)s)")
    return run_script(parser, arguments, _download)


def _download(options: argparse.Namespace) -> bool:
    """Whether every sequence is there at the end."""
    split_of = {
        sequence: split for split in SPLITS for sequence in load_txt(REPOSITORY / f"data_specs/burstsr_{split}.txt")
    }
    wanted = options.sequences or list(split_of)
    for sequence in wanted:
        if sequence not in split_of:
            raise ValueError(unknown_name_message("sequence of BurstSR", sequence, split_of))
    root = options.path / "burstsr_full_images"
    failed = []
    for sequence in wanted:
        folder = root / split_of[sequence]
        source = f"{options.server.rstrip('/')}/{split_of[sequence]}/{sequence}.zip"
        try:
            fetch_and_merge([source], folder / f"{sequence}.zip", folder / sequence, partial(_inner, sequence=sequence))
        except DownloadFailed as error:
            logger.error("%s", error)
            failed.append(sequence)
    if failed:
        logger.error("%d of %d sequences are missing: %s", len(failed), len(wanted), ", ".join(failed))
    return not failed


def _inner(content: Path, sequence: str) -> Path:
    """The folder of the sequence, which may be wrapped once more in a folder of its name."""
    return content / sequence if (content / sequence).is_dir() else content


if __name__ == "__main__":
    sys.exit(main())
