"""Metrics of SR3 on 8-bit pictures, as published, and two of ours: sharpness, and drift of the colours."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.common_utils.benchmark import Compared, Metric, Protocol
from evaluation.common_utils.metrics import Measure

Picture = NDArray[np.uint8]

EIGHT_BIT = Protocol("sr3_8bit", "8-bit RGB as displayed")


def psnr_8bit(picture: Picture, truth: Picture) -> float:
    """Peak signal-to-noise ratio in dB over all values of two uint8 pictures of one shape; infinite for equal ones."""
    error = np.mean((picture.astype(np.float64) - truth.astype(np.float64)) ** 2)
    return math.inf if error == 0 else 20 * math.log10(255 / math.sqrt(error))


def ssim_8bit(picture: Picture, truth: Picture) -> float:
    """Structural similarity of uint8 pictures [H, W] or [H, W, 1 or 3] (Wang et al., 2004).

    Gaussian window of 11 x 11 (deviation 1.5) at all places inside the picture, range 255, mean over places and
    channels.

    Raises:
        ValueError: different shapes, another number of channels, or pictures smaller than the window.
    """
    if picture.shape != truth.shape or picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] > 3):
        raise ValueError(f"SSIM of {picture.shape} and {truth.shape}: expected two [H, W] or [H, W, 1 or 3]")
    from skimage.metrics import structural_similarity

    similarity = structural_similarity(
        picture.astype(np.float64),
        truth.astype(np.float64),
        data_range=255,
        channel_axis=2 if picture.ndim == 3 else None,
        gaussian_weights=True,  # deviation 1.5, cut off at 11 x 11
        use_sample_covariance=False,
    )
    return float(similarity)


def mean_gradient(image: torch.Tensor) -> float:
    """Mean absolute difference of neighbouring pixels of the luminance (mean of the channels) of [3, H, W]."""
    grey = image.double().mean(dim=0)
    return float(((grey[1:] - grey[:-1]).abs().mean() + (grey[:, 1:] - grey[:, :-1]).abs().mean()) / 2)


def colour_drift(image: torch.Tensor, condition: torch.Tensor) -> float:
    """How far the mean colour of [3, H, W] lies from that of the low-resolution frame, in 8-bit steps.

    The largest of the channels' differences. What is enlarged has the colours of the frame: whatever is more than
    about one step was made up (diffusion models are known for it).
    """
    return float(255 * (image.double().mean(dim=(1, 2)) - condition.double().mean(dim=(1, 2))).abs().max())


def metrics() -> tuple[Metric, ...]:
    """PSNR and SSIM as published, LPIPS, and ours."""
    from evaluation.common_utils.metrics import lpips

    def gradient_ratio(compared: Compared) -> float:
        truth = mean_gradient(compared.ground_truth[0])
        return mean_gradient(compared.prediction[0]) / truth if truth else 1.0

    def drift(compared: Compared) -> float:
        burst = compared.item.burst
        return colour_drift(compared.prediction[0].cpu(), burst[len(burst) // 2])

    return (
        _metric("psnr", "PSNR (dB)", lambda compared: psnr_8bit(*_pictures(compared)), 2),
        _metric("ssim", "SSIM", lambda compared: ssim_8bit(*_pictures(compared)), 4),
        lpips(EIGHT_BIT),
        _metric("sharpness", "gradient / truth", gradient_ratio, 3),
        _metric("colour_drift", "colour drift (1/255)", drift, 2, higher_is_better=False),
    )


def _metric(key: str, label: str, measure: Measure, decimals: int, higher_is_better: bool = True) -> Metric:
    return Metric(key, label, EIGHT_BIT, lambda device: measure, higher_is_better, decimals)


def _pictures(compared: Compared) -> tuple[Picture, Picture]:
    prediction, truth = (
        (image[0] * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        for image in (compared.prediction, compared.ground_truth)
    )
    return prediction, truth
