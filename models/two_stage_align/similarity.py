"""How alike two patches are: the scores by which stage one chooses."""

from __future__ import annotations

from collections.abc import Callable

import torch

# (template [K, C, 1, 1, p, p], windows [K, C, rows, cols, p, p], valid [K, rows, cols]) → scores [K, rows, cols]
Score = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

_PATCH_DIMS = (1, 4, 5)


def feature_scores(template: torch.Tensor, windows: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Negative mean absolute difference, scaled to length one over the valid candidates: in [-1, 0], best is largest.

    A candidate that is not valid does not count and scores minus infinity.
    """
    distance = torch.where(valid, (template - windows).abs().mean(dim=_PATCH_DIMS), 0.0)
    length = distance.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None]
    return torch.where(valid, -distance / length, -torch.inf)


def correlation_scores(template: torch.Tensor, windows: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Normalised cross-correlation minus one, for matching images without features: in [-2, 0], best is largest."""
    correlation = _correlation(template.expand_as(windows), windows, _PATCH_DIMS)
    return torch.where(valid, correlation - 1, -torch.inf)


def normalised_cross_correlation(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Correlation of every sample of ``x`` and ``y`` [B, C, H, W] over all of C, H, W; [B], in [-1, 1].

    A constant sample correlates fully with anything (0 / 0 counts as 1), and its gradient is zero.
    """
    return _correlation(x, y, (1, 2, 3))


def _correlation(x: torch.Tensor, y: torch.Tensor, dims: tuple[int, ...], epsilon: float = 1e-8) -> torch.Tensor:
    x = x - x.mean(dim=dims, keepdim=True)
    y = y - y.mean(dim=dims, keepdim=True)
    energy = x.square().sum(dim=dims) * y.square().sum(dim=dims)
    flat = energy == 0
    length = torch.where(flat, 0.0, torch.where(flat, 1.0, energy).sqrt())  # the root of zero has an infinite gradient
    return ((x * y).sum(dim=dims) + epsilon) / (length + epsilon)
