"""Errors that compare pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from models.loss.compared_images import compared_images, masked_mean
from utils.suggestions import unknown_name_message

CHARBONNIER_EPSILON = 1e-3


class PixelWiseError(nn.Module):
    """Mean error of all compared pixels, as a scalar.

    Args:
        metric: ``'l1'`` mean ``|d|``; ``'l2'`` mean ``d²``; ``'l2_sqrt'`` mean over pixels of the length of d over the
            channels (for flows, in pixels); ``'charbonnier'`` mean ``√(d² + ε²)``, ε = 1e-3.
        boundary_ignore: pixels cut at each side; None or 0 for none.

    Raises:
        ValueError: the metric is unknown.
    """

    def __init__(self, metric: str = "l1", boundary_ignore: int | None = None) -> None:
        super().__init__()
        if metric not in _ERRORS:
            raise ValueError(unknown_name_message("pixel-wise metric", metric, _ERRORS))
        self.metric, self.boundary_ignore = metric, boundary_ignore

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """``pred``, ``gt`` [B, C, H, W]; ``valid`` bool or float weights that broadcast to them; 0 if none counts."""
        return self._mean(pred, gt, valid, per_image=False)

    def per_image(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """The error of every image, [B]."""
        return self._mean(pred, gt, valid, per_image=True)

    def _mean(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None, per_image: bool) -> torch.Tensor:
        pred, gt, valid = compared_images(pred, gt, valid, self.boundary_ignore)
        return masked_mean(_ERRORS[self.metric](pred - gt), valid, per_image)


def _length(difference: torch.Tensor) -> torch.Tensor:
    """Length over the channels, [B, 1, H, W], with gradient 0 where it is 0 (the root alone has an infinite one)."""
    squared = difference.square().sum(dim=1, keepdim=True)
    exact = squared == 0
    return torch.where(exact, 0.0, torch.where(exact, 1.0, squared).sqrt())


_ERRORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "l1": torch.abs,
    "l2": torch.square,
    "l2_sqrt": _length,
    "charbonnier": lambda difference: (difference.square() + CHARBONNIER_EPSILON**2).sqrt(),
}
