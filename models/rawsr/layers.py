"""Layers of RawSR in the conventions of its original framework (TensorFlow), on which released weights depend."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

_SLOPE = 0.2


def leaky_relu(x: torch.Tensor) -> torch.Tensor:
    """max(x, 0.2 x) whose derivative at exactly zero is 1.

    torch has 0.2 there. It matters where outputs are exactly zero: in the first step of a training, whose feature
    fusion starts with zero weights.
    """
    if torch.is_grad_enabled() and x.requires_grad:
        activated: torch.Tensor = _LeakyReLU.apply(x)
        return activated
    return F.leaky_relu(x, _SLOPE)


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        y = F.leaky_relu(x, _SLOPE)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (y,) = ctx.saved_tensors
        return torch.where(y < 0, _SLOPE * gradient, gradient)


class HalvingConv(nn.Conv2d):
    """3x3 convolution of stride 2 with TensorFlow's SAME padding: the output has ceil(H/2) x ceil(W/2) pixels.

    For even sides only the right and the bottom are padded; torch's padding of 1 would shift the grid by a pixel.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (top, bottom), (left, right) = ((size % 2, 1) for size in x.shape[-2:])
        return super().forward(F.pad(x, (left, right, top, bottom)))


def conv(in_channels: int, out_channels: int, size: int = 3) -> nn.Conv2d:
    """Convolution with bias that keeps height and width."""
    return nn.Conv2d(in_channels, out_channels, size, padding=size // 2)


def enlarging_conv(in_channels: int, out_channels: int, factor: int) -> nn.ConvTranspose2d:
    """4x4 transposed convolution that enlarges by ``factor``, 2 or 4. At 4 its cells do not overlap."""
    return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=factor, padding=(4 - factor) // 2)


class ChannelAttention(nn.Module):
    """Weights channels by a sigmoid of two fully connected layers of their means over the whole image.

    The means depend on what is shown, so a tile of an image is restored differently from the whole image.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels)
        self.fc2 = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3))))))
        return weights[:, :, None, None] * x


class DCABlock(nn.Module):
    """Dense channel-attention block: densely connected convolutions, fused, attended to, and added to the input.

    Args:
        channels: of input and output, C.
        growth: channels that every dense convolution adds, g.
        layers: number of dense convolutions, n.
    """

    def __init__(self, channels: int, growth: int, layers: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(channels + growth * i, growth) for i in range(layers))
        self.fuse = conv(channels + growth * layers, channels, 1)
        self.attn = ChannelAttention(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to the same shape; any H and W."""
        features = x
        for dense in self.convs:
            features = torch.cat((features, leaky_relu(dense(features))), dim=1)
        fused: torch.Tensor = self.attn(self.fuse(features)) + x
        return fused
