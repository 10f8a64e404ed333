"""A DeepRep denoiser that works on 2×2 blocks of pixels: a quarter of the positions, twice the field of view.

Not one of the published configurations, but their structure: encoder, own flow network, steepest descent for the
latent image, decoder (Bhat et al., ICCV 2021). Packing pixels into channels is how fast single-image denoisers save
time (Zhang et al., FFDNet, IEEE TIP 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from admin.model_constructor import model_constructor
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import AlignmentWrapper
from models.deeprep.decoders import ResDecoder
from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.encoders import ResEncoder
from models.deeprep.initializers import Conv as ConvInitializer
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.deeprep.weight_predictors import SimpleWeightPredictor
from models.layers.checks import check_burst

_SIDE = 2
_BRIGHTNESS = 0.25  # mean of the burst that the network sees
_DARKEST = 1e-4


class PackedAlignment(AlignmentWrapper):
    """Offsets of packed bursts [B, N, 4C, H/2, W/2], estimated on the unpacked frames, in packed pixels."""

    def forward(self, im: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        offsets, aux = super().forward(F.pixel_shuffle(im, _SIDE))
        if offsets.shape[1] == 0:
            return im.new_zeros(im.shape[0], 0, 2, *im.shape[-2:]), aux
        packed = F.avg_pool2d(offsets.flatten(0, 1), _SIDE) / _SIDE
        return packed.unflatten(0, offsets.shape[:2]), aux


class PackedDenoiser(nn.Module):
    """Brings bursts to one brightness, packs 2×2 pixels into channels, and undoes both behind ``net``.

    Args:
        net: denoiser of packed bursts [B, N, 4C, H/2, W/2] with a noise estimate.
        input_channels: C.
    """

    def __init__(self, net: DeepRepNet, input_channels: int) -> None:
        super().__init__()
        self.net = net
        self.input_channels = input_channels

    def forward(
        self, im: torch.Tensor, num_iter: int | None = None, noise_estimate: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Restores frame 0.

        Args:
            im: burst [B, N, C, H, W], linear, any N ≥ 1, H and W.
            num_iter: optimiser steps; None takes the constructor's.
            noise_estimate: standard deviation of the noise, [B, N, C, H, W] or [B, C, H, W] for all frames.

        Returns:
            [B, C, H, W] linear, and ``offsets`` [B, N-1, 2, ⌈H/2⌉, ⌈W/2⌉] in packed pixels with ``offsets_aux``.

        Raises:
            ValueError: wrong shape or dtype, or no noise estimate.
        """
        check_burst(self, im, self.input_channels)
        if noise_estimate is None:
            raise ValueError(f"{type(self).__name__} needs noise_estimate, the deviation of the noise, like the burst")
        if noise_estimate.ndim == 4:
            noise_estimate = noise_estimate[:, None].expand_as(im)
        height, width = im.shape[-2:]
        gain = _BRIGHTNESS / im.mean(dim=(1, 2, 3, 4), keepdim=True).clamp(min=_DARKEST)
        pred, aux = self.net(_packed(im * gain), num_iter, noise_estimate=_packed(noise_estimate * gain))
        return F.pixel_shuffle(pred, _SIDE)[..., :height, :width] / gain[:, 0], aux


def _packed(burst: torch.Tensor) -> torch.Tensor:
    """[B, N, C, H, W] → [B, N, 4C, ⌈H/2⌉, ⌈W/2⌉]; an odd side repeats its last pixel."""
    height, width = burst.shape[-2:]
    flat = burst.flatten(0, 1)
    if height % _SIDE or width % _SIDE:
        flat = F.pad(flat, (0, width % _SIDE, 0, height % _SIDE), mode="replicate")
    return F.pixel_unshuffle(flat, _SIDE).unflatten(0, burst.shape[:2])


@model_constructor
def deeprep_denoise_half_resolution(
    num_iter: int,
    enc_dim: int,
    enc_num_res_blocks: int,
    enc_out_dim: int,
    dec_in_dim: int,
    dec_dim_pre: int,
    dec_num_res_blocks: int,
    wp_project_dim: int,
    wp_offset_feat_dim: int,
    wp_num_weight_predictor_res: int,
    align_init_dim: int,
    align_num_res_blocks: int,
    align_ds_factor: int,
    offset_cdim: int,
    offset_predictor_dims: Sequence[int],
    corr_max_disp: Sequence[int],
    color_input: bool = True,
) -> PackedDenoiser:
    """Burst denoising, RGB or grey, at half resolution, with a flow network of its own that is trained along.

    The arguments are those of :func:`models.deeprep.deeprepnet.deeprep_denoise_custom_flow_iccv21`; the flow network
    sees the unpacked frames, standardised.
    """
    channels = 3 if color_input else 1
    packed = channels * _SIDE**2
    flow_net = PyrCorr(
        channels,
        align_init_dim,
        align_num_res_blocks,
        align_ds_factor,
        offset_cdim,
        offset_predictor_dims,
        corr_max_disp=corr_max_disp,
    )
    net = DeepRepNet(
        lr_encoder=ResEncoder(2 * packed, enc_dim, enc_num_res_blocks, enc_out_dim),
        hr_decoder=ResDecoder(dec_in_dim, dec_dim_pre, dec_num_res_blocks, out_dim=packed),
        hr_initializer=ConvInitializer(enc_out_dim, dec_in_dim),
        optimizer=SteepestDescentOptimizer(
            ConvDegradation(dec_in_dim, enc_out_dim),
            SimpleWeightPredictor(
                enc_out_dim,
                wp_project_dim,
                wp_offset_feat_dim,
                num_offset_feat_extractor_res=0,
                num_weight_predictor_res=wp_num_weight_predictor_res,
                offset_modulo=1.0,
                use_softmax=False,
            ),
            num_iter=num_iter,
        ),
        alignment_net=PackedAlignment(flow_net, train_alignmentnet=True, standardise_input=True),
        use_noise_estimate=True,
    )
    return PackedDenoiser(net, channels)
