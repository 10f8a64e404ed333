"""The RawSR benchmarks: test sets, protocol, and how networks are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from evaluation.common_utils.benchmark import Benchmark, BurstData, Metric, Protocol, name_of_folder
from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.metrics import Measure, psnr, ssim
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.tiles import restore_in_tiles
from evaluation.rawsr.test_sets import PhotoPairs, RealPhotos, StoredPairs
from models.classical import RenderedUpsampling
from models.loss.image_quality_v2 import PixelWiseError
from utils.raw_files import ORIGINAL, RENDERINGS
from utils.suggestions import unknown_name_message

PACKAGE = "evaluation.rawsr"
SCALES = (2, 4)

# Test set → (title, its samples, given the scale and the folder of the user).
SCORED: dict[str, tuple[str, Callable[[int, Path | None], BurstData]]] = {
    "pairs": ("stored pairs, blind", lambda scale, folder: StoredPairs(f"x{scale}", scale, folder)),
    "pairs_nonblind": (
        "stored pairs, non-blind",
        lambda scale, folder: StoredPairs(f"x{scale}_nonblind", scale, folder),
    ),
    "photos": ("held-out bundled photographs, blind", lambda scale, folder: PhotoPairs(scale, "blind")),
    "photos_nonblind": ("held-out bundled photographs, non-blind", lambda scale, folder: PhotoPairs(scale, "nonblind")),
}
REAL = "real"
_WITH_FOLDER = ("pairs", "pairs_nonblind", REAL)

SRGB = Protocol("rawsr", "gamma-encoded RGB clipped to 0..1, float")


def published_tile(scale: int) -> int:
    """Side of the published tiles in pixels of the mosaic; trainings have crops of that side."""
    return 512 // scale


def call_rawsr(net: nn.Module, burst: torch.Tensor, info: Mapping[str, Any], tile: int, scale: int) -> torch.Tensor:
    """Networks get mosaic and reference tile by tile, with half of a tile between them; the result is turned upright.

    Args:
        net: `pred, aux = net(raw, isp)`. Training-free rows look at no more than a few pixels around, so they get the
            whole image.
        burst: mosaic [1, 1, 1, H, W].
        info: `isp` [3, H, W] and `quarter_turns` of the sample.
        tile: even side of the tiles in pixels of the mosaic; 0 restores the whole image at once.
        scale: what the network enlarges by.

    Returns:
        [1, 3, S H, S W], or with sides exchanged.

    Raises:
        ValueError: the network enlarges by something else.
    """
    raw, isp = burst[:, 0], info["isp"][None]
    if isinstance(net, RenderedUpsampling) or tile == 0:
        prediction = net(raw, isp)[0]
    else:
        prediction = restore_in_tiles(lambda *part: _restored(net, part, scale), (raw, isp), tile, tile // 2, scale)
    return torch.rot90(prediction, info["quarter_turns"], dims=(2, 3))


def _restored(net: nn.Module, part: tuple[torch.Tensor, ...], scale: int) -> torch.Tensor:
    prediction, _ = net(*part)
    if prediction.shape[-1] != scale * part[0].shape[-1]:
        raise ValueError(
            f"{type(net).__name__} made {tuple(prediction.shape)} of {tuple(part[0].shape)}, expected {scale} times its"
            " sides; is --scale that of the network?"
        )
    return torch.as_tensor(prediction)


def eight_bit(image: torch.Tensor, truncate: bool = False) -> np.ndarray:
    """uint8 [H, W, 3] of RGB [3, H, W], clipped to 0..1: rounded, or truncated as in the published pictures."""
    levels = image.clamp(0, 1) * 255
    levels = levels if truncate else levels.round()
    return np.ascontiguousarray(levels.cpu().to(torch.uint8).permute(1, 2, 0).numpy())


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """A prediction [3, H, W] as it is, uint8 [H, W, 3]."""
    return eight_bit(image)


def mean_absolute_error(protocol: Protocol) -> Metric:
    """The training loss, on what the protocol compares."""

    def build(device: torch.device) -> Measure:
        error = PixelWiseError("l1")
        return lambda compared: error(compared.prediction, compared.ground_truth)

    return Metric("l1", "L1", protocol, build, higher_is_better=False, decimals=4)


def baselines(scale: int) -> tuple[NetworkParam, ...]:
    """The training-free rows."""
    return (
        NetworkParam(
            network=lambda: RenderedUpsampling(scale, "bicubic"),
            unique_name="demosaic_bicubic",
            display_name="demosaic + bicubic",
        ),
        NetworkParam(
            network=lambda: RenderedUpsampling(scale, "lanczos"),
            unique_name="demosaic_lanczos",
            display_name="demosaic + Lanczos",
        ),
    )


def rawsr_benchmark(
    data: str = "photos",
    scale: int = 2,
    tile: int | None = None,
    folder: str | Path | None = None,
    rendering: str = "camera",
) -> Benchmark:
    """The benchmark on one of the test sets.

    Args:
        data: a key of ``SCORED``, or `real` for RAW files.
        scale: 2 or 4.
        tile: side of the tiles in pixels of the mosaic; the published one if None, the whole image if 0.
        folder: where stored pairs (with `Testing` in it) or RAW files lie; None takes the place that the environment
            names.
        rendering: of the references of RAW files: `camera`, `daylight`, or `original`.

    Raises:
        ValueError: another test set, scale, tile or rendering, or a folder for a set that needs none.
    """
    if data != REAL and data not in SCORED:
        raise ValueError(unknown_name_message("test set of rawsr", data, [*SCORED, REAL]))
    if scale not in SCALES:
        raise ValueError(f"scale is {scale}, RawSR enlarges by 2 or 4")
    if rendering not in (*RENDERINGS, ORIGINAL):
        raise ValueError(unknown_name_message("rendering of RAW files", rendering, [*RENDERINGS, ORIGINAL]))
    if folder is not None and data not in _WITH_FOLDER:
        raise ValueError(f"--data {data} is made from bundled photographs and takes no --folder")
    side = published_tile(scale) if tile is None else tile
    if side < 0 or side % 4:
        raise ValueError(f"--tile {side}: give a multiple of 4, or 0 for the whole image")
    place = None if folder is None else Path(folder)
    size = ("" if tile is None else f"_tile{tile}") + name_of_folder(place)
    tiles = f"tiles of {side} pixels of the mosaic every {side // 2}" if side else "whole images"
    if data == REAL:
        name, title = f"rawsr_real_x{scale}{size}/{rendering}", f"RawSR x{scale}, RAW files, reference: {rendering}"
    else:
        name, title = f"rawsr_{data}_x{scale}{size}", f"RawSR x{scale}, {SCORED[data][0]}"
    return Benchmark(
        name=name,
        title=title,
        data=(lambda: RealPhotos(rendering, place)) if data == REAL else (lambda: SCORED[data][1](scale, place)),
        call=lambda net, burst, info: call_rawsr(net, burst, info, side, scale),
        metrics=() if data == REAL else (psnr(SRGB), ssim(SRGB), mean_absolute_error(SRGB)),
        view=view,
        encoding=PredictionEncoding(2**16 - 1, "gamma-encoded RGB", rounded=True, is_picture=True),
        baselines=baselines(scale),
        footnotes=(f"Restored in {tiles}.",),
    )


# Arguments of the scripts.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "--data": {"choices": list(SCORED), "default": "photos", "help": "the test set (default: %(default)s)"},
    "--scale": {"type": int, "choices": SCALES, "default": 2, "help": "how much larger (default: %(default)s)"},
    "--tile": {"type": int, "default": None, "help": "side of the tiles; 0: whole images (default: 512 / scale)"},
    "--folder": {"metavar": "PATH", "default": None, "help": "where stored pairs or RAW files lie"},
}
# Of those that also show images without ground truth.
REAL_ARGUMENTS: dict[str, dict[str, Any]] = {
    **ARGUMENTS,
    "--data": {**ARGUMENTS["--data"], "choices": [*SCORED, REAL]},
    "--rendering": {
        "choices": [*RENDERINGS, ORIGINAL],
        "default": "camera",
        "help": "of the reference of RAW files (default: %(default)s)",
    },
}
