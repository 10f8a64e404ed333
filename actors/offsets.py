"""Predicted offsets against the true motion of a synthetic burst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F


def offsets_at_size(offsets: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Offsets [M, 2, h, w] on a grid of ``size`` (H, W), in pixels of that grid."""
    if offsets.shape[-2:] == size:
        return offsets
    height, width = size
    ratios = torch.tensor([width / offsets.shape[-1], height / offsets.shape[-2]], dtype=offsets.dtype)
    resized = F.interpolate(offsets, size=(height, width), mode="bilinear", align_corners=False)
    return resized * ratios.to(offsets.device, non_blocking=True)[:, None, None]


def true_offsets(data: Mapping[str, Any]) -> torch.Tensor:
    """Motion of every other frame relative to frame 0, [B(N-1), 2, H, W]."""
    shifts = data.get("shifts")
    if shifts is None:
        raise ValueError(
            "the 'offsets' term needs the true motion, but the batch has no 'shifts' [B, N, 2, H, W]: use a processing "
            "that gives them (DenoisingProcessing, or SyntheticBurstProcessing with return_shifts=True) or leave "
            "'offsets' out of loss_weight"
        )
    offsets: torch.Tensor = (shifts[:, 1:] - shifts[:, :1]).flatten(0, 1)
    return offsets
