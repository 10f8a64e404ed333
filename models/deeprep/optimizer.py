"""The fusion of a burst as a least-squares problem in feature space, solved by steepest descent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from models.deeprep.degradation_layers import Conv
from models.deeprep.line_search import step_along, step_length
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
        weight_predictor: nn.Module,
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

        weights = self.weight_predictor({"x": x, "offsets": offsets}, noise_estimate=noise_estimate).flatten(0, 1)
        motion = latent_motion(offsets, (y_init.shape[-2], y_init.shape[-1]), self.full_offset_gradient)
        problem = _Problem(y_init.to(motion.shares.dtype), channels_last(x.flatten(0, 1)), weights.square(), motion)
        losses: list[torch.Tensor] = []
        y, residual = problem.y_init, None
        for step in range(steps):
            if self._cuts_before(step):
                y, residual = y.detach(), None
            if residual is None:
                residual = problem.squares * self._error(y, problem)
            if wants_losses:
                losses.append(self._loss(weights * self._error(y, problem), y - y_init, _REGULARISATION_DIVISOR))
            is_last = step + 1 == steps
            if self.recompute_steps and torch.is_grad_enabled():
                y, residual = checkpoint(
                    self._step, y, residual, problem, is_last, use_reentrant=False, preserve_rng_state=False
                )
            else:
                y, residual = self._step(y, residual, problem, is_last)
        if wants_losses:
            losses.append(self._loss(weights * self._error(y, problem), y - y_init, x.shape[1]))
        return y, losses

    def _step(
        self, y: torch.Tensor, residual: torch.Tensor, problem: _Problem, is_last: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The next latent image, and the weighted residual w² (D W y - x) there unless this is the last step."""
        gradient = problem.motion.adjoint(self.degradation_operator.apply_transposed(residual))
        weight = None
        if self.use_feature_regularization:
            weight = self._lambda()
            gradient = gradient + weight.abs() * (y - problem.y_init)
        slope = gradient.square().sum(dim=(1, 2, 3))
        change, squares = (by_burst(maps, y.shape[0]) for maps in (self._predict(gradient, problem), problem.squares))
        if is_last:
            length, next_residual = step_length(change, squares, slope, weight), None
        else:
            moved, length = step_along(by_burst(residual, y.shape[0]), change, squares, slope, weight)
            next_residual = frames_from_rows(moved, residual.shape[0], (residual.shape[-2], residual.shape[-1]))
        return y - length[:, None, None, None] * gradient, next_residual

    def _error(self, latent: torch.Tensor, problem: _Problem) -> torch.Tensor:
        return self._predict(latent, problem) - problem.encoded

    def _predict(self, latent: torch.Tensor, problem: _Problem) -> torch.Tensor:
        """What the encoder should see of every frame, [B·N, D, H, W]."""

        def predict(latent: torch.Tensor) -> torch.Tensor:
            return self.degradation_operator(problem.motion.warp(latent, problem.encoded.dtype))

        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            # Warping again in the backward pass is cheaper than keeping all frames of the latent image until then.
            return checkpoint(predict, latent, use_reentrant=False, preserve_rng_state=False)
        return predict(latent)

    def _lambda(self, divisor: int = _REGULARISATION_DIVISOR) -> torch.Tensor:
        return self.feat_reg_w / divisor

    def _loss(self, residual: torch.Tensor, distance: torch.Tensor, divisor: int) -> torch.Tensor:
        loss = residual.square().mean()
        if self.use_feature_regularization:
            loss = loss + (self._lambda(divisor).abs() * distance.square()).mean()
        return loss

    def _cuts_before(self, step: int) -> bool:
        if self.detach_length == 0:
            return True
        return step > 0 and step % self.detach_length == 0


@dataclass(frozen=True)
class _Problem:
    """What stays the same in all steps: start, encoded burst [B·N, D, H, W], w² [B·N, D, H, W], and warps."""

    y_init: torch.Tensor
    encoded: torch.Tensor
    squares: torch.Tensor
    motion: BurstWarp


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
