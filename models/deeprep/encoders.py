"""DeepRep's encoder: every frame into the feature space in which the images are compared."""

from __future__ import annotations

import torch
from torch import nn

from models.layers.blocks import conv_block, res_blocks
from models.layers.layout import channels_last


class Identity(nn.Module):
    """Hands its input on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class ResEncoder(nn.Module):
    """3×3 convolution, residual blocks and a 3×3 convolution with activation, on each frame by itself.

    ``init_stride`` other than 1 puts a second convolution with that stride behind the first one.
    """

    def __init__(
        self,
        input_channels: int,
        init_dim: int,
        num_res_blocks: int,
        out_dim: int,
        use_bn: bool = False,
        activation: str = "relu",
        init_stride: int = 1,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__()
        self.input_channels = input_channels

        def block(in_dim: int, to_dim: int, stride: int = 1) -> nn.Sequential:
            return conv_block(
                in_dim, to_dim, stride=stride, batch_norm=use_bn, activation=activation, padding_mode=padding_mode
            )

        self.init_layer = block(input_channels, init_dim)
        if init_stride != 1:
            self.init_layer = nn.Sequential(self.init_layer, block(init_dim, init_dim, init_stride))
        self.res_layers = nn.Sequential(*res_blocks(num_res_blocks, init_dim, use_bn, activation, padding_mode))
        self.out_layer = block(init_dim, out_dim)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """``x`` [B, N, C, H, W] (or [B, C, H, W]) → ``enc`` with the same leading axes."""
        frames = channels_last(x.reshape(-1, *x.shape[-3:]))
        enc = self.out_layer(self.res_layers(self.init_layer(frames)))
        return {"enc": enc.reshape(*x.shape[:-3], *enc.shape[-3:])}
