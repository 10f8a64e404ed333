"""The burst denoising benchmarks: two published test sets, and bursts made from bundled photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from data.postprocessing_functions import DenoisingPostProcess
from dataset.color_denoise_test_set import ColorDenoiseTestSet
from dataset.grayscale_denoise_test_set import GrayscaleDenoiseTestSet
from evaluation.burst_denoise.photos import PhotoBursts
from evaluation.common_utils.benchmark import MOTION, NOISE_LEVEL, Benchmark, BurstData, Compared, Protocol
from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.metrics import SSIM_FOOTNOTE, lpips, psnr, ssim
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.properties import motion_of
from models.classical import AlignedMean, AlignedMeanNLM, BurstMean, ReferenceFrame, RobustDenoiser
from utils.suggestions import unknown_name_message

PACKAGE = "evaluation.burst_denoise"

GAINS = (1, 2, 4, 8)
# Sensor gain → noise level of `DenoisingProcessing`.
LEVEL_OF_GAIN = {1: 2, 2: 3, 4: 4, 8: 5}

DATA: dict[str, Callable[[int], BurstData]] = {
    "grayscale": lambda gain: GrayscaleDenoiseTestSet(noise_level=gain),
    "color": lambda gain: ColorDenoiseTestSet(noise_level=gain),
    "photos": lambda gain: PhotoBursts(LEVEL_OF_GAIN[gain]),
}
TITLES = {
    "grayscale": "Grey burst denoising, test set of Mildenhall et al. (KPN)",
    "color": "Colour burst denoising, test set of Xia et al. (BPN)",
    "photos": "Colour burst denoising, held-out bundled photographs",
}


def call_denoiser(net: nn.Module, burst: torch.Tensor, info: Mapping[str, Any]) -> torch.Tensor:
    """Networks get the burst [1, T, C, H, W] and its noise deviation, both linear."""
    prediction: torch.Tensor = net(burst, noise_estimate=info["sigma_estimate"][None])[0]
    return prediction


def to_srgb(compared: Compared) -> Compared:
    """Both images divided by the white level, sRGB-like curve, clamped to 0..1."""
    info = compared.item.info
    return replace(
        compared,
        prediction=_srgb(compared.prediction, info),
        ground_truth=_srgb(compared.ground_truth, info),
    )


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """A linear image [C, H, W], C 1 or 3, as uint8 [H, W, 3] sRGB."""
    colour = (_srgb(image.cpu(), info).expand(3, -1, -1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(colour.permute(1, 2, 0).numpy())


def _srgb(image: torch.Tensor, info: Mapping[str, Any]) -> torch.Tensor:
    return torch.as_tensor(DenoisingPostProcess().process(image, info))


SRGB = Protocol(
    name="denoise_srgb_border8",
    space="sRGB-like curve after division by the white level, clamped to 0..1",
    border=8,
    prepare=lambda device: to_srgb,
)

BASELINES = (
    NetworkParam(network=ReferenceFrame, unique_name="reference_frame", display_name="reference frame"),
    NetworkParam(network=BurstMean, unique_name="mean", display_name="mean"),
    NetworkParam(network=AlignedMean, unique_name="aligned_mean", display_name="aligned mean"),
    NetworkParam(network=AlignedMeanNLM, unique_name="aligned_mean_nlm", display_name="aligned mean + NLM"),
    NetworkParam(network=RobustDenoiser, unique_name="classical", display_name="classical"),
)


def denoise_benchmark(mode: str, gain: int) -> Benchmark:
    """The benchmark of one test set at one sensor gain.

    Args:
        mode: `grayscale`, `color` or `photos`.
        gain: 1, 2, 4 or 8.

    Raises:
        ValueError: another mode or gain.
    """
    if mode not in DATA:
        raise ValueError(unknown_name_message("mode of burst_denoise", mode, DATA))
    if gain not in GAINS:
        raise ValueError(f"noise_level is {gain!r}, expected one of {', '.join(map(str, GAINS))}, or all")
    return Benchmark(
        name=f"denoise_{mode}/noise_{gain}",
        title=f"{TITLES[mode]}, gain {gain}",
        data=lambda: DATA[mode](gain),
        call=call_denoiser,
        metrics=(psnr(SRGB), ssim(SRGB), lpips(SRGB)),
        view=view,
        encoding=PredictionEncoding(space="linear, scaled by the white level"),
        baselines=BASELINES,
        per_frame_info=("sigma_estimate", "shifts"),
        footnotes=(SSIM_FOOTNOTE,),
        properties={NOISE_LEVEL: lambda item: float(gain), MOTION: motion_of},
    )


def denoise_benchmarks(noise_level: int | str = 2, mode: str = "grayscale") -> list[Benchmark]:
    """One benchmark, or those of all gains for the noise level `all`."""
    if noise_level == "all":
        return [denoise_benchmark(mode, gain) for gain in GAINS]
    gain = int(noise_level) if str(noise_level).isdecimal() else noise_level
    return [denoise_benchmark(mode, gain)]  # type: ignore[arg-type]


# Positional arguments of the scripts.
ARGUMENTS = {
    "mode": {"choices": list(DATA), "help": "the test set"},
    "noise_level": {"choices": [*map(str, GAINS), "all"], "help": "sensor gain"},
}
