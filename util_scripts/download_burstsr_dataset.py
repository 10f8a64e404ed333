"""Fetch BurstSR (crops, 10 archives) into PATH/burstsr_dataset and unpack it.

example:
  python util_scripts/download_burstsr_dataset.py /data

An interrupted download goes on when the same command is given again. The archives are kept beside train/ and val/; they
may be removed at the end (not the small .unpacked files, which say that an archive is done).
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from admin.data_locations import LOCATIONS
from dataset import BurstSRDataset
from util_scripts.data_sources import fetch_and_merge, folder_with
from util_scripts.script import run_script
from utils.script_parser import script_parser

logger = logging.getLogger("download_burstsr_dataset")

SERVER = "https://data.vision.ee.ethz.ch/bhatg/BurstSRChallenge"
ARCHIVES = {**{f"train_{part:02d}": "train" for part in range(9)}, "val": "val"}
NUM_BURSTS = {"train": 5405, "val": 882}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("path", metavar="PATH", type=Path, help="folder in which burstsr_dataset is made")
    parser.add_argument("--server", default=SERVER, help="another place of the archives (default: %(default)s)")
    return run_script(parser, arguments, _download)


def _download(options: argparse.Namespace) -> bool:
    """Whether all bursts are there at the end."""
    root = options.path / "burstsr_dataset"
    logger.info("BurstSR; licence: %s", LOCATIONS["burstsr_dir"].licence)
    for name, split in ARCHIVES.items():
        # The archives wrap the bursts in a folder of their own name.
        source = f"{options.server.rstrip('/')}/{name}.zip"
        fetch_and_merge([source], root / f"{name}.zip", root / split, partial(_wrapped, name=name))
    complete = True
    for split, expected in NUM_BURSTS.items():
        data = BurstSRDataset(root, split=split)
        data.get_burst(0, [0])  # one burst is really decoded
        found = len(data.burst_list)
        if found != expected:
            logger.error("%s holds %d bursts, the published set has %d", root / split, found, expected)
            complete = False
    if complete:
        logger.info("%s is complete. Set in admin/local.py: burstsr_dir = %r", root, str(root.resolve()))
    return complete


def _wrapped(content: Path, name: str) -> Path:
    return folder_with(content, name) / name


if __name__ == "__main__":
    sys.exit(main())
