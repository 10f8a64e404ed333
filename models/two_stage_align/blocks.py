"""The convolutional blocks of the two-stage alignment system (Guo et al., CVPR 2022) and how they start.

Modules keep the names of the published weights, so that released files load by their own keys.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

NEGATIVE_SLOPE = 0.1


def leaky_relu() -> nn.LeakyReLU:
    """The activation of all networks of this system."""
    return nn.LeakyReLU(NEGATIVE_SLOPE)


@torch.no_grad()
def start_orthogonal(module: nn.Module) -> None:
    """Gives every convolution in ``module`` an orthogonal weight and a bias of zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                layer.bias.zero_()


class SimpleBlock(nn.Module):
    """``depth`` 3x3 convolutions with leaky ReLUs between them; only the first has a bias. [B, C, H, W], same size.

    Args:
        in_channels: channels that come in.
        channels: channels inside.
        out_channels: channels that go out.
        depth: number of convolutions, at least 2.

    Raises:
        ValueError: ``depth`` is below 2.
    """

    def __init__(self, in_channels: int, channels: int, out_channels: int, depth: int = 3) -> None:
        super().__init__()
        if depth < 2:
            raise ValueError(f"a block needs a first and a last convolution, got depth={depth}")
        widths = [in_channels, *[channels] * (depth - 1), out_channels]
        layers: list[nn.Module] = []
        for index in range(depth):
            conv = nn.Conv2d(widths[index], widths[index + 1], 3, padding=1, bias=index == 0)
            layers += [conv, leaky_relu()]
        self.simple_block = nn.Sequential(*layers[:-1])
        start_orthogonal(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.simple_block(x)
        return features


class AttentionBlock(nn.Module):
    """Three residual steps, then the sum of the plain, channel-attended and space-attended features (ACNSe block).

    Args:
        channels: channels in and out; [B, channels, H, W] keeps its shape. The squeeze has ``channels // 2``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.square_conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.extract_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.res_block1 = SimpleBlock(channels, channels, channels, depth=2)
        self.res_block2 = SimpleBlock(channels, channels, channels, depth=2)
        self.down = nn.Conv2d(channels, channels // 2, 1)
        self.up = nn.Conv2d(channels // 2, channels, 1)
        self.spatial_att = nn.Conv2d(channels, 1, 7, padding=3)
        self.activation = leaky_relu()
        start_orthogonal(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.extract_conv(self.activation(self.square_conv(x)))
        x = x + self.res_block1(x)
        x = x + self.res_block2(x)
        mean = x.mean(dim=(-2, -1), keepdim=True)
        by_channel = torch.sigmoid(self.up(self.activation(self.down(mean))))
        by_place = torch.sigmoid(to_one_channel(x, self.spatial_att))
        return x + x * by_channel + x * by_place


def to_one_channel(x: torch.Tensor, conv: nn.Conv2d) -> torch.Tensor:
    """``conv(x)`` of a convolution with a single output channel that keeps the size, [B, 1, H, W].

    Every pixel is weighed for all taps at once by a matrix product, then the taps are shifted and added. Convolution
    kernels make vectors of output channels, so with one of them they idle: this takes a quarter of their time.
    """
    assert conv.bias is not None
    kernel = conv.kernel_size[0]
    taps = conv.weight[0].flatten(1).t().flip(0)[:, :, None, None]
    weighed = F.conv2d(x, taps).flatten(2).to(conv.weight.dtype)  # added up in float32, also under autocast
    return F.fold(weighed, x.shape[-2:], kernel, padding=kernel // 2) + conv.bias[:, None, None]
