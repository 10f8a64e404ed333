"""PSNR and SSIM of 8-bit images, and both as the original evaluation reported them.

The original gave the library no range of values: for PSNR of 64-bit integers it then assumed 2^63 - 1 (331.167 dB too
much), for SSIM of floats 2. Legacy values compare with each other only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F

from evaluation.common_utils.benchmark import Compared, Metric, Protocol
from evaluation.deblur.grey_levels import stored_as_8_bit

RANGE = 255.0
LEGACY_PSNR_RANGE = 2.0**63 - 1
LEGACY_SSIM_RANGE = 2.0

_WINDOW = 3
_K1, _K2 = 0.01, 0.03

Similarity = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def psnr(image: torch.Tensor, target: torch.Tensor, data_range: float = RANGE) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB of every image, [B], of whole grey levels [B, C, H, W]; infinite if equal."""
    error = (image.double() - target.double()).square().mean(dim=(1, 2, 3))
    return 20 * math.log10(data_range) - 10 * error.log10()


def ssim(image: torch.Tensor, target: torch.Tensor, data_range: float = RANGE) -> torch.Tensor:
    """Structural similarity (Wang et al., IEEE TIP 13(4), 2004) of every image, [B], of grey levels [B, C, H, W].

    Uniform windows of 3 x 3 pixels inside the image, sample covariance, mean over pixels and channels; the same as
    scikit-image with `win_size=3`.
    """
    x, y = image.double(), target.double()
    moments = torch.cat((x, y, x * x, y * y, x * y), dim=1)
    mean_x, mean_y, square_x, square_y, product = F.avg_pool2d(moments, _WINDOW, stride=1).chunk(5, dim=1)
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    variance_x, variance_y = unbiased * (square_x - mean_x**2), unbiased * (square_y - mean_y**2)
    covariance = unbiased * (product - mean_x * mean_y)
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return similarity.mean(dim=(1, 2, 3))


def legacy_psnr(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """:func:`psnr` with the range that the original evaluation got by accident."""
    return psnr(image, target, LEGACY_PSNR_RANGE)


def legacy_ssim(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """:func:`ssim` with the range that the original evaluation got by accident."""
    return ssim(image, target, LEGACY_SSIM_RANGE)


def gain(similarity: Similarity, image: torch.Tensor, target: torch.Tensor, burst: torch.Tensor) -> torch.Tensor:
    """How much more similar than any single frame, [1]: `image` and `target` [1, C, H, W], `burst` [N, C, H, W]."""
    return similarity(image, target) - similarity(burst, target.expand_as(burst)).max()


def _in_grey_levels(compared: Compared) -> Compared:
    prediction, target = (stored_as_8_bit(image) for image in (compared.prediction, compared.ground_truth))
    return replace(compared, prediction=prediction, ground_truth=target)


EIGHT_BIT = Protocol(
    name="deblur_8bit",
    space="display space, prediction truncated to whole grey levels 0..255, range 255",
    prepare=lambda device: _in_grey_levels,
)
LEGACY = Protocol(
    name="deblur_legacy",
    space="display space, prediction truncated to whole grey levels, range 2^63 - 1 (PSNR) or 2 (SSIM) by accident",
    prepare=lambda device: _in_grey_levels,
)


def _metric(key: str, label: str, protocol: Protocol, similarity: Similarity, decimals: int) -> Metric:
    return Metric(
        key,
        label,
        protocol,
        lambda device: lambda compared: similarity(compared.prediction, compared.ground_truth)[0],
        decimals=decimals,
    )


def _gain_metric(key: str, label: str, protocol: Protocol, similarity: Similarity, decimals: int) -> Metric:
    def measure(compared: Compared) -> torch.Tensor:
        burst = compared.item.burst.to(compared.prediction.device)
        return gain(similarity, compared.prediction, compared.ground_truth, burst)[0]

    return Metric(key, label, protocol, lambda device: measure, decimals=decimals)


METRICS = (
    _metric("psnr", "PSNR (dB)", EIGHT_BIT, psnr, 2),
    _metric("ssim", "SSIM", EIGHT_BIT, ssim, 4),
    _gain_metric("max_pred_psnr", "PSNR over best frame", EIGHT_BIT, psnr, 2),
    _gain_metric("max_pred_ssim", "SSIM over best frame", EIGHT_BIT, ssim, 4),
)
LEGACY_METRICS = (
    _metric("psnr", "PSNR (legacy dB)", LEGACY, legacy_psnr, 2),
    _metric("ssim", "SSIM (legacy)", LEGACY, legacy_ssim, 4),
    _gain_metric("max_pred_psnr", "legacy PSNR over best frame", LEGACY, legacy_psnr, 2),
    _gain_metric("max_pred_ssim", "legacy SSIM over best frame", LEGACY, legacy_ssim, 4),
)
