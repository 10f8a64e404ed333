"""First estimates of the latent image, from the encoded burst [B, N, C, H, W]."""

from __future__ import annotations

import torch
from torch import nn

from models.layers.blocks import conv_block, res_blocks
from models.layers.upsampling import PixShuffleUpsampler


class PixelShuffleInitializer(nn.Module):
    """Sub-pixel enlargement of the reference frame's encoding, behind optional residual blocks."""

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        upsample_factor: int,
        num_res_blocks: int | None = None,
        use_bn: bool = False,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        self.res_layers = (
            nn.Sequential(*res_blocks(num_res_blocks, input_dim, use_bn, activation)) if num_res_blocks else None
        )
        self.upsample_layer = PixShuffleUpsampler(
            input_dim, output_dim, upsample_factor=upsample_factor, use_bn=use_bn, activation="relu", icnrinit=True
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, N, C, H, W] → [B, output_dim, rH, rW]."""
        reference = x[:, 0]
        if self.res_layers is not None:
            reference = self.res_layers(reference)
        latent: torch.Tensor = self.upsample_layer(reference)
        return latent


class Conv(nn.Module):
    """One convolution without bias or activation: of the reference frame, or averaged over all frames."""

    def __init__(
        self, input_dim: int, out_dim: int, ksz: int = 3, padding_mode: str = "zeros", use_mean: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_block(
                input_dim,
                out_dim,
                kernel_size=ksz,
                padding=ksz // 2,
                bias=False,
                activation="none",
                padding_mode=padding_mode,
            )
        )
        self.use_mean = use_mean

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, N, C, H, W] → [B, out_dim, H, W]."""
        # The convolution is linear, so it may follow the mean.
        latent: torch.Tensor = self.layers(x.mean(dim=1) if self.use_mean else x[:, 0])
        return latent


class Zeros(nn.Module):
    """Starts from nothing."""

    def __init__(self, output_dim: int, upsample_factor: int) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.upsample_factor = upsample_factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, N, C, H, W] → zeros [B, output_dim, rH, rW]."""
        height, width = (side * self.upsample_factor for side in x.shape[-2:])
        return x.new_zeros(x.shape[0], self.output_dim, height, width)
