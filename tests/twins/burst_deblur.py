"""Burst deblurring without sharing: the maximum is put beside the maps of every frame and convolved with them."""

from __future__ import annotations

import torch
from torch import nn

from models.burst_deblur.unet import UNet
from models.burst_deblur.weight_norm import Stage


class PlainUNet(UNet):
    """The same network, written down as in the paper; all frames go through the layers as one batch."""

    def _restored(self, burst: torch.Tensor) -> torch.Tensor:
        frames = burst.shape[1]

        def maximum(maps: torch.Tensor) -> torch.Tensor:
            return maps.unflatten(0, (-1, frames)).max(dim=1).values

        def stage(layers: Stage, maps: torch.Tensor, *skipped: torch.Tensor) -> torch.Tensor:
            shared = maximum(maps).repeat_interleave(frames, dim=0)
            return plain(layers, torch.cat((maps, shared, *skipped), dim=1))

        f1 = plain(self.conv_encode1, burst.flatten(0, 1))
        f2 = stage(self.conv_encode2, f1)
        f3 = stage(self.conv_encode3, f2)
        f4 = stage(self.conv_encode4, f3)
        f6 = stage(self.conv_decode3, stage(self.bottleneck, f4), f4)
        f7 = stage(self.conv_decode2, f6, f3)
        f8 = stage(self.conv_decode1, f7, f2)
        f9 = stage(self.conv_decode0, f8, f1)
        return plain(self.final_layer, maximum(f9))


def plain(layers: Stage, maps: torch.Tensor) -> torch.Tensor:
    return nn.Sequential.forward(layers, maps)
