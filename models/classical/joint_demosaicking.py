"""Training-free joint denoising and demosaicking of RAW bursts, with the contract of the networks.

As `models.classical.super_resolution` at scale 1, with the middle frame as the reference.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.classical.super_resolution import AlignedMeanUpsampling, DemosaicUpsampling


def middle_frame_first(burst: torch.Tensor) -> torch.Tensor:
    """Bursts [B, T, ...] with frame T // 2 as frame 0 and the others in their order."""
    middle = burst.shape[1] // 2
    return torch.cat((burst[:, middle : middle + 1], burst[:, :middle], burst[:, middle + 1 :]), dim=1)


class _MiddleFrameFirst(nn.Module):
    """Calls a method whose reference is frame 0 with the middle frame there."""

    def __init__(self, method: nn.Module) -> None:
        super().__init__()
        self.method = method

    def forward(
        self, burst: torch.Tensor, noise_map: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Linear RGB [B, 3, 2H, 2W] of the middle frame of bursts [B, T, 4, H, W], and an empty dict.

        Args:
            burst: linear packed RGGB.
            noise_map: not used.

        Raises:
            ValueError: another shape or type.
        """
        restored: tuple[torch.Tensor, dict[str, Any]] = self.method(
            middle_frame_first(burst) if burst.ndim == 5 else burst
        )
        return restored


class DemosaickedReference(_MiddleFrameFirst):
    """The middle frame, demosaicked (`models.classical.demosaic`)."""

    def __init__(self) -> None:
        super().__init__(DemosaicUpsampling(sr_factor=1))


class DemosaickedAlignedMean(_MiddleFrameFirst):
    """Mean of all frames, each demosaicked and moved as a whole onto the middle one.

    Args:
        max_shift: largest displacement that is searched, in pixels of the packed frames.
    """

    def __init__(self, max_shift: int = 64) -> None:
        super().__init__(AlignedMeanUpsampling(sr_factor=1, max_shift=max_shift))
