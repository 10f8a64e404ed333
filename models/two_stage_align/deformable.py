"""Pyramid of deformable convolutions that aligns the frames of a burst to the centre frame, pixel by pixel.

X. Wang et al., EDVR, CVPRW 2019 (PCD alignment, here without its last cascading step); deformable convolution with
modulation after X. Zhu et al., CVPR 2019, computed by torchvision, or faster by torch's own sampling on a CPU.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from models.two_stage_align.blocks import leaky_relu
from models.two_stage_align.deformed_sampling import deform_conv2d_by_sampling

PYRAMID_FACTOR = 4  # the coarsest of the three levels has a quarter of the resolution


class ModulatedDeformConv(nn.Module):
    """3x3-like convolution whose taps move and fade as a second feature map says.

    Starts with offsets of zero and all taps faded to one half. Offset channel ``2 (g k² + t)`` moves tap t of group g
    down, the next one to the right, in pixels.

    Args:
        in_channels, out_channels: channels of the convolution.
        kernel_size, stride, padding, dilation: as of a convolution.
        groups: of the convolution's channels.
        deformable_groups: groups of input channels that move together.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int = 1,
        dilation: int = 1,
        groups: int = 1,
        deformable_groups: int = 1,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.taps = deformable_groups * kernel_size**2
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.conv_offset_mask = nn.Conv2d(in_channels, 3 * self.taps, kernel_size, stride, padding)
        bound = 1 / math.sqrt(in_channels * kernel_size**2)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.conv_offset_mask.weight)
        nn.init.zeros_(self.conv_offset_mask.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor, guide: torch.Tensor | None = None) -> torch.Tensor:
        """``x`` [B, C, H, W]; offsets and mask come from ``guide`` [B, C, H, W], or from ``x`` itself without one."""
        # Places keep float32 under autocast: bfloat16 knows an offset of 10 pixels to 1/32 pixel. So does the sampling,
        # for which torchvision has no bfloat16 kernel on a CPU.
        with torch.autocast(x.device.type, enabled=False):
            x, guide = (maps.to(self.weight.dtype) for maps in (x, x if guide is None else guide))
            predicted = self.conv_offset_mask(guide)
            offset, mask = predicted[:, : 2 * self.taps], torch.sigmoid(predicted[:, 2 * self.taps :])
            by_sampling = not x.is_cuda and self.weight.shape[1] == x.shape[1]  # only torchvision knows groups
            convolve = deform_conv2d_by_sampling if by_sampling else _by_torchvision
            return convolve(x, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)


class Pyramid(NamedTuple):
    """Features at full, half and quarter resolution, [B, C, H, W] each."""

    full: torch.Tensor
    half: torch.Tensor
    quarter: torch.Tensor


class PyramidAlignment(nn.Module):
    """Aligns the pyramid of a frame to that of the reference, coarse to fine (``PCD_Align``).

    Args:
        channels: of all features.
        deformable_groups: divides ``channels``.
    """

    def __init__(self, channels: int = 64, deformable_groups: int = 8) -> None:
        super().__init__()

        def conv(inputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs * channels, channels, 3, padding=1)

        def deformable() -> ModulatedDeformConv:
            return ModulatedDeformConv(channels, channels, deformable_groups=deformable_groups)

        self.L3_offset_conv1_1 = conv(2)
        self.L3_offset_conv2_1 = conv(1)
        self.L3_dcnpack_1 = deformable()
        self.L2_offset_conv1_1 = conv(2)
        self.L2_offset_conv2_1 = conv(2)
        self.L2_offset_conv3_1 = conv(1)
        self.L2_dcnpack_1 = deformable()
        self.L2_fea_conv_1 = conv(2)
        self.L1_offset_conv1_1 = conv(2)
        self.L1_offset_conv2_1 = conv(2)
        self.L1_offset_conv3_1 = conv(1)
        self.L1_dcnpack_1 = deformable()
        self.L1_fea_conv_1 = conv(2)
        self.lrelu = leaky_relu()

    def forward(self, frame: Pyramid, reference: Pyramid) -> torch.Tensor:
        """The frame's features [B, C, H, W], aligned."""
        guide = self.lrelu(self.L3_offset_conv1_1(_joined(frame.quarter, reference.quarter)))
        guide = self.lrelu(self.L3_offset_conv2_1(guide))
        aligned = self.lrelu(self.L3_dcnpack_1(frame.quarter, guide))

        coarser = 2 * _enlarged(guide)  # an offset is twice as many pixels one level up
        guide = self.lrelu(self.L2_offset_conv1_1(_joined(frame.half, reference.half)))
        guide = self.lrelu(self.L2_offset_conv2_1(_joined(guide, coarser)))
        guide = self.lrelu(self.L2_offset_conv3_1(guide))
        own = self.L2_dcnpack_1(frame.half, guide)
        aligned = self.lrelu(self.L2_fea_conv_1(_joined(own, _enlarged(aligned))))

        coarser = 2 * _enlarged(guide)
        guide = self.lrelu(self.L1_offset_conv1_1(_joined(frame.full, reference.full)))
        guide = self.lrelu(self.L1_offset_conv2_1(_joined(guide, coarser)))
        guide = self.lrelu(self.L1_offset_conv3_1(guide))
        own = self.L1_dcnpack_1(frame.full, guide)
        features: torch.Tensor = self.L1_fea_conv_1(_joined(own, _enlarged(aligned)))
        return features


class BurstAlignment(nn.Module):
    """Aligns all frames of a burst, the centre frame too, to the centre frame (``Self_Easy_PCD``).

    Args:
        channels: of the features.
        deformable_groups: divides ``channels``.
    """

    def __init__(self, channels: int = 64, deformable_groups: int = 8) -> None:
        super().__init__()
        self.fea_L2_conv1 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.fea_L2_conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.fea_L3_conv1 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.fea_L3_conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.pcd_align = PyramidAlignment(channels, deformable_groups)
        self.lrelu = leaky_relu()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``features`` [B, N, C, H, W], H and W multiples of 4; the same shape, aligned."""
        batch, frames = features.shape[:2]
        full = features.flatten(0, 1)
        half = self.lrelu(self.fea_L2_conv2(self.lrelu(self.fea_L2_conv1(full))))
        quarter = self.lrelu(self.fea_L3_conv2(self.lrelu(self.fea_L3_conv1(half))))
        levels = [level.unflatten(0, (batch, frames)) for level in (full, half, quarter)]
        reference = Pyramid(*(level[:, frames // 2].repeat_interleave(frames, dim=0) for level in levels))
        aligned: torch.Tensor = self.pcd_align(Pyramid(full, half, quarter), reference).unflatten(0, (batch, frames))
        return aligned


def _by_torchvision(*arguments: Any) -> torch.Tensor:
    from torchvision.ops import deform_conv2d  # loading it takes longer than loading all of BurstLab

    convolved: torch.Tensor = deform_conv2d(*arguments)
    return convolved


def _joined(*features: torch.Tensor) -> torch.Tensor:
    return torch.cat(features, dim=1)


def _enlarged(features: torch.Tensor) -> torch.Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
