"""Metrics and protocols that several benchmarks share."""

from __future__ import annotations

from collections.abc import Callable

import torch

from evaluation.common_utils.benchmark import Compared, Metric, Protocol
from models.loss.image_quality_v2 import LPIPS, PSNR, SSIM, MultiScaleSSIM, why_no_lpips

SSIM_FOOTNOTE = "SSIM has one scale; the project pages of DBSR and DeepRep head this column MS-SSIM."

Measure = Callable[[Compared], torch.Tensor | float]


def linear_protocol(border: int) -> Protocol:
    """Values compared as they are predicted, in linear sensor space (SyntheticBurst: border 40)."""
    return Protocol(f"linear_border{border}", "linear sensor space", border)


def psnr(protocol: Protocol) -> Metric:
    """Peak signal-to-noise ratio at maximum 1, over the valid pixels; infinite for an exact match."""

    def build(device: torch.device) -> Measure:
        ratio = PSNR(boundary_ignore=protocol.border or None)
        return lambda compared: ratio.per_image(compared.prediction, compared.ground_truth, compared.valid)[0]

    return Metric("psnr", "PSNR (dB)", protocol, build, decimals=2)


def ssim(protocol: Protocol) -> Metric:
    """Structural similarity of one scale, over the valid pixels."""

    def build(device: torch.device) -> Measure:
        similarity = SSIM(boundary_ignore=protocol.border or None, use_for_loss=False)
        return lambda compared: similarity(compared.prediction, compared.ground_truth, compared.valid)

    return Metric("ssim", "SSIM", protocol, build, decimals=4)


def ms_ssim(protocol: Protocol) -> Metric:
    """Structural similarity of five scales by its definition; ignores masks. No published figure here is made of it."""

    def build(device: torch.device) -> Measure:
        similarity = MultiScaleSSIM(boundary_ignore=protocol.border or None)
        return lambda compared: similarity(compared.prediction, compared.ground_truth)

    return Metric("ms_ssim", "MS-SSIM", protocol, build, decimals=4)


def lpips(protocol: Protocol) -> Metric:
    """Learned perceptual distance with AlexNet, fed with 0..1 as the published figures were; ignores masks."""

    def build(device: torch.device) -> Measure:
        distance = LPIPS(boundary_ignore=protocol.border or None).to(device)
        return lambda compared: distance(compared.prediction, compared.ground_truth)

    return Metric("lpips", "LPIPS", protocol, build, higher_is_better=False, decimals=4, why_unavailable=why_no_lpips)
