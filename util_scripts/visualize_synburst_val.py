"""Show bursts of the SyntheticBurst validation set: frames 0, 7 and 13 beside the ground truth.

examples:
  python util_scripts/visualize_synburst_val.py srgb
  python util_scripts/visualize_synburst_val.py raw --bursts 3 17 --out panels
  python util_scripts/visualize_synburst_val.py linear --window

modes:
  raw     the mosaic as the sensor sees it
  linear  red, first green and blue of the packed frame, linear
  srgb    the same after white balance, colour matrix, gamma and tone curve of the burst
Mosaic and linear colours are scaled by the maximum of the burst. Frames are enlarged to the size of the ground truth,
pixel by pixel. Panels are written as PNG files; --window opens the viewer instead (docs/viewer.md).
"""

import argparse
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from admin.environment import env_settings
from data.postprocessing_functions import process_linear_image_rgb
from dataset import SyntheticBurstVal
from evaluation.common_utils.picture import compose
from util_scripts.script import run_script
from utils.data_format_utils import rggb_to_rgb, torch_to_npimage
from utils.image_io import write_image
from utils.opencv_plotting import BurstSRVis
from utils.ops.mosaic import unpack
from utils.progress import track
from utils.script_parser import script_parser

logger = logging.getLogger("visualize_synburst_val")

FRAMES = (0, 7, 13)
MODES = ("raw", "linear", "srgb")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("mode", choices=MODES, help="how the frames are shown")
    parser.add_argument("--bursts", metavar="N", type=int, nargs="+", help="numbers of bursts; all if left out")
    parser.add_argument("--root", type=Path, help="folder of the data set; else synburstval_dir of the environment")
    parser.add_argument("--out", type=Path, help="folder of the panels; else synburst_panels/<mode> in save_data_path")
    parser.add_argument("--window", action="store_true", help="show them in the viewer instead of writing panels")
    return run_script(parser, arguments, _visualize)


def _visualize(options: argparse.Namespace) -> None:
    bursts = SyntheticBurstVal(options.root)
    out = options.out or Path(env_settings().save_data_path) / "synburst_panels" / options.mode
    numbers = options.bursts or range(len(bursts))
    unknown = [number for number in numbers if not 0 <= number < len(bursts)]
    if unknown:
        raise ValueError(f"there is no burst {unknown[0]}; the set has 0 to {len(bursts) - 1}")
    if options.window:
        _show(options.mode, (bursts[number] for number in numbers))
        return
    for number in track(numbers, "Panels"):
        burst, truth, meta = bursts[number]
        write_image(out / f"{meta['burst_name']}.png", panel(options.mode, burst, truth, meta))
    logger.info("Written: %s (%d panels)", out, len(numbers))


def panel(mode: str, burst: torch.Tensor, truth: torch.Tensor, meta_info: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Three frames and the ground truth side by side, uint8 [H, W, 3] RGB; see :func:`titled_images`."""
    shown = titled_images(mode, burst, truth, meta_info)
    return compose([list(shown.values())], list(shown))


def titled_images(
    mode: str, burst: torch.Tensor, truth: torch.Tensor, meta_info: Mapping[str, Any]
) -> dict[str, NDArray[np.uint8]]:
    """Title → picture of three frames and of the ground truth, uint8 [H, W, 3] RGB of the ground truth's size.

    Args:
        mode: ``raw``, ``linear`` or ``srgb``.
        burst: [14, 4, h, w] packed RAW frames, linear, 0..1.
        truth: [3, H, W], linear, 0..1.
        meta_info: of the burst.
    """
    frames = [_shown(mode, burst[index], burst.max(), meta_info) for index in FRAMES]
    size = (truth.shape[2], truth.shape[1])
    enlarged = [np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST), np.uint8) for frame in frames]
    shown_truth = truth / truth.max().clamp(min=1e-8) if mode != "srgb" else process_linear_image_rgb(truth, meta_info)
    titles = [*(f"{mode}_{index:02d}" for index in FRAMES), "GT"]
    return dict(zip(titles, [*enlarged, _picture(torch.as_tensor(shown_truth))], strict=True))


def _show(mode: str, samples: Iterable[tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]]) -> None:
    """Burst after burst in the viewer, until it is ended."""
    viewer = BurstSRVis(save_results_path=Path(env_settings().save_data_path) / "views")
    for burst, truth, meta in samples:
        shown = titled_images(mode, burst, truth, meta)
        titles = [f"{meta['burst_name']} {title}" for title in shown]
        if viewer.plot({"images": [image[:, :, ::-1] for image in shown.values()], "titles": titles}) == "stop":
            return


def _shown(mode: str, frame: torch.Tensor, maximum: torch.Tensor, meta_info: Mapping[str, Any]) -> NDArray[np.uint8]:
    if mode == "srgb":
        return _picture(torch.as_tensor(process_linear_image_rgb(rggb_to_rgb(frame), meta_info)))
    image = unpack(frame)[None] if mode == "raw" else rggb_to_rgb(frame)
    return _picture(image / maximum.clamp(min=1e-8))


def _picture(image: torch.Tensor) -> NDArray[np.uint8]:
    return np.ascontiguousarray(torch_to_npimage(image)[..., ::-1])


if __name__ == "__main__":
    sys.exit(main())
