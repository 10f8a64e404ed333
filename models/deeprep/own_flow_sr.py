"""RAW burst super-resolution with DeepRep's own flow network: no downloaded weights are needed.

Not one of the published configurations: it joins the published super-resolution network (Bhat et al., ICCV 2021) and
the flow network of the published denoiser.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from admin.model_constructor import model_constructor
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import SearchThenFlow
from models.deeprep.decoders import ResPixShuffleConv
from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.encoders import ResEncoder
from models.deeprep.identity_start import first_conv, hold_back, hold_back_flow, last_conv, pass_on
from models.deeprep.initializers import PixelShuffleInitializer
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.deeprep.weight_predictors import SimpleWeightPredictor
from models.layers.upsampling import PixShuffleUpsampler

_KEPT = 0.02  # how much of the random weights stays where they would disturb the image


@model_constructor
def deeprep_sr_own_flow(
    num_iter: int,
    enc_dim: int,
    enc_num_res_blocks: int,
    enc_out_dim: int,
    dec_in_dim: int,
    dec_dim_pre: int,
    dec_num_pre_res_blocks: int,
    dec_dim_post: int,
    dec_num_post_res_blocks: int,
    wp_project_dim: int,
    wp_offset_feat_dim: int,
    wp_num_weight_predictor_res: int,
    align_init_dim: int,
    align_num_res_blocks: int,
    align_ds_factor: int,
    offset_cdim: int,
    offset_predictor_dims: Sequence[int],
    corr_max_disp: Sequence[int],
    search_reach: int,
    latent_upsample_factor: int = 2,
    dec_upsample_factor: int = 4,
) -> DeepRepNet:
    """Packed RGGB bursts [B, N, 4, H, W] to RGB [B, 3, rH, rW], r = ``latent_upsample_factor · dec_upsample_factor``.

    The arguments are those of :func:`models.deeprep.deeprepnet.deeprep_sr_iccv21` and of
    :class:`models.alignment.pyrcorr.PyrCorr`, which is trained along on standardised RGB images of the frames and sees
    only the motion that :class:`models.alignment.wrappers.SearchThenFlow` leaves over.
    """
    flow_net = PyrCorr(
        3, align_init_dim, align_num_res_blocks, align_ds_factor, offset_cdim, offset_predictor_dims, corr_max_disp
    )
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
            gauss_blur_sd=1.0,
        ),
        hr_initializer=PixelShuffleInitializer(enc_out_dim, dec_in_dim, latent_upsample_factor),
        optimizer=SteepestDescentOptimizer(
            ConvDegradation(dec_in_dim, enc_out_dim, stride=latent_upsample_factor),
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
        alignment_net=SearchThenFlow(
            flow_net,
            search_reach,
            rotation=True,
            train_alignmentnet=True,
            force_3ch_input=True,
            standardise_input=True,
        ),
    )


@torch.no_grad()
def start_as_enlarged_mean(net: DeepRepNet) -> None:
    """Changes the weights of a fresh :func:`deeprep_sr_own_flow`: it then returns about the enlarged mean of the burst.

    RAW values are never negative, so R, G, G and B travel in four channels of their own through encoder, latent image
    and decoder; the greens are averaged at the end.

    Raises:
        ValueError: another network; it is left as it is.
    """
    decoder, initializer, degradation = net.hr_decoder, net.hr_initializer, net.optimizer.degradation_operator
    predictor = net.optimizer.weight_predictor
    if not (
        isinstance(decoder, ResPixShuffleConv)
        and isinstance(initializer, PixelShuffleInitializer)
        and isinstance(degradation, ConvDegradation)
        and isinstance(predictor, SimpleWeightPredictor)
    ):
        raise ValueError(f"expected a network for super-resolution, got one with {type(decoder).__name__}")
    hold_back_flow(net.alignment_net)
    carried = 4
    pass_on(first_conv(net.lr_encoder.init_layer), carried)
    hold_back(net.lr_encoder.res_layers, carried)
    pass_on(first_conv(net.lr_encoder.out_layer), carried)

    # All latent channels meet one encoded channel each: that conditions the optimiser's problem well.
    shrinking = first_conv(degradation.ds)
    latent = min(shrinking.in_channels, shrinking.out_channels)
    _pass_on_enlarged(initializer.upsample_layer, latent)
    shrinking.weight *= _KEPT
    for channel in range(latent):  # the mean of the latent pixels of a packed pixel, at offsets 0 and 1 each way
        shrinking.weight[channel, channel, 1:, 1:] += 1 / 4
    certainty = last_conv(predictor.weight_predictor)
    certainty.weight *= _KEPT
    certainty.get_parameter("bias").fill_(1.0)

    pass_on(first_conv(decoder.init_layer), carried)
    hold_back(decoder.pre_res_layers, carried)
    _pass_on_enlarged(decoder.upsample_layer, carried)
    hold_back(decoder.post_res_layers, carried)
    to_rgb = first_conv(decoder.predictor)
    to_rgb.weight *= _KEPT
    to_rgb.weight[:, :carried] = 0
    to_rgb.get_parameter("bias").zero_()
    for colour, planes in enumerate(((0,), (1, 2), (3,))):
        for plane in planes:
            to_rgb.weight[colour, plane] = 1 / len(planes)


def _pass_on_enlarged(upsampler: PixShuffleUpsampler, count: int) -> None:
    """The first ``count`` channels become constant blocks of factor × factor pixels."""
    conv, copies = first_conv(upsampler.conv_layer), upsampler.pix_shuffle.upscale_factor**2
    conv.weight[: count * copies] = 0
    for channel in range(count):
        conv.weight[channel * copies : (channel + 1) * copies, channel] = 1
