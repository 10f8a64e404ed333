"""The restoration branch of RawSR: from a RAW mosaic to enlarged linear colours."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.rawsr.layers import DCABlock, HalvingConv, conv, enlarging_conv, leaky_relu

# Order in which the 16 channels of a colour at scale 2 fill its 4x4 cell: two nested steps of block 2, not one of 4.
_NESTED = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]


def depth_to_space(features: torch.Tensor, scale: int) -> torch.Tensor:
    """Channels into pixels, in the order that released weights expect.

    Args:
        features: [B, 12 S^2, h, w]; three equal groups of channels: red, green, blue.
        scale: S, 2 or 4. Channel k of a group goes to row k // 8, column k % 8 of its cell of 8 x 8 pixels at S = 4.
            At S = 2 channel 8 r1 + 4 c1 + 2 r2 + c2 goes to row 2 r1 + r2, column 2 c1 + c2 of its cell of 4 x 4.

    Returns:
        RGB [B, 3, 2Sh, 2Sw].
    """
    if scale == 2:
        features = features.unflatten(1, (3, 16))[:, :, _NESTED].flatten(1, 2)
    return F.pixel_shuffle(features, 2 * scale)


class RestorationBranch(nn.Module):
    """Encoder and decoder of dense channel-attention blocks at half and at a quarter of the mosaic's resolution.

    Args:
        scale: 2 or 4, seen from the mosaic.
        width, growth, layers: channels C, and g and n of the blocks.
        bottle: channels of the features that the image is made of.
    """

    def __init__(self, scale: int, width: int, growth: int, layers: int, bottle: int) -> None:
        super().__init__()
        self.scale = scale
        self.stem = conv(4, width)
        self.enc = DCABlock(width, growth, layers)
        self.down = HalvingConv(width, width)
        self.mid1 = DCABlock(width, growth, layers)
        self.mid2 = DCABlock(width, growth, layers)
        self.bottleneck = conv(3 * width, width, 1)
        self.up = enlarging_conv(width, width, 2)
        self.up_conv = conv(width, width)
        self.dec = DCABlock(width, growth, layers)
        self.merge = conv(4 * width, bottle, 1)
        self.to_rgb = conv(bottle, 12 * scale**2)

    def forward(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Restores mosaics.

        Args:
            raw: [B, 1, H, W], RGGB, linear, 0..1; H and W multiples of 4.

        Returns:
            Linear RGB [B, 3, SH, SW], and the features that the colour branch is told, [B, C, H/4, W/4] and
            [B, bottle, H/2, W/2].
        """
        packed = leaky_relu(self.stem(F.pixel_unshuffle(raw, 2)))
        encoded = self.enc(packed)
        halved = leaky_relu(self.down(encoded))
        middle1 = self.mid1(halved)
        middle2 = self.mid2(middle1)
        coarse = leaky_relu(self.bottleneck(torch.cat((middle2, middle1, halved), dim=1)))
        enlarged = leaky_relu(self.up_conv(leaky_relu(self.up(coarse))))
        decoded = self.dec(enlarged)
        fine = leaky_relu(self.merge(torch.cat((packed, encoded, enlarged, decoded), dim=1)))
        # Yes, activated: the published network scales negative "linear" values by 0.2.
        return depth_to_space(leaky_relu(self.to_rgb(fine)), self.scale), coarse, fine
