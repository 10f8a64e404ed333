"""Decode photographs once and for all: large files that trainings map into memory.

examples:
  python util_scripts/pack_images.py zurich packed/zurich                 # the training images, whole
  python util_scripts/pack_images.py openimages packed/open --tile 640    # windows that hold a denoising burst
  python util_scripts/pack_images.py photos/ packed/photos
  python run_training.py deeprep sr_synthetic_default --set packed=packed/zurich

IMAGES is zurich or openimages (their folders are set as for training), or a folder of images. With --tile, photographs
are cut into as many windows of that side as fit side by side, around the middle; smaller photographs stay whole.
Zurich RAW to RGB takes 28 GB. The format is described in dataset/packed_images.py.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from dataset import ImageFolder, OpenImagesDataset, ZurichRAW2RGB
from dataset.packed_images import pack_images
from util_scripts.script import run_script
from utils.progress import track
from utils.script_parser import script_parser

logger = logging.getLogger("pack_images")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("images", metavar="IMAGES", help="zurich, openimages, or a folder of images")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the packed images")
    parser.add_argument("--tile", type=int, metavar="SIDE", help="cut photographs into windows of this side")
    parser.add_argument("--shard_mb", type=int, default=1024, help="size of a file in MB (default: %(default)s)")
    return run_script(parser, arguments, _pack)


def _pack(options: argparse.Namespace) -> None:
    known = {"zurich": ZurichRAW2RGB, "openimages": OpenImagesDataset}
    photographs: Any = known[options.images]() if options.images in known else ImageFolder(root=options.images)
    count = pack_images(
        _windows(photographs, options.tile), options.out, photographs.get_name(), options.shard_mb << 20
    )
    logger.info("%s: %d images", options.out, count)


def _windows(photographs: Any, side: int | None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for number in track(range(len(photographs)), "Photographs"):
        image, name = photographs.get_image(number)[0], photographs.image_list[number]
        if side is None or min(image.shape[:2]) < side:
            yield name, image
            continue
        rows, columns = (size // side for size in image.shape[:2])
        top, left = (image.shape[0] - rows * side) // 2, (image.shape[1] - columns * side) // 2
        for row in range(rows):
            for column in range(columns):
                y, x = top + row * side, left + column * side
                yield f"{name} {y},{x}", image[y : y + side, x : x + side]


if __name__ == "__main__":
    sys.exit(main())
