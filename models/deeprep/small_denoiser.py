"""A denoiser of DeepRep's structure for short trainings and deep noise, in units of the noise.

Not one of the published configurations. What differs from Bhat et al., ICCV 2021: the burst is variance-stabilised
(F. J. Anscombe 1948) and scaled before everything else, so dark and bright scenes and all gains look alike; the flow
network sees only the motion that a search of each frame's translation leaves over; the decoder predicts how to smooth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from admin.model_constructor import model_constructor
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import AlignmentWrapper, SearchThenFlow
from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.encoders import ResEncoder
from models.deeprep.initializers import Conv as ConvInitializer
from models.deeprep.kernel_decoder import KernelDecoder
from models.deeprep.optimizer import SteepestDescentOptimizer, latent_motion
from models.deeprep.weight_predictors import SimpleWeightPredictor
from models.layers.checks import check_burst

_LEAST_SHOT, _LEAST_READ_VARIANCE = 1e-10, 1e-10
_DEVIATIONS = 2.0  # mean plus so many deviations of a burst become 1
_LEAST_SCALE = 1e-3
_LEAST_CERTAINTY = 1e-3


class _Stabiliser(NamedTuple):
    """y = scale⁻¹ · 2x / (√(shot·x + k) + √k), k = read variance + ⅜ shot²; each [B, 1, 1, 1, 1]."""

    shot: torch.Tensor
    constant: torch.Tensor
    scale: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        root = (self.shot * x + self.constant).clamp(min=0).sqrt() + self.constant.sqrt()
        return 2 * x / root / self.scale

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        y, root = y * self.scale, self.constant.sqrt()
        y = torch.maximum(y, -2 * root / self.shot)  # below, the parabola would rise again
        # Means were taken behind the root, which lowers them: E[y²] = E[y]² + 1, as the noise has deviation 1 there.
        return self.shot * (y.square() + 1) / 4 + y * root


class MeanFirstDeepRepNet(DeepRepNet):
    """A DeepRep network whose first estimate of the latent image is the weighted mean of all frames instead of frame 0.

    That is the step from nothing that DeepRep's least squares (eq. 6) ask for, with the diagonal in place of the whole
    matrix. Steepest descent would try to undo the blur of bilinear warps, and return the noise of frame 0 with it: so
    the shipped denoiser takes no step after it (``num_iter=0``), and of the optimiser only the weight predictor counts.
    """

    def _first_estimate(
        self, enc: torch.Tensor, offsets: torch.Tensor, noise_estimate: torch.Tensor | None
    ) -> torch.Tensor:
        certainty = self.optimizer.weight_predictor({"x": enc, "offsets": offsets}, noise_estimate=noise_estimate)
        certainty = certainty.square().clamp(min=_LEAST_CERTAINTY).flatten(0, 1)
        motion = latent_motion(offsets, (enc.shape[-2], enc.shape[-1]), full_offset_gradient=False)
        mean = motion.adjoint(certainty * enc.flatten(0, 1)) / motion.adjoint(certainty)
        latent: torch.Tensor = self.hr_initializer(mean[:, None].to(enc.dtype))
        return latent


class StabilisedDenoiser(nn.Module):
    """A denoiser that works on variance-stabilised, scaled bursts; in and out as in :class:`DeepRepNet`.

    Args:
        net: called with the burst in units in which mean plus two deviations are 1 and the noise is equally strong
            everywhere, and with ``noise_estimate``: what noise the mean of all frames has in these units.
    """

    def __init__(self, net: DeepRepNet) -> None:
        super().__init__()
        self.net = net
        self.input_channels = net.input_channels

    @property
    def alignment_net(self) -> AlignmentWrapper:
        return self.net.alignment_net

    def forward(
        self, im: torch.Tensor, num_iter: int | None = None, noise_estimate: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Restores one image, aligned with frame 0.

        Args:
            im: burst [B, N, C, H, W] in linear space.
            num_iter: number of optimiser steps; None takes the constructor's.
            noise_estimate: standard deviation of the noise, [B, N, C, H, W] or [B, C, H, W]; needed.

        Returns:
            The restored image [B, C, H, W] in linear space, and the dict of :class:`DeepRepNet`.

        Raises:
            ValueError: wrong shape or dtype, or no noise estimate.
        """
        stable, stabiliser = self._stabilised(im, noise_estimate)
        left = 1 / (stabiliser.scale * im.shape[1] ** 0.5)
        pred, aux = self.net(stable.to(im.dtype), num_iter, left.expand_as(stable).to(im.dtype))
        return _Stabiliser(*(value[:, 0] for value in stabiliser)).inverse(pred.float()).to(im.dtype), aux

    def _stabilised(self, im: torch.Tensor, noise_estimate: torch.Tensor | None) -> tuple[torch.Tensor, _Stabiliser]:
        check_burst(self, im, self.input_channels)
        if noise_estimate is None:
            raise ValueError(f"{type(self).__name__} needs noise_estimate, as large as the burst {tuple(im.shape)}")
        if noise_estimate.dim() == 4:
            noise_estimate = noise_estimate[:, None].expand(-1, im.shape[1], -1, -1, -1)
        if noise_estimate.shape != im.shape:
            raise ValueError(f"noise_estimate {tuple(noise_estimate.shape)} does not fit the burst {tuple(im.shape)}")
        with torch.no_grad():
            stabiliser = _fitted(im.float(), noise_estimate.float())
            return stabiliser.forward(im.float()), stabiliser


def _fitted(burst: torch.Tensor, sigma: torch.Tensor) -> _Stabiliser:
    """Variance = read variance + shot · max(x, 0), by least squares over each burst."""
    axes = (1, 2, 3, 4)
    signal, variance = burst.clamp(min=0).double(), sigma.double().square()
    centred = signal - signal.mean(axes, keepdim=True)
    mean_variance = variance.mean(axes, keepdim=True)
    spread = centred.square().mean(axes, keepdim=True).clamp(min=1e-12)
    shot = ((centred * (variance - mean_variance)).mean(axes, keepdim=True) / spread).clamp(min=_LEAST_SHOT)
    read = (mean_variance - shot * signal.mean(axes, keepdim=True)).clamp(min=_LEAST_READ_VARIANCE)
    shot, constant = shot.float(), (read + 0.375 * shot.square()).float()
    stable = _Stabiliser(shot, constant, torch.ones_like(shot)).forward(burst)
    deviation, mean = torch.std_mean(stable, axes, keepdim=True)
    return _Stabiliser(shot, constant, (mean.clamp(min=0) + _DEVIATIONS * deviation).clamp(min=_LEAST_SCALE))


@model_constructor
def deeprep_denoise_small(
    num_iter: int,
    enc_dim: int,
    enc_num_res_blocks: int,
    latent_dim: int,
    dec_widths: Sequence[int],
    dec_num_res_blocks: Sequence[int],
    wp_project_dim: int,
    align_init_dim: int,
    align_num_res_blocks: int,
    align_ds_factor: int,
    offset_cdim: int,
    offset_predictor_dims: Sequence[int],
    corr_max_disp: Sequence[int],
    search_reach: int,
    color_input: bool = True,
) -> StabilisedDenoiser:
    """Burst denoising, RGB or grey, with a flow network of its own that is trained along.

    ``enc_*`` size the encoder, ``latent_dim`` the encoding and the latent image, ``dec_*`` the decoder
    (:class:`KernelDecoder`), ``align_*``, ``offset_*`` and ``corr_max_disp`` the flow network (:class:`PyrCorr`),
    ``search_reach`` the search before it (:class:`SearchThenFlow`). ``num_iter`` steps follow the weighted mean of the
    frames; with 0 the degradation operator stands in the files but is not used.
    """
    channels = 3 if color_input else 1
    flow_net = PyrCorr(
        channels,
        align_init_dim,
        align_num_res_blocks,
        align_ds_factor,
        offset_cdim,
        offset_predictor_dims,
        corr_max_disp,
    )
    net = MeanFirstDeepRepNet(
        lr_encoder=ResEncoder(2 * channels, enc_dim, enc_num_res_blocks, latent_dim),
        hr_decoder=KernelDecoder(latent_dim, dec_widths, dec_num_res_blocks, channels),
        hr_initializer=ConvInitializer(latent_dim, latent_dim),
        optimizer=SteepestDescentOptimizer(
            ConvDegradation(latent_dim, latent_dim),
            SimpleWeightPredictor(
                latent_dim,
                wp_project_dim,
                offset_feat_dim=4,
                num_offset_feat_extractor_res=0,
                num_weight_predictor_res=1,
                offset_modulo=1.0,
                use_softmax=False,
                color_input=color_input,
            ),
            num_iter=num_iter,
        ),
        alignment_net=SearchThenFlow(flow_net, search_reach, train_alignmentnet=True, standardise_input=True),
        use_noise_estimate=True,
    )
    return StabilisedDenoiser(net)
