"""Make training pairs of RawSR with a simulated camera, in the layout of the published set.

examples:
  python util_scripts/synthesize_rawsr.py /data/rawsr/x2
  python util_scripts/synthesize_rawsr.py /data/rawsr/x2 --split Testing
  python util_scripts/synthesize_rawsr.py /data/rawsr/x4 --scale 4 --photos my_photographs
  python util_scripts/synthesize_rawsr.py /data/rawsr/x2_nonblind --kernels nonblind --raws my_raw_files

Without --photos and --raws the pairs come from the photographs that are bundled with scikit-image. For every image:
  OUT/<split>/GT/<name>.npy                     sharp scene, RGB, gamma-encoded, float32 0..1
  OUT/<split>/TrainingSet/<name><number>.npy    blurred, small, noisy mosaic, RGGB, linear, float32 0..1
  OUT/<split>/ISP/<name><number>.jpeg           the camera's picture of that mosaic
  OUT/<split>/synthesis.json                    the options that decide what the files hold
with the numbers 0000, 0001, ... of versions that differ in blur and noise. The same seed gives the same pairs; those
that are there already are left alone, so that more --versions only add some and fewer remove none. Other options than
those of synthesis.json are refused; where it is missing (a folder of an older version) they are taken to be the same.
Set rawsr_dir to the folder that holds x2 and x4.
"""

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from data.rawsr_processing import DEGRADATIONS, RawSRSynthesisProcessing
from dataset import CameraFiles, ImageFolder, SamplePhotos
from dataset.rawsr_pairs import VERSION_LENGTH
from evaluation.rawsr.benchmark import SCALES, eight_bit
from util_scripts.noted_settings import note_settings
from util_scripts.script import run_script
from utils.atomic_write import write_bytes
from utils.draws import Draws
from utils.image_io import write_image, write_jpeg
from utils.progress import track
from utils.script_parser import script_parser

logger = logging.getLogger("synthesize_rawsr")

# Split of the published layout → split of the bundled photographs.
SPLITS = {"Training": "train", "Testing": "heldout"}

CONTENT = ("photos", "raws", "scale", "kernels", "crop", "quality", "subsampling", "seed")  # what decides it


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the set")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--photos", metavar="FOLDER", type=Path, help="folder of photographs")
    source.add_argument("--raws", metavar="FOLDER", type=Path, help="folder of RAW files; half of their size is used")
    parser.add_argument("--split", choices=SPLITS, default="Training", help="(default: %(default)s)")
    parser.add_argument(
        "--scale", type=int, choices=SCALES, default=2, help="sides grow so many times (default: %(default)s)"
    )
    parser.add_argument("--kernels", choices=DEGRADATIONS, default="blind", help="of the blur (default: %(default)s)")
    parser.add_argument("--versions", type=int, default=10, help="of every ground truth (default: %(default)s)")
    parser.add_argument("--crop", type=int, help="side of the mosaics, one random crop per image (default: all of it)")
    parser.add_argument(
        "--quality", type=int, default=95, help="of the JPEG files; 0 writes PNG (default: %(default)s)"
    )
    parser.add_argument("--subsampling", default="4:4:4", help="of the JPEG files' colours (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: %(default)s)")
    return run_script(parser, arguments, _synthesize)


def _synthesize(options: argparse.Namespace) -> None:
    images: Any
    if options.raws is not None:
        images = CameraFiles(options.raws)
    elif options.photos is not None:
        images = ImageFolder(options.photos)
    else:
        images = SamplePhotos(SPLITS[options.split])
    if not 1 <= options.versions <= 10**VERSION_LENGTH:
        raise ValueError(f"--versions {options.versions}: give 1 to {10**VERSION_LENGTH}")
    processing = RawSRSynthesisProcessing(options.crop, options.scale, DEGRADATIONS[options.kernels])
    folder = options.out / options.split
    _check_names(images.image_list, options.raws or options.photos)
    note_settings(folder / "synthesis.json", {name: getattr(options, name) for name in CONTENT})
    for index in track(range(images.get_num_images()), "Pairs"):
        write_pairs(folder, images, index, processing, options)
    logger.info("%s: %d versions of %d images", folder, options.versions, images.get_num_images())


def _check_names(files: Sequence[str], source: Path | None) -> None:
    """Pairs are named by what stands before the last dot, and one would stand for two images."""
    named: dict[str, str] = {}
    for file in files:
        name = Path(file).stem
        if name in named:
            raise ValueError(f"{source} has two images named {name}: {named[name]} and {file}; rename one of them")
        named[name] = file


def write_pairs(
    folder: Path, images: Any, index: int, processing: RawSRSynthesisProcessing, options: argparse.Namespace
) -> None:
    """Writes the ground truth of an image and its degraded versions.

    All versions show the same crop with the same colour settings, so that one ground truth serves them all; blur and
    noise are drawn anew. What is there already is not made again.
    """
    name = Path(images.image_list[index]).stem
    ending = ".jpeg" if options.quality else ".png"
    truth = folder / "GT" / f"{name}.npy"
    files = {
        number: (folder / "TrainingSet" / f"{name}{number:04d}.npy", folder / "ISP" / f"{name}{number:04d}{ending}")
        for number in range(options.versions)
    }
    missing = [number for number, pair in files.items() if not all(path.is_file() for path in pair)]
    if not truth.is_file():
        missing = sorted({0, *missing})  # the ground truth comes with the first version
    if not missing:
        return
    frame, _ = images.get_image(index)
    shared = processing.draw_for(frame, Draws(options.seed, index))
    fixed = {key: shared[key] for key in ("transform", "crop", "colors")}
    for number in missing:
        raw_file, isp_file = files[number]
        own = processing.draw_for(frame, Draws(options.seed, index, number))
        sample = processing.render(frame, {**own, **fixed})
        if number == 0:
            _write_array(truth, sample["frame_gt"].permute(1, 2, 0).numpy())
        reference = eight_bit(sample["isp"])
        if options.quality:
            write_jpeg(isp_file, reference, options.quality, options.subsampling)
        else:
            write_image(isp_file, reference)
        _write_array(raw_file, sample["raw"][0].numpy())


def _write_array(path: Path, array: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array, np.float32), allow_pickle=False)
    write_bytes(path, content.getvalue())


if __name__ == "__main__":
    sys.exit(main())
