"""One exact line search over a burst, as a single operator: its tensors are as large as the encoded burst."""

from __future__ import annotations

from typing import Any

import torch

# Below this the objective is flat along the gradient; no step is longer than the gradient's square over it.
_LEAST_CURVATURE = 1e-8


def step_length(
    change: torch.Tensor, squares: torch.Tensor, slope: torch.Tensor, extra: torch.Tensor | None
) -> torch.Tensor:
    """How far to go along the gradient g, [B] float: ``‖g‖² / (Σ w² (D W g)² + λ ‖g‖²)`` (DeepRep, eq. 8).

    Args:
        change: ``D W g``, what a unit step changes in the predictions, [B, K].
        squares: w², [B, K].
        slope: ‖g‖², [B].
        extra: λ [1], or None without regularisation.
    """
    return _LineSearch.apply(None, change, squares, slope, extra)[1]


def step_along(
    residual: torch.Tensor,
    change: torch.Tensor,
    squares: torch.Tensor,
    slope: torch.Tensor,
    extra: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted residual ``w² (D W y - x)`` [B, K] after the step, and the length of the step [B].

    What the step changes in the residual is known from the line search; it is not warped and degraded again. Other
    arguments as in :func:`step_length`.
    """
    return _LineSearch.apply(residual, change, squares, slope, extra)


class _LineSearch(torch.autograd.Function):
    """Keeps three large tensors for the backward pass, where the separate operations would keep seven.

    With u = w² c, s = <u, c>, m = s + λn, α = n / m: residual' = residual - α u. Lengths are computed in float32 at
    least, and the sums in float32 whatever the type of the maps.
    """

    @staticmethod
    def forward(
        ctx: Any,
        residual: torch.Tensor | None,
        change: torch.Tensor,
        squares: torch.Tensor,
        slope: torch.Tensor,
        extra: torch.Tensor | None,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        ctx.set_materialize_grads(False)
        weighted = squares * change
        curvature = _dot(weighted, change)
        if extra is not None:
            curvature = curvature + extra * slope
        flat = curvature < _LEAST_CURVATURE
        curvature = curvature.clamp(min=_LEAST_CURVATURE)
        length = slope / curvature
        ctx.save_for_backward(change, squares, slope, extra, curvature, length, flat)
        if residual is None:
            return None, length
        return residual - _scaled(weighted, length), length

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        grad_residual, grad_length = grad_outputs
        change, squares, slope, extra, curvature, length, flat = ctx.saved_tensors
        total = torch.zeros_like(length) if grad_length is None else grad_length
        if grad_residual is not None:
            total = total - _dot(grad_residual * squares, change)
        grad_slope = total / curvature
        grad_curvature = torch.where(flat, 0, -grad_slope * length)
        # In turn: the gradient to u by way of the residual, that to w² over c, and that to c over w².
        share = _scaled(change, grad_curvature)
        to_squares = share if grad_residual is None else share - _scaled(grad_residual, length)
        to_change = (to_squares + share).mul_(squares)
        grad_extra = None
        if extra is not None:
            grad_slope = grad_slope + extra * grad_curvature
            grad_extra = (slope * grad_curvature).sum().reshape(extra.shape)
        return grad_residual, to_change, to_squares * change, grad_slope, grad_extra


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """<a, b> of each burst, [B, K] twice → [B], summed in float32 at least."""
    if a.dtype in (torch.float16, torch.bfloat16):
        return (a * b).sum(dim=1, dtype=torch.float32)
    return torch.linalg.vecdot(a, b)


def _scaled(maps: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Each burst's maps [B, K] times its number, in the type of the maps."""
    return maps * factor[:, None].to(maps.dtype)
