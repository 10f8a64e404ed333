"""The colour-correction branch of RawSR: from a rendered image to a colour transform for every enlarged pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.rawsr.layers import conv, enlarging_conv, leaky_relu


def apply_color_transform(rgb: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """An affine transform of its own for every pixel.

    Args:
        rgb: [B, 3, H, W].
        matrix: [B, 12, H, W]; entry 3c + k is the share of input colour k in output colour c, 9 + c its offset.

    Returns:
        [B, 3, H, W], not clipped.
    """
    shares, offsets = matrix[:, :9].unflatten(1, (3, 3)), matrix[:, 9:]
    corrected: torch.Tensor = (shares * rgb[:, None]).sum(dim=2) + offsets
    return corrected


class ColorCorrectionBranch(nn.Module):
    """Predicts how the linear colours of the restored image become those of the rendered one.

    Args:
        scale: 2 or 4.
        width: channels C.
        bottle: channels of the fine features of the restoration branch.
        feature_fusion: whether the features of the restoration branch are added.
    """

    def __init__(self, scale: int, width: int, bottle: int, feature_fusion: bool) -> None:
        super().__init__()
        self.conv1 = conv(3, width)
        self.conv2 = conv(width, width)
        self.conv3 = conv(width, width)
        self.fuse1 = conv(width, 2 * width, 1) if feature_fusion else None
        self.mix1 = conv(2 * width, 2 * width)
        self.up1 = enlarging_conv(2 * width, width, 2)
        self.up1_conv = conv(width, width)
        self.fuse2 = conv(bottle, 2 * width, 1) if feature_fusion else None
        self.mix2 = conv(2 * width, 2 * width)
        self.up2 = enlarging_conv(2 * width, width, 2)
        self.up2_conv = conv(width, width)
        self.up3 = enlarging_conv(width, width, scale)
        self.to_matrix = conv(width, 12)

    def forward(self, isp: torch.Tensor, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """The transforms of :func:`apply_color_transform`, [B, 12, SH, SW].

        Args:
            isp: rendered image [B, 3, H, W], 0..1, gamma-encoded RGB; H and W multiples of 4.
            coarse, fine: features of the restoration branch, [B, C, H/4, W/4] and [B, bottle, H/2, W/2].
        """
        half = F.avg_pool2d(leaky_relu(self.conv1(isp)), 2)
        quarter = F.avg_pool2d(leaky_relu(self.conv2(half)), 2)
        mixed = torch.cat((leaky_relu(self.conv3(quarter)), quarter), dim=1)
        mixed = leaky_relu(self.mix1(_fused(mixed, coarse, self.fuse1)))
        enlarged = leaky_relu(self.up1_conv(leaky_relu(self.up1(mixed))))
        mixed = leaky_relu(self.mix2(_fused(torch.cat((enlarged, half), dim=1), fine, self.fuse2)))
        enlarged = leaky_relu(self.up2_conv(leaky_relu(self.up2(mixed))))
        matrices: torch.Tensor = self.to_matrix(leaky_relu(self.up3(enlarged)))
        return matrices


def _fused(features: torch.Tensor, told: torch.Tensor, fuse: nn.Conv2d | None) -> torch.Tensor:
    return features if fuse is None else leaky_relu(fuse(told)) + features
