"""Cost volumes: how well every pixel of one feature map matches the neighbourhood of the same pixel in another."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from external.spatial_correlation import compiled_correlation

_BLOCK = 16  # columns; of a product of 16 by 24, nine diagonals are of use


def local_correlation(a: torch.Tensor, b: torch.Tensor, max_displacement: int) -> torch.Tensor:
    """``out[n, (dy+d)(2d+1) + dx+d, y, x] = Σ_c a[n, c, y, x] · b[n, c, y+dy, x+dx]``, with b = 0 outside.

    The horizontal displacement varies fastest. Every row is cut into blocks; a block times the block around it of each
    row nearby is one small matrix product, whose diagonals are the sums. Beside the result it takes, and keeps for the
    backward pass, about three times the features.

    Args:
        a, b: [B, C, H, W].
        max_displacement: d; dx and dy run from -d to d.

    Returns:
        [B, (2d+1)², H, W], differentiable in both.

    Raises:
        ValueError: the shapes differ.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(f"expected two feature maps [B, C, H, W] alike, got {tuple(a.shape)} and {tuple(b.shape)}")
    batch, channels, height, width = a.shape
    d, side = max_displacement, 2 * max_displacement + 1
    block = max(2 * d, min(_BLOCK, width))
    count = math.ceil(width / block)
    spare = count * block - width
    # Rows first: the rows that lie dy below are then one piece of memory.
    left = F.pad(a.permute(2, 0, 3, 1), (0, 0, 0, spare)).reshape(-1, block, channels)
    around = F.pad(b.permute(2, 0, 3, 1), (0, 0, d, spare + block - d, 0, 0, d, d))
    blocks = around.reshape(height + 2 * d, batch, count + 1, block, channels)
    windows = torch.cat((blocks[:, :, :-1], blocks[:, :, 1:, : 2 * d]), dim=3)
    bands = []
    for top in range(side):
        window = windows[top : top + height].reshape(left.shape[0], block + 2 * d, channels)
        products = torch.bmm(left, window.transpose(1, 2))
        reach = products.shape[2]
        bands.append(products.as_strided((left.shape[0], block, side), (block * reach, reach + 1, 1)))
    volume = torch.stack(bands, dim=2).reshape(height, batch, count * block, side * side)
    return volume[:, :, :width].permute(1, 3, 0, 2)


def pwc_correlation(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """PWC-Net's cost volume [B, 81, H, W]: :func:`local_correlation` up to 4 pixels, as a mean over channels."""
    return local_correlation(first, second, 4) / first.shape[1]


class CostVolume(nn.Module):
    """The cost volume of DeepRep's own flow network: :func:`local_correlation` summed over a k×k window.

    No normalisation by channels or window; products at positions outside the image are zero. Uses the package
    ``spatial-correlation-sampler`` on CUDA where it is installed and gives the same numbers.
    """

    def __init__(self, kernel_size: int, max_displacement: int, stride: int = 1) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"the window of a cost volume needs an odd size, got {kernel_size}")
        self.kernel_size = kernel_size
        self.max_displacement = max_displacement
        self.stride = stride

    def forward(self, feat1: torch.Tensor, feat2: torch.Tensor) -> torch.Tensor:
        """``feat1``, ``feat2`` [B, C, H, W] → [B, (2d+1)², H, W] (H and W divided by the stride)."""
        if feat1.is_cuda:
            compiled = compiled_correlation(
                self.kernel_size, self.max_displacement, self.stride, feat1.device, self._plain
            )
            if compiled is not None:
                return compiled(feat1, feat2)
        return self._plain(feat1, feat2)

    def _plain(self, feat1: torch.Tensor, feat2: torch.Tensor) -> torch.Tensor:
        products = local_correlation(feat1, feat2, self.max_displacement)
        if self.kernel_size == 1 and self.stride == 1:
            return products
        return F.avg_pool2d(
            products, self.kernel_size, stride=self.stride, padding=self.kernel_size // 2, divisor_override=1
        )
