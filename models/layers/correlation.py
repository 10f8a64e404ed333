"""Cost volumes: how well every pixel of one feature map matches the neighbourhood of the same pixel in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from external.spatial_correlation import compiled_correlation


def local_correlation(a: torch.Tensor, b: torch.Tensor, max_displacement: int) -> torch.Tensor:
    """``out[n, (dy+d)(2d+1) + dx+d, y, x] = Σ_c a[n, c, y, x] · b[n, c, y+dy, x+dx]``, with b = 0 outside.

    The horizontal displacement varies fastest. One pass over the features per displacement, forward and backward, and
    no memory beyond the result and the two inputs.

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
    return _LocalCorrelation.apply(a, b, max_displacement)


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


class _LocalCorrelation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor, max_displacement: int) -> torch.Tensor:
        ctx.save_for_backward(a, b)
        ctx.max_displacement = max_displacement
        padded = F.pad(b, (max_displacement,) * 4)
        height, width = a.shape[-2:]
        return torch.stack(
            [(a * padded[window]).sum(dim=1) for window in _windows(max_displacement, height, width)], dim=1
        )

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        a, b = ctx.saved_tensors
        (grad,) = grad_outputs
        d = ctx.max_displacement
        height, width = a.shape[-2:]
        padded = F.pad(b, (d,) * 4)
        grad_a = torch.zeros_like(a) if ctx.needs_input_grad[0] else None
        grad_padded = torch.zeros_like(padded) if ctx.needs_input_grad[1] else None
        for index, window in enumerate(_windows(d, height, width)):
            cotangent = grad[:, index : index + 1]
            if grad_a is not None:
                grad_a.addcmul_(cotangent, padded[window])
            if grad_padded is not None:
                grad_padded[window].addcmul_(cotangent, a)
        grad_b = None if grad_padded is None else grad_padded[:, :, d : d + height, d : d + width]
        return grad_a, grad_b, None


def _windows(max_displacement: int, height: int, width: int) -> Iterator[tuple[Any, ...]]:
    """The part of the padded map that lies under the other map, for every displacement in order."""
    side = 2 * max_displacement + 1
    for top in range(side):
        for left in range(side):
            yield ..., slice(top, top + height), slice(left, left + width)
