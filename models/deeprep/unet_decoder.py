"""A decoder that looks far around at little cost: a small U-Net on 2×2-packed pixels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.blocks import ResBlock, conv_block

_PACKED = 2


class UNetDecoder(nn.Module):
    """Image = 1×1 convolution of the latent image + noise level · U-Net of the latent image; keeps the size.

    What has to be corrected is as large as the noise, so the U-Net speaks in units of it, and where there is hardly any
    noise it can do no harm. Deep noise asks for wide surroundings: the latent pixels are packed 2×2 into channels, so
    all of the work is done at half the resolution and below.

    Args:
        input_dim: channels of the latent image.
        widths: channels at each level, finest (half resolution) first.
        num_res_blocks: residual blocks at each level, on the way down and again on the way up (the coarsest once).
        out_dim: channels of the image.
    """

    def __init__(self, input_dim: int, widths: Sequence[int], num_res_blocks: Sequence[int], out_dim: int = 3) -> None:
        super().__init__()
        if len(widths) != len(num_res_blocks):
            raise ValueError(f"widths {tuple(widths)} and num_res_blocks {tuple(num_res_blocks)} differ in length")
        levels = list(zip(widths, num_res_blocks, strict=True))
        steps = list(itertools.pairwise(widths))
        self.stride = _PACKED * 2 ** len(steps)
        self.skip = nn.Conv2d(input_dim, out_dim, 1)
        self.init_layer = conv_block(input_dim * _PACKED**2, widths[0])
        self.down_layers = nn.ModuleList(_blocks(*level) for level in levels)
        self.downsamplers = nn.ModuleList(conv_block(a, b, kernel_size=2, stride=2, padding=0) for a, b in steps)
        self.upsamplers = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in steps)
        self.up_layers = nn.ModuleList(_blocks(*level) for level in levels[:-1])
        self.predictor = nn.Conv2d(widths[0], out_dim * _PACKED**2, 3, padding=1)

    def forward(self, x: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The image, ``pred`` [B, out_dim, H, W].

        ``x['fused_enc']`` [B, C, H, W] is the latent image, ``x['noise']`` [B, out_dim, H, W] its noise's deviation.
        """
        latent = x["fused_enc"]
        height, width = latent.shape[-2:]
        padded = F.pad(latent, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")
        feat = self.init_layer(F.pixel_unshuffle(padded, _PACKED))
        passed = []
        for blocks, downsampler in zip(self.down_layers, self.downsamplers, strict=False):
            feat = blocks(feat)
            passed.append(feat)
            feat = downsampler(feat)
        feat = self.down_layers[-1](feat)
        for index in reversed(range(len(passed))):
            finer = F.pixel_shuffle(self.upsamplers[index](feat), 2)
            feat = self.up_layers[index](F.relu(finer + passed[index]))
        detail = F.pixel_shuffle(self.predictor(feat), _PACKED)[..., :height, :width]
        return {"pred": self.skip(latent) + x["noise"] * detail}


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResBlock(width, width) for _ in range(count)))
