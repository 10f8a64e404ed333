"""Residual and line search of a burst, each as one operator: their tensors are as large as the encoded burst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

# Below this the objective is flat along the gradient; no step is longer than the gradient's square over it.
_LEAST_CURVATURE = 1e-8


def weighted_residual(
    error: torch.Tensor, squares: torch.Tensor, lengths: Sequence[torch.Tensor], changes: Sequence[torch.Tensor]
) -> torch.Tensor:
    """``w² (D W y - x)`` after any number of steps, [B, K].

    What a step changes in the predictions is known from its line search; nothing is warped and degraded again.

    Args:
        error: ``D W y - x`` at the first y, [B, K].
        squares: w², [B, K].
        lengths: of the steps so far, [B] each.
        changes: what a step of length 1 takes off the predictions, [B, K] each.
    """
    residual: torch.Tensor = _WeightedResidual.apply(error, squares, *lengths, *changes)
    return residual


def step_length(
    change: torch.Tensor, squares: torch.Tensor, slope: torch.Tensor, extra: torch.Tensor | None
) -> torch.Tensor:
    """How far to go along the gradient g, [B] float: ``‖g‖² / (Σ w² (D W g)² + λ ‖g‖²)`` (DeepRep, eq. 8).

    Args:
        change: ``D W g``, [B, K].
        squares: w², [B, K].
        slope: ‖g‖², [B], in float32 at least.
        extra: λ [1], or None without regularisation.
    """
    length: torch.Tensor = _StepLength.apply(change, squares, slope, extra)
    return length


class _WeightedResidual(torch.autograd.Function):
    """Keeps its arguments alone: error and changes, which all steps share."""

    @staticmethod
    def forward(
        ctx: Any, error: torch.Tensor, squares: torch.Tensor, *lengths_and_changes: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(error, squares, *lengths_and_changes)
        return _error_now(error, lengths_and_changes).mul_(squares)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        error, squares, *lengths_and_changes = ctx.saved_tensors
        to_squares = _error_now(error, lengths_and_changes).mul_(grad)
        to_error = grad * squares
        steps = len(lengths_and_changes) // 2
        lengths, changes = lengths_and_changes[:steps], lengths_and_changes[steps:]
        to_lengths = [-_dot(to_error, change) for change in changes]
        to_changes = [_scaled(to_error, -length) for length in lengths]
        return to_error, to_squares, *to_lengths, *to_changes


class _StepLength(torch.autograd.Function):
    """Keeps ``change`` and ``squares`` for the backward pass, which the residual keeps as well."""

    @staticmethod
    def forward(
        ctx: Any, change: torch.Tensor, squares: torch.Tensor, slope: torch.Tensor, extra: torch.Tensor | None
    ) -> torch.Tensor:
        curvature = _dot(squares * change, change)
        if extra is not None:
            curvature = curvature + extra * slope
        flat = curvature < _LEAST_CURVATURE
        curvature = curvature.clamp(min=_LEAST_CURVATURE)
        ctx.save_for_backward(change, squares, slope, extra, curvature, flat)
        return slope / curvature

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        change, squares, slope, extra, curvature, flat = ctx.saved_tensors
        to_slope = grad / curvature
        to_curvature = torch.where(flat, 0, -to_slope * slope / curvature)
        share = _scaled(change, to_curvature)
        to_squares = share * change
        to_change = share.mul_(squares).mul_(2)
        if extra is None:
            return to_change, to_squares, to_slope, None
        to_extra = (slope * to_curvature).sum().reshape(extra.shape)
        return to_change, to_squares, to_slope + extra * to_curvature, to_extra


def _error_now(error: torch.Tensor, lengths_and_changes: Sequence[torch.Tensor]) -> torch.Tensor:
    """``D W y - x`` after the steps, as a new tensor."""
    steps = len(lengths_and_changes) // 2
    if steps == 0:
        return error.clone()
    # A length is float32 at least and makes the sum so: in bfloat16 the error would not shrink as y says it does.
    now = error - lengths_and_changes[0][:, None] * lengths_and_changes[steps]
    for length, change in zip(lengths_and_changes[1:steps], lengths_and_changes[steps + 1 :], strict=True):
        now.sub_(length[:, None] * change)
    return now.to(error.dtype)


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """<a, b> of each burst, [B, K] twice → [B], summed in float32 at least."""
    if a.dtype in (torch.float16, torch.bfloat16):
        return (a * b).sum(dim=1, dtype=torch.float32)
    products: torch.Tensor = torch.linalg.vecdot(a, b)
    return products


def _scaled(maps: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Each burst's maps [B, K] times its number, in the type of the maps."""
    return (maps * factor[:, None]).to(maps.dtype)
