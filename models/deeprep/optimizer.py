"""The fusion of a burst as a least-squares problem in feature space, solved by steepest descent."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from models.deeprep.degradation_layers import Conv
from models.layers.warp import sample, sample_adjoint, sampling_grid

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

        weights = self.weight_predictor({"x": x, "offsets": offsets}, noise_estimate=noise_estimate)
        motion = _LatentMotion(offsets, (y_init.shape[-2], y_init.shape[-1]), self.full_offset_gradient)
        losses: list[torch.Tensor] = []
        y, predicted = y_init, self._predict(y_init, motion)
        for step in range(steps):
            if self._cuts_before(step):
                y = y.detach()
                predicted = self._predict(y, motion)
            residual = weights * (predicted - x)
            if wants_losses:
                losses.append(self._loss(residual, y - y_init, _REGULARISATION_DIVISOR))
            gradient = motion.adjoint(self.degradation_operator.apply_transposed(weights * residual))
            if self.use_feature_regularization:
                gradient = gradient + self._lambda().abs() * (y - y_init)
            # What the step changes in the predictions is known from the line search: no need to predict anew.
            change = self._predict(gradient, motion)
            length = self._step_length(gradient, weights * change)
            y = y - length * gradient
            if step + 1 < steps or wants_losses:
                predicted = predicted - length[:, None] * change
        if wants_losses:
            losses.append(self._loss(weights * (predicted - x), y - y_init, x.shape[1]))
        return y, losses

    def _predict(self, latent: torch.Tensor, motion: _LatentMotion) -> torch.Tensor:
        """What the encoder should see of every frame, [B, N, D, H, W]."""
        return self.degradation_operator(motion.warp(latent))

    def _lambda(self, divisor: int = _REGULARISATION_DIVISOR) -> torch.Tensor:
        return self.feat_reg_w / divisor

    def _step_length(self, gradient: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Exact line search, one length per burst: [B, 1, 1, 1]."""
        numerator = gradient.square().sum(dim=(1, 2, 3))
        denominator = image.square().sum(dim=(1, 2, 3, 4))
        if self.use_feature_regularization:
            denominator = denominator + self._lambda() * numerator
        return (numerator / denominator.clamp(min=1e-8))[:, None, None, None]

    def _loss(self, residual: torch.Tensor, distance: torch.Tensor, divisor: int) -> torch.Tensor:
        loss = residual.square().mean()
        if self.use_feature_regularization:
            loss = loss + (self._lambda(divisor).abs() * distance.square()).mean()
        return loss

    def _cuts_before(self, step: int) -> bool:
        if self.detach_length == 0:
            return True
        return step > 0 and step % self.detach_length == 0


class _LatentMotion:
    """Warps of the latent image to all frames of a burst, and their adjoint; the reference stays as it is."""

    def __init__(self, offsets: torch.Tensor, size: tuple[int, int], full_offset_gradient: bool) -> None:
        self.others = offsets.shape[1]
        self.size = size
        self.full_offset_gradient = full_offset_gradient
        flow = offsets.flatten(0, 1)
        factor = size[1] / offsets.shape[-1]
        if factor != 1 and self.others:
            flow = F.interpolate(flow, scale_factor=factor, mode="nearest") * factor
        if self.others and tuple(flow.shape[-2:]) != size:
            raise ValueError(
                f"a latent image of size {size} does not fit offsets {tuple(offsets.shape)} enlarged {factor:g} times"
            )
        self.grid = sampling_grid(flow, size)

    def warp(self, latent: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] → [B, N, C, H, W]."""
        if self.others == 0:
            return latent[:, None]
        repeated = latent[:, None].expand(-1, self.others, -1, -1, -1).flatten(0, 1)
        warped = sample(repeated, self.grid).unflatten(0, (-1, self.others))
        return torch.cat((latent[:, None], warped), dim=1)

    def adjoint(self, frames: torch.Tensor) -> torch.Tensor:
        """[B, N, C, H, W] → [B, C, H, W], the sum over all frames."""
        if self.others == 0:
            return frames[:, 0]
        spread = sample_adjoint(frames[:, 1:].flatten(0, 1), self.grid, self.size, self.full_offset_gradient)
        return frames[:, 0] + spread.unflatten(0, (-1, self.others)).sum(dim=1)
