"""Charbonnier error summed over all elements, and the mask of fine structures that can weigh it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.filtering import centred_gaussian

_GREY = (0.2989, 0.5870, 0.1140)
_BLUR_SIZE, _BLUR_VARIANCE = 5, 1 + 1e-6


class CharbonnierSum(nn.Module):
    """``Σ √((m d)² + ε)`` over all elements and images: a sum, so it grows with the size of the images.

    Args:
        epsilon: inside the root, in squared units of the images.
    """

    def __init__(self, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """The error of ``pred`` against ``gt`` (same shape); ``mask`` m broadcasts to them, 1 without one."""
        difference = pred - gt if mask is None else mask * (pred - gt)
        return (difference.square() + self.epsilon).sqrt().sum()


@torch.no_grad()
def edge_mask(images: torch.Tensor) -> torch.Tensor:
    """How much of every pixel of linear RGB [B, 3, H, W] is fine structure: [B, 1, H, W], 0..1 in every image.

    The blurred absolute difference of grey values and blurred grey values (5x5 Gaussian, zeros outside, which makes
    the image border an edge), stretched to the range of the image. Without gradient. Guo et al., CVPR 2022.
    """
    # Copies that wait for the GPU would hold up the queue of its work in every step.
    weights = torch.tensor(_GREY, dtype=images.dtype).to(images, non_blocking=True)[:, None, None]
    grey = (weights * images).sum(dim=1, keepdim=True)
    kernel = centred_gaussian(_BLUR_SIZE, _BLUR_VARIANCE**0.5)[None].to(images, non_blocking=True)

    def blurred(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, kernel, padding=_BLUR_SIZE // 2)

    edges = blurred((grey - blurred(grey)).abs())
    least, most = edges.amin(dim=(1, 2, 3), keepdim=True), edges.amax(dim=(1, 2, 3), keepdim=True)
    return (edges - least) / (most - least + 1e-6)
