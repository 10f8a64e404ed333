"""Joint denoising and demosaicking of RAW bursts: test sets, protocol, and how networks are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data.jdd_camera import NOISE_LEVELS, PUBLISHED_TEST_MAP, NoiseLevel, develop, noise_map
from dataset import REDS, ClipFolder, SampleClips, Videezy4K
from dataset.base_clip_dataset import BaseClipDataset
from evaluation.common_utils.benchmark import (
    NOISE_LEVEL,
    Benchmark,
    BurstData,
    Compared,
    Grouping,
    Protocol,
    name_of_folder,
)
from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.metrics import lpips, psnr, ssim
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.properties import level_noise
from evaluation.jdd.noisy_clips import NoisyClips
from evaluation.jdd.real_bursts import RealBursts
from models.classical import DemosaickedAlignedMean, DemosaickedReference, RobustJointDemosaicking
from utils.suggestions import unknown_name_message

PACKAGE = "evaluation.jdd"
PUBLISHED_FRAMES = 5

# Held-out clips, and the motion in pixels per frame. Matched patches lie inside the frame, so those near its border
# cannot follow large motion; in larger frames there are fewer of them.
_NUM_CLIPS = 24
_MIXED_MOTION, _LARGE_MOTION = (0.0, 30.0), (30.0, 30.0)
_SIZE, _SIZE_FOR_LARGE_MOTION = 256, 512


@dataclass(frozen=True)
class TestSet:
    """One of the choices of `--data`.

    Attributes:
        title: in tables.
        clips: makes the clips, given the number of frames of a burst and the folder of the user; None for real bursts.
        tiling: how the published scripts restore whole frames, as attributes of a network's `tiling` (lengths in packed
            pixels, the search window in full-resolution ones); None leaves it to the network.
        only_middle: restore the middle frame of every clip alone.
    """

    title: str
    clips: Callable[[int, Path | None], BaseClipDataset] | None
    tiling: Mapping[str, int] | None = None
    only_middle: bool = False


def _sample_clips(size: int, speed: tuple[float, float]) -> Callable[[int, Path | None], BaseClipDataset]:
    return lambda frames, folder: SampleClips("heldout", frames, size, speed, num_clips=_NUM_CLIPS)


_LARGE_TILES = {"patch": 128, "margin": 16, "search_window": 128, "max_batch": 4}
DATA = {
    "reds4": TestSet(
        "REDS4", lambda frames, folder: REDS(folder, "reds4"), {"patch": 64, "margin": 4, "search_window": 48}
    ),
    "videezy": TestSet("Videezy 4K", lambda frames, folder: Videezy4K(folder), _LARGE_TILES),
    "sc_burst": TestSet("SC_burst, real bursts", None, _LARGE_TILES),
    "folder": TestSet("your frames", lambda frames, folder: ClipFolder(folder)),
    "clips": TestSet("held-out clips of bundled photographs", _sample_clips(_SIZE, _MIXED_MOTION), only_middle=True),
    "clips_far": TestSet(
        f"held-out clips of bundled photographs, {_LARGE_MOTION[0]:.0f} pixels per frame",
        _sample_clips(_SIZE_FOR_LARGE_MOTION, _LARGE_MOTION),
        only_middle=True,
    ),
}


def call_joint_demosaicking(
    net: nn.Module, burst: torch.Tensor, info: Mapping[str, Any], tiling: Mapping[str, int] | None = None
) -> torch.Tensor:
    """Networks get the burst [1, T, 4, H, W] and its noise map; what they predict is brought to sRGB.

    Args:
        net: `pred, aux = net(burst, noise_map)` with linear sensor RGB [1, 3, 2H, 2W]. Its `noise_map_mode` says which
            noise map it was trained with; without one it gets that of the published tests.
        burst: noisy packed RGGB.
        info: `noise_level` and the camera's `cam2rgb`, `rgb_gain`, `red_gain`, `blue_gain`.
        tiling: replaces attributes of `net.tiling`, if it has one.
    """
    if tiling and hasattr(net, "tiling"):
        net.tiling = replace(net.tiling, **tiling)  # type: ignore[type-var]
    mode = getattr(net, "noise_map_mode", PUBLISHED_TEST_MAP)
    prediction, _ = net(burst, noise_map(burst, info["noise_level"], mode))
    gains = (info[name][None] for name in ("cam2rgb", "rgb_gain", "red_gain", "blue_gain"))
    return develop(prediction.float(), *gains)


def _in_double_precision(compared: Compared) -> Compared:
    return replace(compared, prediction=compared.prediction.double(), ground_truth=compared.ground_truth.double())


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """sRGB [3, H, W] in 0..1 as uint8 [H, W, 3]."""
    return np.ascontiguousarray((image.cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())


SRGB = Protocol(
    name="jdd_srgb", space="float sRGB without a tone curve, 0..1", prepare=lambda device: _in_double_precision
)
METRICS = (psnr(SRGB), ssim(SRGB))
LPIPS = lpips(replace(SRGB, prepare=None))

BASELINES = (
    NetworkParam(
        network=DemosaickedReference, unique_name="demosaicked_reference", display_name="demosaicked reference"
    ),
    NetworkParam(network=DemosaickedAlignedMean, unique_name="aligned_mean", display_name="aligned mean"),
    NetworkParam(network=RobustJointDemosaicking, unique_name="classical", display_name="classical"),
)


def jdd_benchmark(
    data: str = "reds4", noise: str = "high", frames: int = PUBLISHED_FRAMES, folder: str | Path | None = None
) -> Benchmark:
    """The benchmark on one of the test sets.

    Args:
        data: a key of ``DATA``.
        noise: `high` or `low`; real bursts have their own noise.
        frames: of a burst, odd; real bursts have five.
        folder: where the test set lies; the place that the environment names if None.

    Raises:
        ValueError: another test set or noise level, an even number of frames, or a folder for a set that needs none.
    """
    if data not in DATA:
        raise ValueError(unknown_name_message("test set of jdd", data, DATA))
    if noise not in NOISE_LEVELS:
        raise ValueError(unknown_name_message("noise level of jdd", noise, NOISE_LEVELS))
    place = _checked_folder(data, folder)
    test_set = DATA[data]
    is_real = test_set.clips is None
    has_places = not is_real and not test_set.only_middle
    if is_real and frames != PUBLISHED_FRAMES:
        raise ValueError(f"frames={frames}: the bursts of {data} have {PUBLISHED_FRAMES} frames")
    of_frames = "" if frames == PUBLISHED_FRAMES else f"_{frames}_frames"
    return Benchmark(
        name=f"jdd_{data}{name_of_folder(place)}" + ("" if is_real else f"{of_frames}/{noise}"),
        title=f"Joint denoising and demosaicking, {test_set.title}{'' if is_real else f', {noise} noise'}",
        data=lambda: _bursts(test_set, NOISE_LEVELS[noise], frames, place),
        call=lambda net, burst, info: call_joint_demosaicking(net, burst, info, test_set.tiling),
        metrics=() if is_real else (*METRICS, LPIPS),
        view=view,
        encoding=PredictionEncoding(full_scale=2**16 - 1, space="sRGB", rounded=True, is_picture=True),
        baselines=BASELINES,
        reference="middle",
        footnotes=() if is_real else (_SIMULATED, _PLACES) if has_places else (_SIMULATED,),
        groupings=(Grouping("place", lambda info: str(info["place"])),) if has_places else (),
        mean_over="scenes",
        properties={NOISE_LEVEL: lambda item: level_noise(item.info)},
    )


_SIMULATED = (
    "RAW simulated from display colours by one fixed camera; the same noise fields for every clip, as published."
)
_PLACES = (
    "Place: border are the first and last frames of a clip, whose bursts take frames from further away instead of "
    "those that are missing. The publication states SSIM for the others alone."
)


def _checked_folder(data: str, folder: str | Path | None) -> Path | None:
    if folder is None:
        if data == "folder":
            raise ValueError("--data folder needs --folder PATH: a folder of frames, or of folders of frames")
        return None
    if DATA[data].only_middle:
        raise ValueError(f"--data {data} is made from bundled photographs and takes no --folder")
    return Path(folder)


def _bursts(test_set: TestSet, level: NoiseLevel, frames: int, folder: Path | None) -> BurstData:
    if test_set.clips is None:
        return RealBursts(folder)
    return NoisyClips(test_set.clips(frames, folder), level, frames, test_set.only_middle)


# Arguments of the scripts.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "--data": {"choices": list(DATA), "default": "reds4", "help": "the test set (default: %(default)s)"},
    "--noise": {"choices": list(NOISE_LEVELS), "default": "high", "help": "noise level (default: %(default)s)"},
    "--frames": {"type": int, "default": PUBLISHED_FRAMES, "help": "frames of a burst (default: %(default)s)"},
    "--folder": {"metavar": "PATH", "default": None, "help": "where the test set, or your own clips, lie"},
}
