"""Mean square error after alignment in space and colour."""

from __future__ import annotations

import torch
from torch import nn

from models.loss.pixel_wise import PixelWiseError
from models.loss.spatial_color_alignment import AlignmentNet, SpatialColorAlignment


class AlignedL2(nn.Module):
    """Mean square error of a prediction after :class:`SpatialColorAlignment`, where that can be trusted.

    Args:
        alignment_net, sr_factor: as in :class:`SpatialColorAlignment`.
        boundary_ignore: pixels cut at each side after the alignment; None or 0 for none.
    """

    def __init__(self, alignment_net: AlignmentNet, sr_factor: int = 4, boundary_ignore: int | None = None) -> None:
        super().__init__()
        self.alignment = SpatialColorAlignment(alignment_net, sr_factor)
        self.l2 = PixelWiseError(metric="l2", boundary_ignore=boundary_ignore)

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, burst_input: torch.Tensor) -> torch.Tensor:
        """``pred``, ``gt`` [B, 3, H, W]; ``burst_input`` [B, N, 4, H / 2s, W / 2s] packed RGGB."""
        aligned, valid = self.alignment(pred, gt, burst_input)
        error: torch.Tensor = self.l2(aligned, gt, valid)
        return error
