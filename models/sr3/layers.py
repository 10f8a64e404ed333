"""Layers of the SR3 network: level encoding, residual blocks that are told the noise level, attention, resampling."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn


class LevelEncoding(nn.Module):
    """Sines and cosines of the noise level, without parameters (SR3, section 2.4, after DDPM's position encoding).

    The level is not scaled: it lies in 0..1, so most of the frequencies are almost constant. Published weights
    depend on that.

    Args:
        dim: number of values D, even. Frequencies are ``exp(-ln(10^4) k / K)``, k = 0..K-1, with K = D / 2.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim < 2 or dim % 2:
            raise ValueError(f"a level encoding of {dim} values: half are sines, half cosines; give an even number")
        self.dim = dim

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        """[B, 1] → [B, 1, D]: the sines, then the cosines."""
        count = self.dim // 2
        steps = torch.arange(count, dtype=level.dtype, device=level.device) / count
        angles = level.unsqueeze(-1) * torch.exp(-math.log(1e4) * steps)
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class Block(nn.Module):
    """GroupNorm, Swish, dropout, 3x3 convolution.

    Raises:
        ValueError: ``norm_groups`` does not divide the channels.
    """

    def __init__(self, channels_in: int, channels_out: int, norm_groups: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.block = nn.Sequential(
            group_norm(norm_groups, channels_in),
            nn.SiLU(),
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.block(x))


class LevelShift(nn.Module):
    """Adds a value per channel that depends on the noise level.

    The GroupNorm that follows removes whatever is the same for all channels of a group: with one channel per group
    the network does not know the level at all, with two only their difference counts. Few groups are better.
    """

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__()
        self.noise_func = nn.Sequential(nn.Linear(dim, channels))

    def forward(self, x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """``x`` [B, C, H, W] and the embedded level [B, 1, D]."""
        shifted: torch.Tensor = x + self.noise_func(level).view(x.shape[0], -1, 1, 1)
        return shifted


class ResnetBlock(nn.Module):
    """Two blocks with the noise level between them, beside a shortcut; only the second has dropout."""

    def __init__(
        self, channels_in: int, channels_out: int, level_dim: int, norm_groups: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.noise_func = LevelShift(level_dim, channels_out)
        self.block1 = Block(channels_in, channels_out, norm_groups)
        self.block2 = Block(channels_out, channels_out, norm_groups, dropout)
        self.res_conv = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        h = self.noise_func(self.block1(x), level)
        return torch.as_tensor(self.block2(h) + self.res_conv(x))


class SelfAttention(nn.Module):
    """One head over all pixels, added to its input; weights are the softmax of ``q k / sqrt(C)``."""

    def __init__(self, channels: int, norm_groups: int) -> None:
        super().__init__()
        self.norm = group_norm(norm_groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (part.flatten(2).transpose(1, 2) for part in self.qkv(self.norm(x)).chunk(3, dim=1))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        return torch.as_tensor(x + self.out(attended))


class ResnetBlockWithAttention(nn.Module):
    """A residual block, followed by attention where it is asked for."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        level_dim: int,
        norm_groups: int,
        dropout: float = 0.0,
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.res_block = ResnetBlock(channels_in, channels_out, level_dim, norm_groups, dropout)
        self.attn = SelfAttention(channels_out, norm_groups) if attention else None

    def forward(self, x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        x = self.res_block(x, level)
        return x if self.attn is None else torch.as_tensor(self.attn(x))


class Downsample(nn.Module):
    """Half the size by a strided 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.conv(x))


class Upsample(nn.Module):
    """Twice the size: every pixel repeated, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.conv(F.interpolate(x, scale_factor=2, mode="nearest")))


def group_norm(groups: int, channels: int) -> nn.GroupNorm:
    """GroupNorm, with an error that says which numbers do not fit."""
    if groups < 1 or channels % groups:
        raise ValueError(
            f"norm_groups = {groups} does not divide {channels} channels of this network; give a divisor of "
            "inner_channel (few groups: the noise level reaches the network through what differs inside a group)"
        )
    return nn.GroupNorm(groups, channels)
