"""Make RAW bursts with ground truth from a folder of photographs, as files.

example:
  python util_scripts/generate_synthetic_dataset.py photos bursts --seed 1

Burst i is made from photograph i, in the order of their names:
  <out>/<iiii>/im_raw_<tt>.png  packed RAW frames (R, G, G, B), linear, 2^14 stands for 1
  <out>/<iiii>/im_rgb.png       ground truth, linear sensor RGB, 2^14 stands for 1
  <out>/<iiii>/meta_info.pkl    parameters of the camera
  <out>/synthesis.json          the options that decide what the files hold
The same seed gives the same bursts; those that are there already are left alone. Other options than those of
synthesis.json are refused; where it is missing (a folder of an older version) they are taken to be the same.
"""

import argparse
import logging
import pickle
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import data.transforms as tfm
from data.processing import SyntheticBurstProcessing
from data.sampler import IndexedImage
from dataset import ImageFolder
from evaluation.common_utils.encoding import LINEAR_14_BIT
from util_scripts.noted_settings import note_settings
from util_scripts.script import run_script
from utils.atomic_write import write_bytes
from utils.draws import SampleKey
from utils.image_io import write_png16
from utils.progress import track
from utils.script_parser import script_parser

logger = logging.getLogger("generate_synthetic_dataset")

# Those of the published training settings.
BURST_PARAMETERS = {
    "max_translation": 24.0,
    "max_rotation": 1.0,
    "max_shear": 0.0,
    "max_scale": 0.0,
    "border_crop": 24,
}
CAMERA_STEPS = {"random_ccm": True, "random_gains": True, "smoothstep": True, "gamma": True, "add_noise": True}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("images", metavar="IMAGES", type=Path, help="folder of photographs")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the bursts")
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: %(default)s)")
    parser.add_argument(
        "--crop",
        type=int,
        default=1072,
        help="side of the ground truth; smaller photographs are enlarged (%(default)s)",
    )
    parser.add_argument("--burst_size", type=int, default=14, help="frames of a burst (%(default)s)")
    parser.add_argument(
        "--factor", type=int, default=4, help="ground-truth pixels per pixel of the sensor (%(default)s)"
    )
    return run_script(parser, arguments, _generate)


def _generate(options: argparse.Namespace) -> None:
    if options.crop % (2 * options.factor):
        raise ValueError(f"--crop {options.crop} is no multiple of {2 * options.factor}, twice the --factor")
    bursts = IndexedImage(
        ImageFolder(root=options.images),
        processing=SyntheticBurstProcessing(
            options.crop,
            options.burst_size,
            options.factor,
            burst_transformation_params=BURST_PARAMETERS,
            image_processing_params=CAMERA_STEPS,
            transform=tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip()),
        ),
    )
    content = {name: getattr(options, name.lower()) for name in ("IMAGES", "seed", "crop", "burst_size", "factor")}
    note_settings(options.out / "synthesis.json", content)
    for index in track(range(len(bursts)), "Bursts"):
        folder = options.out / f"{index:04d}"
        if not folder.is_dir():
            write_burst(folder, bursts[SampleKey(index, options.seed)], index)
    logger.info("%s: %d bursts", options.out, len(bursts))


def write_burst(folder: Path, sample: Mapping[str, Any], number: int) -> None:
    """Writes ``burst`` [T, 4, h, w], ``frame_gt`` [3, H, W] and ``meta_info`` of a sample; whole or not at all.

    Args:
        number: stands in the meta-data as ``frame_num``.
    """
    partial = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    for index, frame in enumerate(sample["burst"]):
        write_png16(partial / f"im_raw_{index:02d}.png", LINEAR_14_BIT.encode(frame))
    write_png16(partial / "im_rgb.png", LINEAR_14_BIT.encode(sample["frame_gt"]))
    meta = {**sample["meta_info"], "frame_num": number}
    # Tensors stay tensors: the original tools expect them, and our reader takes them.
    write_bytes(partial / "meta_info.pkl", pickle.dumps(meta, protocol=4))
    partial.rename(folder)


if __name__ == "__main__":
    sys.exit(main())
