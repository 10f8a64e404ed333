"""DeepRep in plain form: frames warped and degraded anew in every step, the adjoint by automatic differentiation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.deeprep.weight_predictors import SimpleWeightPredictor
from models.layers.reference_offsets import burst_offsets
from tests.twins import flow as plain_flow
from tests.twins.flow import warp


class PlainDeepRep(nn.Module):
    """The same function of the same weights as the :class:`DeepRepNet` it is given, whose modules it holds."""

    def __init__(self, net: DeepRepNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, im: torch.Tensor, noise_estimate: torch.Tensor | None = None) -> torch.Tensor:
        """``im`` [B, N, C, H, W] → the restored image."""
        net, seen = self.net, im
        if net.use_noise_estimate:
            assert noise_estimate is not None
            seen = torch.cat((im, noise_estimate.expand_as(im)), dim=2)
        enc = net.lr_encoder(seen)["enc"]
        offsets = plain_flow.burst_offsets(net.alignment_net, im)
        latent = steepest_descent(net.optimizer, net.hr_initializer(enc), enc, offsets, noise_estimate)
        latents = {"fused_enc": latent}
        if net.use_noise_estimate and noise_estimate is not None:
            latents["noise"] = noise_estimate[:, 0]
        return net.hr_decoder(latents)["pred"]


def steepest_descent(
    optimizer: SteepestDescentOptimizer,
    y_init: torch.Tensor,
    x: torch.Tensor,
    offsets: torch.Tensor,
    noise_estimate: torch.Tensor | None = None,
) -> torch.Tensor:
    """The six lines of one iteration as DeepRep's supplement writes them."""
    degrade, transposed = optimizer.degradation_operator, optimizer.degradation_operator.apply_transposed
    weights = certainty(optimizer.weight_predictor, x, offsets, noise_estimate)
    regularised = optimizer.use_feature_regularization
    lam = optimizer.feat_reg_w / 8
    y = y_init
    for step in range(optimizer.num_iter):
        if optimizer.detach_length == 0 or (step > 0 and step % optimizer.detach_length == 0):
            y = y.detach()
        residual = weights * (degrade(_seen_by_all(y, offsets)) - x)
        gradient = _adjoint(transposed(weights * residual), offsets, y)
        if regularised:
            gradient = gradient + lam.abs() * (y - y_init)
        image = weights * degrade(_seen_by_all(gradient, offsets))
        numerator = gradient.square().sum(dim=(1, 2, 3))
        denominator = image.square().sum(dim=(1, 2, 3, 4))
        if regularised:
            denominator = denominator + lam * numerator
        y = y - (numerator / denominator.clamp(min=1e-8))[:, None, None, None] * gradient
    return y


def _latent_flow(offsets: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
    factor = latent.shape[-1] / offsets.shape[-1]
    flat = offsets.flatten(0, 1)
    return flat if factor == 1 else F.interpolate(flat, scale_factor=factor, mode="nearest") * factor


def _seen_by_all(latent: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W] → [B, N, C, H, W]: a copy for every frame, each warped."""
    others = offsets.shape[1]
    repeated = latent[:, None].repeat(1, others, 1, 1, 1).flatten(0, 1)
    warped = warp(repeated, _latent_flow(offsets, latent)).unflatten(0, (-1, others))
    return torch.cat((latent[:, None], warped), dim=1)


def _adjoint(frames: torch.Tensor, offsets: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The derivative of the warps applied to ``frames``; by DeepRep's rule no gradient reaches the offsets."""
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        image = torch.zeros_like(like, requires_grad=True)
        cotangent = frames.detach().requires_grad_() if not frames.requires_grad else frames
        warped = _seen_by_all(image, offsets.detach())
        (spread,) = torch.autograd.grad(warped, image, cotangent, create_graph=recorded)
    return spread


def certainty(
    predictor: nn.Module, x: torch.Tensor, offsets: torch.Tensor, noise_estimate: torch.Tensor | None
) -> torch.Tensor:
    """The weights [B, N, D, H, W] from each frame's projection, its difference, its offsets and its noise."""
    if not isinstance(predictor, SimpleWeightPredictor):
        return predictor({"x": x, "offsets": offsets}, noise_estimate=noise_estimate)
    batch, frames = x.shape[:2]
    projected = predictor.feat_project_layer(x.flatten(0, 1)).unflatten(0, (batch, frames))
    reference = projected[:, :1].repeat(1, frames - 1, 1, 1, 1).flatten(0, 1)
    base = torch.cat((projected[:, :1], warp(reference, offsets.flatten(0, 1)).unflatten(0, (batch, -1))), dim=1)
    difference = projected - base
    seen = [projected, difference.abs() if predictor.use_abs_diff else difference]
    everyones = burst_offsets(offsets, predictor.ref_offset_noise, predictor.offset_modulo).flatten(0, 1)
    seen.append(predictor.offset_feat_extractor(everyones).unflatten(0, (batch, frames)))
    if predictor.use_noise_estimate:
        assert noise_estimate is not None
        noise = noise_estimate.flatten(0, 1)
        seen.append(predictor.noise_feat_extractor(noise).unflatten(0, (batch, frames)))
    weights = predictor.weight_predictor(torch.cat(seen, dim=2).flatten(0, 1)).unflatten(0, (batch, frames))
    return weights.softmax(dim=1) * frames if predictor.use_softmax else weights.abs()
