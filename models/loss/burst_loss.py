"""The loss of permutation-invariant burst deblurring (Aittala and Durand, ECCV 2018)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

_L1_WEIGHT = 0.1


class BurstLoss(nn.Module):
    """``0.1 · mean|p - y| + mean|∇p - ∇y|``, with derivatives of Prewitt's kernel at a sixth of its size.

    Outside the images are zeros, so an error at the edge counts twice.

    Args:
        reduction: ``mean`` or ``sum``, of both terms.

    Raises:
        ValueError: another reduction.
    """

    kernels: torch.Tensor

    def __init__(self, reduction: Literal["mean", "sum"] = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction = {reduction!r}: expected 'mean' or 'sum'")
        self.reduction = reduction
        along_x = torch.tensor([1.0, 0.0, -1.0]).div(6).expand(3, 3)
        # Constants: not stored, but moved with the loss.
        self.register_buffer("kernels", torch.stack((along_x, along_x.T))[:, None], persistent=False)

    def gradients(self, image: torch.Tensor) -> torch.Tensor:
        """Derivatives [B, 2, C, H, W] of ``image`` [B, C, H, W]: left minus right, and upper minus lower neighbours."""
        planes = image.flatten(0, 1)[:, None]
        derivatives = F.conv2d(planes, self.kernels.to(image), padding=1)
        by_image: torch.Tensor = derivatives.unflatten(0, image.shape[:2]).transpose(1, 2)
        return by_image

    def forward(self, pred: torch.Tensor, gt: torch.Tensor) -> torch.Tensor:
        """The loss (0-d) of ``pred`` and ``gt`` [B, C, H, W], grey levels 0..255.

        Raises:
            ValueError: the images differ in shape.
        """
        if pred.shape != gt.shape:
            raise ValueError(f"prediction {tuple(pred.shape)} and ground truth {tuple(gt.shape)} differ in shape")
        difference = pred - gt
        # The derivatives are linear: one filter pass over the difference does for both images.
        errors = (difference.abs(), self.gradients(difference).abs())
        if self.reduction == "sum":
            return _L1_WEIGHT * errors[0].sum() + errors[1].sum()
        return _L1_WEIGHT * errors[0].mean() + errors[1].mean()
