"""DeepRep's decoders: from the latent image to the restored one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.layers.blocks import conv_block, res_blocks
from models.layers.decoders import ResPixShuffleConv

__all__ = ["ResDecoder", "ResPixShuffleConv"]


class ResDecoder(nn.Module):
    """3×3 convolution, residual blocks, and a 1×1 convolution without activation; keeps the size."""

    def __init__(
        self,
        input_dim: int,
        init_conv_dim: int,
        num_res_blocks: int,
        use_bn: bool = False,
        activation: str = "relu",
        out_dim: int = 3,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__()
        self.init_layer = conv_block(
            input_dim, init_conv_dim, batch_norm=use_bn, activation=activation, padding_mode=padding_mode
        )
        self.res_layers = nn.Sequential(*res_blocks(num_res_blocks, init_conv_dim, use_bn, activation, padding_mode))
        self.predictor = conv_block(
            init_conv_dim, out_dim, kernel_size=1, padding=0, activation="none", padding_mode=padding_mode
        )

    def forward(self, x: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``x['fused_enc']`` [B, C, H, W] → ``pred`` [B, out_dim, H, W]."""
        return {"pred": self.predictor(self.res_layers(self.init_layer(x["fused_enc"])))}
