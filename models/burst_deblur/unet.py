"""The order-independent U-Net of Aittala and Durand, *Burst Image Deblurring Using Permutation Invariant Convolutional
Neural Networks*, ECCV 2018 (section 3 and its appendix), with weight normalisation and ELU before BatchNorm.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from admin.model_constructor import model_constructor
from models.burst_deblur.weight_norm import Stage, WeightNormConv2d, WeightNormConvTranspose2d
from models.layers.checks import check_burst
from utils.ops.pad import reflected_to_size

_STRIDE = 16
_SMALLEST = 32  # the unpadded convolution of the bottleneck needs 4 rows at an eighth of the size


class UNet(nn.Module):
    """Every frame goes through one U-Net; after each level all frames get the maximum over the frames.

    The result does not depend on the order of the frames, whose number is free; in evaluation on a CPU not even in the
    last bit. Grey levels go in and come out, 0..255 in display (gamma) space, neither scaled nor clamped.

    Args:
        in_channel, out_channel: channels of a frame and of the result.
        width: channels of the first level, a positive even number; all others are in proportion (64: up to 384,
            16,229,734 parameters).

    Raises:
        ValueError: another width.
    """

    def __init__(self, in_channel: int = 3, out_channel: int = 3, width: int = 64) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"width {width}: the channels of the first level are a positive even number")
        self.in_channel = in_channel
        w1, w2, w3, w4, w5, w6 = (width * share // 2 for share in (2, 4, 8, 12, 6, 3))
        self.conv_encode1 = Stage(*_conv(in_channel, w1, 3, padding=1))
        self.conv_encode2 = _encoder(2 * w1, w2)
        self.conv_encode3 = _encoder(2 * w2, w3)
        self.conv_encode4 = _encoder(2 * w3, w4)
        self.bottleneck = Stage(
            *_conv(2 * w4, w4, 1),
            *_conv(w4, w4, 4, stride=2),
            *_conv(w4, w4, 3, padding=1),
            WeightNormConvTranspose2d(w4, w4, 4, stride=2),
        )
        self.conv_decode3 = _decoder(3 * w4, w4, w3)
        self.conv_decode2 = _decoder(3 * w3, w3, w5)
        self.conv_decode1 = _decoder(2 * w5 + w2, w5, w6)
        self.conv_decode0 = Stage(*_conv(2 * w6 + w1, w6, 3, padding=1))
        self.final_layer = Stage(*_conv(w6, w1, 3, padding=1), WeightNormConv2d(w1, out_channel, 3, padding=1))

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """Restores bursts.

        Sizes that the levels cannot halve are continued by reflection to the right and below, and cut afterwards.

        Args:
            burst: [B, N, in_channel, H, W], grey levels 0..255; any N, H and W from 1.

        Returns:
            The image [B, out_channel, H, W] in grey levels, not clamped, and an empty dict.

        Raises:
            ValueError: another shape or dtype.
        """
        check_burst(self, burst, self.in_channel)
        height, width = burst.shape[-2:]
        return self._restored(reflected_to_size(burst, valid_size(height), valid_size(width)))[..., :height, :width], {}

    def _restored(self, burst: torch.Tensor) -> torch.Tensor:
        """The network itself, for valid sizes."""
        frames = burst.shape[1]
        f1 = self.conv_encode1(burst.flatten(0, 1))
        f2 = self.conv_encode2(f1, _maximum(f1, frames))
        f3 = self.conv_encode3(f2, _maximum(f2, frames))
        f4 = self.conv_encode4(f3, _maximum(f3, frames))
        f5 = self.bottleneck(f4, _maximum(f4, frames))
        f6 = self.conv_decode3(f5, _maximum(f5, frames), f4)
        f7 = self.conv_decode2(f6, _maximum(f6, frames), f3)
        f8 = self.conv_decode1(f7, _maximum(f7, frames), f2)
        f9 = self.conv_decode0(f8, _maximum(f8, frames), f1)
        restored: torch.Tensor = self.final_layer(_maximum(f9, frames))
        return restored


@model_constructor
def burst_deblur_eccv18(in_channel: int = 3, out_channel: int = 3, width: int = 64) -> UNet:
    """The burst deblurring network; see :class:`UNet` for the arguments."""
    return UNet(in_channel, out_channel, width)


def valid_size(size: int) -> int:
    """The smallest height (or width) of at least ``size`` that the levels can halve and restore: a multiple of 16."""
    return max(_SMALLEST, -(-size // _STRIDE) * _STRIDE)


def _maximum(maps: torch.Tensor, frames: int) -> torch.Tensor:
    """Maximum over the frames of each burst, [B, C, H, W] of [B N, C, H, W].

    With ``max`` the gradient goes to one frame also where frames are equal; ``amax``, which is faster, shares it out.
    """
    maps = maps.unflatten(0, (-1, frames))
    return maps.max(dim=1).values if torch.is_grad_enabled() else maps.amax(dim=1)


def _conv(inputs: int, outputs: int, kernel: int, **options: int) -> list[nn.Module]:
    return [WeightNormConv2d(inputs, outputs, kernel, **options), nn.ELU(), nn.BatchNorm2d(outputs)]


def _encoder(inputs: int, outputs: int) -> Stage:
    """Halves the size. The padded 1x1 convolution makes a ring of constants around the map (not zeros, once ELU and
    BatchNorm have seen the bias), which the unpadded convolution uses up."""
    return Stage(*_conv(inputs, outputs, 1, padding=1), *_conv(outputs, outputs, 4, stride=2))


def _decoder(inputs: int, inner: int, outputs: int) -> Stage:
    """Doubles the size; with the same ring as the encoder."""
    return Stage(
        *_conv(inputs, inner, 1, padding=1),
        *_conv(inner, inner, 3),
        WeightNormConvTranspose2d(inner, outputs, 4, stride=2, padding=1),
    )
