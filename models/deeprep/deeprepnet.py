"""DeepRep: multi-frame super-resolution and denoising by least squares in a learned feature space.

G. Bhat, M. Danelljan, F. Yu, L. Van Gool, R. Timofte, Deep Reparametrization of Multi-Frame Super-Resolution and
Denoising, ICCV 2021 (arXiv 2108.08286).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from admin.model_constructor import model_constructor
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import AlignmentWrapper, PWCNetAlignment
from models.deeprep.decoders import ResDecoder, ResPixShuffleConv
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.encoders import ResEncoder
from models.deeprep.initializers import Conv as ConvInitializer
from models.deeprep.initializers import PixelShuffleInitializer
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.deeprep.weight_predictors import SimpleWeightPredictor
from models.layers.checks import check_burst, check_dtype


class DeepRepNet(nn.Module):
    """Encodes all frames, finds the latent image that explains them best, and decodes it."""

    def __init__(
        self,
        lr_encoder: ResEncoder,
        hr_decoder: nn.Module,
        hr_initializer: nn.Module,
        optimizer: SteepestDescentOptimizer,
        alignment_net: AlignmentWrapper,
        use_noise_estimate: bool = False,
    ) -> None:
        super().__init__()
        self.lr_encoder = lr_encoder
        self.hr_decoder = hr_decoder
        self.hr_initializer = hr_initializer
        self.optimizer = optimizer
        self.alignment_net = alignment_net
        self.use_noise_estimate = use_noise_estimate
        self.input_channels = lr_encoder.input_channels // (2 if use_noise_estimate else 1)

    def forward(
        self, im: torch.Tensor, num_iter: int | None = None, noise_estimate: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Restores one image, aligned with frame 0.

        Args:
            im: burst [B, N, C, H, W] in linear space, 0..1; C is 4 (packed R, G, G, B), 3 or 1, as the network was
                built. Any N ≥ 1, H and W.
            num_iter: number of optimiser steps; None takes the constructor's.
            noise_estimate: standard deviation of the noise, [B, N, C, H, W] or one map for all frames [B, C, H, W].
                Needed if the network was built with ``use_noise_estimate``, else ignored.

        Returns:
            The restored image [B, 3 or 1, sH, sW] in linear space, and a dict with ``offsets`` [B, N-1, 2, H, W] (from
            each other frame's grid into frame 0, in pixels) and ``offsets_aux``, what the flow network says beside.

        Raises:
            ValueError: wrong shape or dtype, or a missing noise estimate.
        """
        check_burst(self, im, self.input_channels)
        noise_estimate = self._checked_noise_estimate(im, noise_estimate)
        encoder_input = im if noise_estimate is None else torch.cat((im, noise_estimate), dim=2)
        enc = self.lr_encoder(encoder_input)["enc"]
        offsets, offsets_aux = self.alignment_net(im)
        latent, _ = self.optimizer(
            y_init=self._first_estimate(enc, offsets, noise_estimate),
            x=enc,
            offsets=offsets,
            num_iter=num_iter,
            noise_estimate=noise_estimate,
        )
        seen = {"fused_enc": latent} if noise_estimate is None else {"fused_enc": latent, "noise": noise_estimate[:, 0]}
        pred = self.hr_decoder(seen)["pred"]
        return pred, {"offsets": offsets, "offsets_aux": offsets_aux}

    def _first_estimate(
        self, enc: torch.Tensor, offsets: torch.Tensor, noise_estimate: torch.Tensor | None
    ) -> torch.Tensor:
        """Of the latent image, [B, C, f·H, f·W], from the encoded burst."""
        latent: torch.Tensor = self.hr_initializer(enc)
        return latent

    def _checked_noise_estimate(self, im: torch.Tensor, noise_estimate: torch.Tensor | None) -> torch.Tensor | None:
        """The estimate for every frame, or None if this network does not look at it."""
        if not self.use_noise_estimate:
            return None
        if noise_estimate is None:
            raise ValueError(
                "this DeepRepNet was built with use_noise_estimate=True: pass noise_estimate=, the standard deviation "
                f"of the noise as {tuple(im.shape)} or one map for all frames"
            )
        check_dtype(self, noise_estimate, "noise estimate")
        came = tuple(noise_estimate.shape)
        if noise_estimate.ndim == 4:
            noise_estimate = noise_estimate[:, None].expand(-1, im.shape[1], -1, -1, -1)
        if noise_estimate.shape != im.shape:
            raise ValueError(
                f"expected a noise estimate of shape {tuple(im.shape)} or {(im.shape[0], *im.shape[2:])}, got {came}"
            )
        return noise_estimate


@model_constructor
def deeprep_sr_iccv21(
    num_iter: int,
    enc_dim: int = 32,
    enc_num_res_blocks: int = 3,
    enc_out_dim: int = 64,
    dec_dim_pre: int = 64,
    dec_dim_post: int = 32,
    dec_num_pre_res_blocks: int = 3,
    dec_num_post_res_blocks: int = 3,
    dec_in_dim: int = 32,
    dec_upsample_factor: int = 2,
    feature_degradation_upsample_factor: int = 2,
    wp_project_dim: int = 64,
    wp_offset_feat_dim: int = 64,
    wp_num_offset_feat_extractor_res: int = 1,
    wp_num_weight_predictor_res: int = 3,
    wp_ref_offset_noise: float = 0.02,
    use_feature_regularization: bool = False,
    init_feat_reg_w: float = 1.0,
    gauss_blur_sd: float | None = 1,
) -> DeepRepNet:
    """RAW burst super-resolution with a frozen PWC-Net.

    Takes packed bursts [B, N, 4, H, W] and enlarges them by ``feature_degradation_upsample_factor`` (to the grid of the
    latent image) times ``dec_upsample_factor``. ``enc_*`` size the encoder, ``dec_*`` the decoder (its input is the
    latent image), ``wp_*`` the weight predictor.
    """
    return DeepRepNet(
        lr_encoder=ResEncoder(4, enc_dim, enc_num_res_blocks, enc_out_dim),
        hr_decoder=ResPixShuffleConv(
            dec_in_dim,
            dec_dim_pre,
            dec_num_pre_res_blocks,
            dec_dim_post,
            dec_num_post_res_blocks,
            upsample_factor=dec_upsample_factor,
            icnrinit=True,
            gauss_blur_sd=gauss_blur_sd,
        ),
        hr_initializer=PixelShuffleInitializer(enc_out_dim, dec_in_dim, feature_degradation_upsample_factor),
        optimizer=SteepestDescentOptimizer(
            ConvDegradation(dec_in_dim, enc_out_dim, ksz=3, stride=feature_degradation_upsample_factor),
            SimpleWeightPredictor(
                enc_out_dim,
                wp_project_dim,
                wp_offset_feat_dim,
                num_offset_feat_extractor_res=wp_num_offset_feat_extractor_res,
                num_weight_predictor_res=wp_num_weight_predictor_res,
                offset_modulo=1.0,
                ref_offset_noise=wp_ref_offset_noise,
                use_softmax=False,
            ),
            num_iter=num_iter,
            init_feat_reg_w=init_feat_reg_w,
            use_feature_regularization=use_feature_regularization,
        ),
        alignment_net=PWCNetAlignment(train_alignmentnet=False),
    )


@model_constructor
def deeprep_denoise_iccv21(
    num_iter: int,
    enc_dim: int = 32,
    enc_num_res_blocks: int = 3,
    enc_out_dim: int = 64,
    dec_dim_pre: int = 64,
    dec_num_res_blocks: int = 3,
    dec_in_dim: int = 32,
    wp_project_dim: int = 64,
    wp_offset_feat_dim: int = 64,
    wp_num_offset_feat_extractor_res: int = 1,
    wp_num_weight_predictor_res: int = 3,
    wp_ref_offset_noise: float = 0.02,
    use_softmax: bool = False,
    use_feature_regularization: bool = False,
    init_feat_reg_w: float = 1.0,
    wp_use_abs_diff: bool = False,
    train_alignmentnet: bool = False,
    use_noise_estimate: bool = False,
    wp_noise_feat_dim: int = 32,
    wp_num_noise_feat_extractor_res: int = 1,
    padding_mode: str = "zeros",
    activation: str = "relu",
    color_input: bool = True,
) -> DeepRepNet:
    """Burst denoising, RGB or grey, with a PWC-Net. Arguments as in :func:`deeprep_sr_iccv21`; the size is kept."""
    return _denoiser(
        PWCNetAlignment(train_alignmentnet=train_alignmentnet),
        num_iter=num_iter,
        enc_dim=enc_dim,
        enc_num_res_blocks=enc_num_res_blocks,
        enc_out_dim=enc_out_dim,
        dec_dim_pre=dec_dim_pre,
        dec_num_res_blocks=dec_num_res_blocks,
        dec_in_dim=dec_in_dim,
        wp_project_dim=wp_project_dim,
        wp_offset_feat_dim=wp_offset_feat_dim,
        wp_num_offset_feat_extractor_res=wp_num_offset_feat_extractor_res,
        wp_num_weight_predictor_res=wp_num_weight_predictor_res,
        wp_ref_offset_noise=wp_ref_offset_noise,
        use_softmax=use_softmax,
        use_feature_regularization=use_feature_regularization,
        init_feat_reg_w=init_feat_reg_w,
        wp_use_abs_diff=wp_use_abs_diff,
        use_noise_estimate=use_noise_estimate,
        wp_noise_feat_dim=wp_noise_feat_dim,
        wp_num_noise_feat_extractor_res=wp_num_noise_feat_extractor_res,
        padding_mode=padding_mode,
        activation=activation,
        color_input=color_input,
    )


@model_constructor
def deeprep_denoise_custom_flow_iccv21(
    num_iter: int,
    enc_dim: int = 32,
    enc_num_res_blocks: int = 3,
    enc_out_dim: int = 64,
    dec_dim_pre: int = 64,
    dec_num_res_blocks: int = 3,
    dec_in_dim: int = 32,
    wp_project_dim: int = 64,
    wp_offset_feat_dim: int = 64,
    wp_num_offset_feat_extractor_res: int = 1,
    wp_num_weight_predictor_res: int = 3,
    wp_ref_offset_noise: float = 0.02,
    use_softmax: bool = False,
    use_feature_regularization: bool = True,
    init_feat_reg_w: float = 1.0,
    wp_use_abs_diff: bool = False,
    use_ref_for_offset: bool = True,
    use_noise_estimate: bool = False,
    wp_noise_feat_dim: int = 32,
    wp_num_noise_feat_extractor_res: int = 1,
    padding_mode: str = "zeros",
    align_init_dim: int = 64,
    align_num_res_blocks: int = 5,
    align_ds_factor: int = 2,
    offset_cdim: int = 64,
    offset_predictor_dims: Sequence[int] = (128, 64),
    corr_max_disp: Sequence[int] = (2, 2, 4),
    color_input: bool = True,
    standardise_alignment_input: bool = False,
) -> DeepRepNet:
    """Burst denoising, RGB or grey, with a flow network of its own that is trained along.

    ``align_*``, ``offset_cdim``, ``offset_predictor_dims``, ``corr_max_disp`` and ``use_ref_for_offset`` size that
    network (see :class:`models.alignment.pyrcorr.PyrCorr`); the rest as in :func:`deeprep_denoise_iccv21`.
    ``standardise_alignment_input`` is no part of the published network: see :class:`AlignmentWrapper`.
    """
    flow_net = PyrCorr(
        3 if color_input else 1,
        align_init_dim,
        align_num_res_blocks,
        align_ds_factor,
        offset_cdim,
        offset_predictor_dims,
        corr_max_disp=corr_max_disp,
        corr_kernel_sz=3,
        use_ref_for_offset=use_ref_for_offset,
    )
    return _denoiser(
        AlignmentWrapper(flow_net, train_alignmentnet=True, standardise_input=standardise_alignment_input),
        num_iter=num_iter,
        enc_dim=enc_dim,
        enc_num_res_blocks=enc_num_res_blocks,
        enc_out_dim=enc_out_dim,
        dec_dim_pre=dec_dim_pre,
        dec_num_res_blocks=dec_num_res_blocks,
        dec_in_dim=dec_in_dim,
        wp_project_dim=wp_project_dim,
        wp_offset_feat_dim=wp_offset_feat_dim,
        wp_num_offset_feat_extractor_res=wp_num_offset_feat_extractor_res,
        wp_num_weight_predictor_res=wp_num_weight_predictor_res,
        wp_ref_offset_noise=wp_ref_offset_noise,
        use_softmax=use_softmax,
        use_feature_regularization=use_feature_regularization,
        init_feat_reg_w=init_feat_reg_w,
        wp_use_abs_diff=wp_use_abs_diff,
        use_noise_estimate=use_noise_estimate,
        wp_noise_feat_dim=wp_noise_feat_dim,
        wp_num_noise_feat_extractor_res=wp_num_noise_feat_extractor_res,
        padding_mode=padding_mode,
        activation="relu",
        color_input=color_input,
    )


def _denoiser(
    alignment_net: AlignmentWrapper,
    *,
    num_iter: int,
    enc_dim: int,
    enc_num_res_blocks: int,
    enc_out_dim: int,
    dec_dim_pre: int,
    dec_num_res_blocks: int,
    dec_in_dim: int,
    wp_project_dim: int,
    wp_offset_feat_dim: int,
    wp_num_offset_feat_extractor_res: int,
    wp_num_weight_predictor_res: int,
    wp_ref_offset_noise: float,
    use_softmax: bool,
    use_feature_regularization: bool,
    init_feat_reg_w: float,
    wp_use_abs_diff: bool,
    use_noise_estimate: bool,
    wp_noise_feat_dim: int,
    wp_num_noise_feat_extractor_res: int,
    padding_mode: str,
    activation: str,
    color_input: bool,
) -> DeepRepNet:
    channels = 3 if color_input else 1
    style: dict[str, Any] = {"activation": activation, "padding_mode": padding_mode}
    return DeepRepNet(
        lr_encoder=ResEncoder(
            channels * (2 if use_noise_estimate else 1), enc_dim, enc_num_res_blocks, enc_out_dim, **style
        ),
        hr_decoder=ResDecoder(dec_in_dim, dec_dim_pre, dec_num_res_blocks, out_dim=channels, **style),
        hr_initializer=ConvInitializer(enc_out_dim, dec_in_dim, padding_mode=padding_mode),
        optimizer=SteepestDescentOptimizer(
            ConvDegradation(dec_in_dim, enc_out_dim, padding_mode=padding_mode),
            SimpleWeightPredictor(
                enc_out_dim,
                wp_project_dim,
                wp_offset_feat_dim,
                num_offset_feat_extractor_res=wp_num_offset_feat_extractor_res,
                num_weight_predictor_res=wp_num_weight_predictor_res,
                use_noise_estimate=use_noise_estimate,
                num_noise_feat_extractor_res=wp_num_noise_feat_extractor_res,
                noise_feat_dim=wp_noise_feat_dim,
                offset_modulo=1.0,
                ref_offset_noise=wp_ref_offset_noise,
                use_softmax=use_softmax,
                use_abs_diff=wp_use_abs_diff,
                color_input=color_input,
                **style,
            ),
            num_iter=num_iter,
            init_feat_reg_w=init_feat_reg_w,
            use_feature_regularization=use_feature_regularization,
        ),
        alignment_net=alignment_net,
        use_noise_estimate=use_noise_estimate,
    )
