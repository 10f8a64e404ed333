"""The sub-pixel decoder that DBSR and DeepRep share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.layers.blocks import conv_block, res_blocks
from models.layers.upsampling import PixShuffleUpsampler


class ResPixShuffleConv(nn.Module):
    """Residual blocks, enlargement by ``upsample_factor``, residual blocks, and a 1×1 convolution to RGB.

    A ReLU follows that last convolution: predictions are never negative.
    """

    def __init__(
        self,
        input_dim: int,
        init_conv_dim: int,
        num_pre_res_blocks: int,
        post_conv_dim: int,
        num_post_res_blocks: int,
        use_bn: bool = False,
        activation: str = "relu",
        upsample_factor: int = 2,
        icnrinit: bool = False,
        gauss_blur_sd: float | None = None,
        gauss_ksz: int = 3,
    ) -> None:
        super().__init__()
        self.init_layer = conv_block(input_dim, init_conv_dim, batch_norm=use_bn, activation=activation)
        self.pre_res_layers = nn.Sequential(*res_blocks(num_pre_res_blocks, init_conv_dim, use_bn, activation))
        self.upsample_layer = PixShuffleUpsampler(
            init_conv_dim,
            post_conv_dim,
            upsample_factor=upsample_factor,
            use_bn=use_bn,
            activation=activation,
            icnrinit=icnrinit,
            gauss_blur_sd=gauss_blur_sd,
            gauss_ksz=gauss_ksz,
        )
        self.post_res_layers = nn.Sequential(*res_blocks(num_post_res_blocks, post_conv_dim, use_bn, activation))
        self.predictor = conv_block(post_conv_dim, 3, kernel_size=1, padding=0, activation="relu")

    def forward(self, x: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``x['fused_enc']`` [B, C, H, W] → ``pred`` [B, 3, rH, rW]."""
        feat = self.pre_res_layers(self.init_layer(x["fused_enc"]))
        return {"pred": self.predictor(self.post_res_layers(self.upsample_layer(feat)))}
