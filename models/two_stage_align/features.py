"""Features at a quarter of the packed resolution, on which patches are matched (``CNN_downsampling``, DSNet)."""

from __future__ import annotations

import torch
from torch import nn

from models.two_stage_align.blocks import leaky_relu, start_orthogonal

MATCHING_SCALE = 4  # packed pixels for a pixel of the features


class FeatureDownsampler(nn.Module):
    """Packed frames [B, C, H, W] to 4C standardised features [B, 4C, ⌈H/4⌉, ⌈W/4⌉].

    The features of a pixel depend on the whole frame through the instance norm.
    """

    def __init__(self, in_channels: int = 4) -> None:
        super().__init__()
        channels = 4 * in_channels
        self.simple_block = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False),
            nn.Conv2d(channels, channels, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False),
            nn.Conv2d(channels, channels, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels),
        )
        start_orthogonal(self)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.simple_block(frames)
        return features

    def of_burst(self, burst: torch.Tensor) -> torch.Tensor:
        """Features [B, N, 4C, h, w] of all frames of a burst [B, N, C, H, W], each frame as a whole."""
        features: torch.Tensor = self(burst.flatten(0, 1)).unflatten(0, burst.shape[:2])
        return features
