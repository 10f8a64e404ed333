"""The learned image formation model: from the latent image to what the encoder sees of a frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.blocks import conv_block


class Conv(nn.Module):
    """One convolution without bias or activation, and its transpose.

    The transpose always assumes zeros outside the image, so it is the exact adjoint for ``padding_mode='zeros'`` only.
    """

    def __init__(
        self, input_dim: int, out_dim: int, ksz: int = 3, padding_mode: str = "zeros", stride: int = 1
    ) -> None:
        super().__init__()
        self.ds = nn.Sequential(
            conv_block(
                input_dim,
                out_dim,
                kernel_size=ksz,
                stride=stride,
                padding=ksz // 2,
                bias=False,
                activation="none",
                padding_mode=padding_mode,
            )
        )
        self.padding = ksz // 2
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., C, H, W] → [..., D, H / stride, W / stride]."""
        y = self.ds(x.reshape(-1, *x.shape[-3:]))
        degraded: torch.Tensor = y.reshape(*x.shape[:-3], *y.shape[-3:])
        return degraded

    def apply_transposed(self, residuals: torch.Tensor) -> torch.Tensor:
        """[..., D, h, w] → [..., C, stride·h, stride·w]."""
        y = F.conv_transpose2d(
            residuals.reshape(-1, *residuals.shape[-3:]),
            self.ds.get_parameter("0.0.weight"),
            stride=self.stride,
            padding=self.padding,
            output_padding=self.stride - 1,
        )
        return y.reshape(*residuals.shape[:-3], *y.shape[-3:])
