"""Super-resolution of video frames: clips of bundled photographs (8 to 32), or prepared frames of videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.network_param import NetworkParam
from evaluation.sr3.clips import Entry, FewerFrames, PhotoClips, PreparedVideos
from evaluation.sr3.metrics import metrics
from models.classical.middle_frame import MiddleFrame
from models.sr3.diffusion import GaussianDiffusion
from models.sr3.sampling import SAMPLERS, find_sampler
from utils.suggestions import unknown_name_message

PACKAGE = "evaluation.sr3"

# Test set -> (title, clips).
DATA: dict[str, tuple[str, Callable[[], Sequence[Entry]]]] = {
    "photos": ("Frames enlarged 8 to 32, clips of held-out bundled photographs", PhotoClips),
    "frames_16_128": (
        "Frames enlarged 16 to 128, prepared videos",
        lambda: PreparedVideos("celebvhq_3_frames_0.5_seconds_16_128_val", 16, 128),
    ),
    "frames_64_512": (
        "Frames enlarged 64 to 512, prepared videos",
        lambda: PreparedVideos("celebvhq_3_frames_0.5_seconds_64_512_val", 64, 512),
    ),
}

# 257 steps for each of the 255 of the compared pictures, so nothing is lost in between.
ENCODING = PredictionEncoding(full_scale=65535, space="RGB as displayed, rounded to 8 bits", is_picture=True)

BASELINES = (NetworkParam(network=MiddleFrame, unique_name="bicubic", display_name="bicubic, middle frame"),)

FOOTNOTES = (
    "Gradient / truth: mean absolute difference of neighbouring pixels over that of the ground truth; 1 is as sharp.",
    "Colour drift: how far the mean colour is from that of the low-resolution frame, in steps of 1/255.",
)


def sr3_benchmark(
    data: str = "photos", frames: int | None = None, sampler: str | None = None, steps: int | None = None
) -> Benchmark:
    """The benchmark on one of the test sets.

    Args:
        data: a name in ``DATA``.
        frames: the networks see only so many frames (odd); all if None.
        sampler, steps: how diffusion models sample and in how many network evaluations; as configured if None.

    Raises:
        ValueError: another test set or sampler.
    """
    if data not in DATA:
        raise ValueError(unknown_name_message("test set of sr3", data, DATA))
    if sampler is not None:
        find_sampler(sampler)
    title, clips = DATA[data]
    parts = [f"{frames}_frames" if frames else "", sampler or "", f"{steps}_steps" if steps else ""]
    variant = [part for part in parts if part]

    def call(net: nn.Module, burst: torch.Tensor, info: Mapping[str, Any]) -> torch.Tensor:
        configure_sampling(net, sampler, steps)
        prediction, _ = net(burst)
        return torch.as_tensor((prediction * 255).round() / 255)

    return Benchmark(
        name="/".join(["sr3", data, "_".join(variant) or "default"]),
        title=", ".join([title, *(part.replace("_", " ") for part in variant)]),
        data=clips if frames is None else lambda: FewerFrames(clips(), frames),
        call=call,
        metrics=metrics(),
        view=view,
        encoding=ENCODING,
        baselines=BASELINES,
        footnotes=FOOTNOTES,
    )


def sr3_benchmarks(
    data: str = "photos",
    frames: Sequence[int] | None = None,
    sampler: str | None = None,
    steps: int | None = None,
) -> list[Benchmark]:
    """One benchmark for each number of frames, or that with all frames."""
    return [sr3_benchmark(data, count, sampler, steps) for count in frames or (None,)]


def configure_sampling(net: nn.Module, sampler: str | None, steps: int | None) -> None:
    """Sets the sampler and the number of network evaluations of the diffusion models in ``net``, where given."""
    for model in net.modules():
        if isinstance(model, GaussianDiffusion):
            model.sampler = sampler or model.sampler
            model.steps = steps or model.steps


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """RGB [3, H, W] in 0..1 as uint8 [H, W, 3]."""
    picture = (image.cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


# Arguments of the scripts.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "--data": {"choices": list(DATA), "default": "photos", "help": "the test set (default: %(default)s)"},
    "--frames": {"type": int, "nargs": "+", "help": "numbers of frames that networks see, one table each"},
    "--sampler": {"choices": list(SAMPLERS), "help": "of diffusion models (default: as each is configured)"},
    "--steps": {"type": int, "help": "network evaluations of a sampling (default: as each is configured)"},
}
