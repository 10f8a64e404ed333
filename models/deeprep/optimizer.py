"""The fusion of a burst as a least-squares problem in feature space, solved by steepest descent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from models.deeprep.degradation_layers import Conv
from models.deeprep.line_search import step_length, weighted_residual
from models.deeprep.weight_predictors import WeightPredictor
from models.layers.burst_warp import BurstWarp, with_reference
from models.layers.layout import by_burst, channels_last, frames_from_rows

# The regularisation weight is divided by this constant whatever the length of the burst: released networks need it.
_REGULARISATION_DIVISOR = 8


class SteepestDescentOptimizer(nn.Module):
    """Minimises ``½ Σ_i ‖w_i (D W_i y − x_i)‖² + ½ |λ| ‖y − y_init‖²`` over the latent image y (DeepRep, eq. 6 to 8).

    D is the degradation, W_i warps the latent image to frame i, w_i are the certainty weights, λ = feat_reg_w / 8.
    Each step goes along the gradient, as far as an exact line search says. The gradient g is itself a part of the
    network; by the rule that the published networks were trained with, no gradient reaches the offsets through the
    adjoint warps inside g.

    Args:
        degradation_operator: D and its transpose.
        weight_predictor: gives w from the encoded burst and the offsets.
        num_iter: number of steps, unless the call says otherwise.
        compute_losses: return the value of the objective before each step and after the last one; only while gradients
            are enabled.
        detach_length: the graph is cut before every step whose number is a multiple of it (and before the first one if
            it is 0).
        regularization_layer: must be None; present so that old records of constructor arguments fit.
        init_feat_reg_w: initial value of the learned ``feat_reg_w``. A negative value counts by its absolute value in
            the gradient, and signed in the step length.
        use_feature_regularization: without it, λ = 0.
        full_offset_gradient: let gradients reach the offsets through the adjoint warps as well.
        recompute_steps: compute each step again in the backward pass instead of keeping what it computed: less memory
            for more time, the same numbers. Also an attribute.
    """

    def __init__(
        self,
        degradation_operator: Conv,
        weight_predictor: WeightPredictor,
        num_iter: int = 1,
        compute_losses: bool = False,
        detach_length: float = math.inf,
        regularization_layer: None = None,
        init_feat_reg_w: float = 1.0,
        use_feature_regularization: bool = False,
        full_offset_gradient: bool = False,
        recompute_steps: bool = False,
    ) -> None:
        super().__init__()
        if regularization_layer is not None:
            raise ValueError("regularization_layer is not supported; no published network has one")
        self.feat_reg_w = nn.Parameter(torch.full((1,), float(init_feat_reg_w)))
        self.degradation_operator = degradation_operator
        self.weight_predictor = weight_predictor
        self.num_iter = num_iter
        self.compute_losses = compute_losses
        self.detach_length = detach_length
        self.use_feature_regularization = use_feature_regularization
        self.full_offset_gradient = full_offset_gradient
        self.recompute_steps = recompute_steps

    def forward(
        self,
        y_init: torch.Tensor,
        x: torch.Tensor,
        offsets: torch.Tensor,
        num_iter: int | None = None,
        noise_estimate: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Improves ``y_init`` [B, C, f·H, f·W] so that it explains the encoded burst ``x`` [B, N, D, H, W].

        Args:
            y_init: first estimate, aligned with frame 0.
            x: encoded frames, the reference first.
            offsets: [B, N-1, 2, H, W] from each other frame's grid into frame 0, in pixels.
            num_iter: number of steps; None takes the constructor's.
            noise_estimate: for the weight predictor.

        Returns:
            The latent image [B, C, f·H, f·W], and the list of objective values (empty unless asked for).
        """
        steps = self.num_iter if num_iter is None else num_iter
        wants_losses = self.compute_losses and torch.is_grad_enabled()
        if steps == 0 and not wants_losses:
            return y_init, []

        motion = latent_motion(offsets, (y_init.shape[-2], y_init.shape[-1]), self.full_offset_gradient)
        squares = self.weight_predictor.squared({"x": x, "offsets": offsets}, noise_estimate=noise_estimate)
        problem = _Problem(
            y_init.to(motion.shares.dtype), channels_last(x.flatten(0, 1)), by_burst(squares, x.shape[0]), motion
        )
        losses: list[torch.Tensor] = []
        state = _State(problem.y_init)
        for step in range(steps):
            if self._cuts_before(step):
                state = _State(state.latent.detach())
            if state.error is None:
                state.error = self._error(state.latent, problem)
            if wants_losses:
                losses.append(self._loss(state.latent, problem, _REGULARISATION_DIVISOR))
            if self.recompute_steps and torch.is_grad_enabled():
                state.move(*_recomputed(self._step, problem, state.latent, state.error, state.lengths, state.changes))
            else:
                state.move(*self._step(problem, state.latent, state.error, state.lengths, state.changes))
        if wants_losses:
            losses.append(self._loss(state.latent, problem, x.shape[1]))
        return state.latent, losses

    def _step(
        self,
        problem: _Problem,
        latent: torch.Tensor,
        error: torch.Tensor,
        lengths: Sequence[torch.Tensor],
        changes: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The next latent image, the length of the step, and what a step of length 1 takes off the predictions."""
        gradient = problem.motion.adjoint(_recomputed(self._degraded_back, problem, error, lengths, changes))
        weight = None
        if self.use_feature_regularization:
            weight = self._lambda()
            gradient = gradient + weight.abs() * (latent - problem.y_init)
        change = self._predict(gradient, problem)
        length = step_length(change, problem.squares, gradient.square().sum(dim=(1, 2, 3)), weight)
        return latent - length[:, None, None, None] * gradient, length, change

    def _degraded_back(
        self,
        problem: _Problem,
        error: torch.Tensor,
        lengths: Sequence[torch.Tensor],
        changes: Sequence[torch.Tensor],
    ) -> torch.Tensor:
        """Dᵀ of the weighted residual, [B·N, C, f·H, f·W]."""
        encoded = problem.encoded
        residual = weighted_residual(error, problem.squares, lengths, changes)
        size = (encoded.shape[-2], encoded.shape[-1])
        return self.degradation_operator.apply_transposed(frames_from_rows(residual, encoded.shape[0], size))

    def _error(self, latent: torch.Tensor, problem: _Problem) -> torch.Tensor:
        """D W y - x of all frames of a burst, [B, N·H·W·D]."""
        return self._predict(latent, problem) - by_burst(problem.encoded, latent.shape[0])

    def _predict(self, latent: torch.Tensor, problem: _Problem) -> torch.Tensor:
        """What the encoder should see of all frames of a burst, [B, N·H·W·D]."""

        def predict(latent: torch.Tensor) -> torch.Tensor:
            predicted: torch.Tensor = self.degradation_operator(problem.motion.warp(latent, problem.encoded.dtype))
            return predicted

        return by_burst(_recomputed(predict, latent), latent.shape[0])

    def _lambda(self, divisor: int = _REGULARISATION_DIVISOR) -> torch.Tensor:
        return self.feat_reg_w / divisor

    def _loss(self, latent: torch.Tensor, problem: _Problem, divisor: int) -> torch.Tensor:
        loss = (problem.squares * self._error(latent, problem).square()).mean()
        if self.use_feature_regularization:
            loss = loss + (self._lambda(divisor).abs() * (latent - problem.y_init).square()).mean()
        return loss

    def _cuts_before(self, step: int) -> bool:
        if self.detach_length == 0:
            return True
        return step > 0 and step % self.detach_length == 0


@dataclass(frozen=True)
class _Problem:
    """What stays the same in all steps: the start [B, C, f·H, f·W], the encoded burst [B·N, D, H, W], the squares of
    the weights [B, N·H·W·D], and the warps.
    """

    y_init: torch.Tensor
    encoded: torch.Tensor
    squares: torch.Tensor
    motion: BurstWarp


@dataclass
class _State:
    """The latent image so far; the error of the predictions where it began, and the steps since."""

    latent: torch.Tensor
    error: torch.Tensor | None = None
    lengths: tuple[torch.Tensor, ...] = ()
    changes: tuple[torch.Tensor, ...] = ()

    def move(self, latent: torch.Tensor, length: torch.Tensor, change: torch.Tensor) -> None:
        self.latent, self.lengths, self.changes = latent, (*self.lengths, length), (*self.changes, change)


def _recomputed(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``, whose intermediate tensors are computed again in the backward pass.

    Of a convolution only its input is needed then, so that the convolution itself does not run again: what is saved is
    memory, at the price of a warp or of some products. A compiled network chooses by itself what to keep.
    """
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return function(*args)
    return checkpoint(function, *args, use_reentrant=False, preserve_rng_state=False)


def latent_motion(offsets: torch.Tensor, size: tuple[int, int], full_offset_gradient: bool) -> BurstWarp:
    """The warps of a latent image of ``size`` (H, W) to all frames of its burst; the reference stays as it is.

    ``offsets`` [B, N-1, 2, h, w] are enlarged to ``size`` by repetition, as the published networks do.

    Raises:
        ValueError: ``size`` is no enlargement of the offsets.
    """
    flow = with_reference(offsets)
    factor = size[1] / offsets.shape[-1]
    if factor != 1:
        flow = (F.interpolate(flow.flatten(0, 1), scale_factor=factor) * factor).unflatten(0, flow.shape[:2])
    if tuple(flow.shape[-2:]) != size:
        raise ValueError(
            f"a latent image of size {size} does not fit offsets {tuple(offsets.shape)} enlarged {factor:g} times"
        )
    return BurstWarp(flow, size, full_offset_gradient)
