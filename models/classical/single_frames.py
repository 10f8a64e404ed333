"""Training-free restoration of blurred bursts: a single frame, or the median of all of them."""

from __future__ import annotations

import torch
from torch import nn

from models.classical.merge import Output
from models.layers.filtering import apply_kernel, get_gaussian_kernel

_SMOOTHING = 1.0  # pixels: without it noise would count as sharpness


class SharpestFrame(nn.Module):
    """The frame with the strongest gradients after a little smoothing, as a photographer would pick it."""

    def forward(self, burst: torch.Tensor) -> Output:
        """The sharpest frame [B, C, H, W] of a burst [B, T, C, H, W]; ``frame`` [B] says which one it is."""
        if burst.ndim != 5 or not burst.is_floating_point():
            raise ValueError(f"burst of shape {tuple(burst.shape)} and {burst.dtype}, expected [B, T, C, H, W] floats")
        kernel, size = get_gaussian_kernel(_SMOOTHING)
        smooth = apply_kernel(burst.mean(dim=2), size, kernel)
        energy = smooth.diff(dim=-1).square().mean(dim=(-2, -1)) + smooth.diff(dim=-2).square().mean(dim=(-2, -1))
        sharpest = energy.argmax(dim=1)
        return burst[torch.arange(len(burst), device=burst.device), sharpest], {"frame": sharpest}


class BurstMedian(nn.Module):
    """Median of the frames as they lie, pixel by pixel and channel by channel."""

    def forward(self, burst: torch.Tensor) -> Output:
        """Median over T, [B, C, H, W], of a burst [B, T, C, H, W]; of an even number the mean of the middle two."""
        return burst.quantile(0.5, dim=1), {}
