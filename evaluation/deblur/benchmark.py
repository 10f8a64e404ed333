"""The burst deblurring benchmarks: one for every number of frames, so that the same bursts compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

import dataset as datasets
from data.deblur_processing import deblur_processing
from evaluation.common_utils.benchmark import Benchmark, Grouping
from evaluation.common_utils.network_param import NetworkParam
from evaluation.deblur.bursts import LONGEST, Burst, Shortened, TestBursts
from evaluation.deblur.grey_levels import ENCODING, stored_as_8_bit, to_stored
from evaluation.deblur.metrics import LEGACY_METRICS, METRICS
from models.classical import BurstMean
from models.classical.single_frames import BurstMedian, SharpestFrame
from utils.suggestions import unknown_name_message

PACKAGE = "evaluation.deblur"

BURSTS_PER_PHOTO = 40
CROP = 96
LENGTHS = tuple(range(1, LONGEST + 1))
# As the networks that are shipped have seen them in training.
KERNEL_LVL, NOISE_LVL = 8.0, 2.0
# The levels of the original evaluation, and its size.
ORIGINAL: dict[str, Any] = {"size": 160, "kernel_lvl": 3.0, "noise_lvl": 1.0, "motion_blur": True, "align": True}


def _photos() -> TestBursts:
    bursts = deblur_processing("paper", size=CROP, kernel_lvl=KERNEL_LVL, noise_lvl=NOISE_LVL, max_reduction=2.0)
    return TestBursts(datasets.SamplePhotos("heldout"), bursts, BURSTS_PER_PHOTO)


DATA: dict[str, Callable[[], TestBursts]] = {
    "photos": _photos,
    "photos_original": lambda: TestBursts(
        datasets.SamplePhotos("heldout"), deblur_processing("original", **ORIGINAL), BURSTS_PER_PHOTO
    ),
    "imagenet": lambda: TestBursts(
        datasets.ImageNetDataset(split="test", max_images=5000), deblur_processing("original", **ORIGINAL)
    ),
}
TITLES = {
    "photos": "Burst deblurring, held-out bundled photographs",
    "photos_original": "Burst deblurring, held-out bundled photographs, synthesis of 2020",
    "imagenet": "Burst deblurring, ImageNet, synthesis of 2020",
}

BASELINES = (
    NetworkParam(network=SharpestFrame, unique_name="sharpest_frame", display_name="sharpest frame"),
    NetworkParam(network=BurstMean, unique_name="mean", display_name="mean"),
    NetworkParam(network=BurstMedian, unique_name="median", display_name="median"),
)


def call_deblurrer(net: nn.Module, burst: torch.Tensor, info: Mapping[str, Any]) -> torch.Tensor:
    """Networks get the burst [1, T, 3, H, W] in grey levels, and answer in grey levels."""
    return to_stored(net(burst)[0])


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """An image [3, H, W], 0..1 in display space, as uint8 [H, W, 3]."""
    return np.ascontiguousarray(stored_as_8_bit(image.cpu()).to(torch.uint8).permute(1, 2, 0).numpy())


def benchmark_of(name: str, title: str, bursts: Sequence[Burst], legacy: bool = False) -> Benchmark:
    """The benchmark of some bursts; `legacy` measures as the original evaluation did."""
    return Benchmark(
        name=f"{name}_legacy" if legacy else name,
        predictions_of=name,
        title=title,
        data=lambda: bursts,
        call=call_deblurrer,
        metrics=LEGACY_METRICS if legacy else METRICS,
        view=view,
        encoding=ENCODING,
        baselines=BASELINES,
        footnotes=(
            "Over best frame: difference to the largest value that any single frame of the burst reaches.",
            *(("Legacy values compare with each other only.",) if legacy else ()),
        ),
        groupings=(Grouping("burst_length", lambda info: str(info["burst_length"])),),
    )


def deblur_benchmarks(frames: int | str = "all", mode: str = "photos", legacy: bool = False) -> list[Benchmark]:
    """One benchmark for each number of frames, of the same bursts.

    Args:
        frames: 1 to 8, or ``all``.
        mode: ``photos``, ``photos_original`` or ``imagenet``.
        legacy: measure as the original evaluation did.

    Raises:
        ValueError: another mode or number.
    """
    if mode not in DATA:
        raise ValueError(unknown_name_message("mode of deblur", mode, DATA))
    chosen = [str(length) for length in LENGTHS] if frames == "all" else [str(frames)]
    if not set(chosen) <= {str(length) for length in LENGTHS}:
        raise ValueError(f"frames is {frames!r}, expected 1 to {LONGEST}, or all")
    bursts = DATA[mode]()
    return [_of_length(mode, bursts, int(length), legacy) for length in chosen]


def _of_length(mode: str, bursts: TestBursts, length: int, legacy: bool) -> Benchmark:
    title = f"{TITLES[mode]}, {length} frame{'s' if length > 1 else ''}"
    return benchmark_of(f"deblur_{mode}/frames_{length}", title, Shortened(bursts, lambda _: length), legacy)


# Positional arguments of the scripts.
ARGUMENTS = {
    "mode": {"choices": list(DATA), "help": "the bursts"},
    "frames": {"choices": [*map(str, LENGTHS), "all"], "help": "how many frames of each burst"},
}
