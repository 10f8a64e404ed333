"""An initialisation from which a DeepRep denoiser starts as the mean of the burst, plain or smoothed.

A network with default weights has to find out first what an image is; short trainings should not spend their time on
that. ReLUs pass nothing negative, and noise is negative as often as not, so every colour travels as a pair of channels,
its positive and its negative part, whose difference is taken at the end.
"""

from __future__ import annotations

import torch
from torch import nn

from models.alignment.pyrcorr import PyrCorr
from models.deeprep.decoders import ResDecoder
from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.initializers import Conv as ConvInitializer
from models.deeprep.kernel_decoder import KernelDecoder
from models.deeprep.weight_predictors import SimpleWeightPredictor
from models.layers.blocks import ResBlock

# How much of the default random weights is kept, where they would disturb the image: enough for gradients to flow.
_KEPT = 0.02
# The flow network's output is multiplied by 20 and its downsampling: this keeps the flow below a tenth of a pixel.
_KEPT_FLOW = 0.001


@torch.no_grad()
def start_as_aligned_mean(net: DeepRepNet) -> None:
    """Changes the weights in place, so that the untrained network returns about the mean of the burst.

    The flow starts near zero, the certainty weights near one, encoder and decoder near the identity on the image's
    channels, and the optimiser's problem well conditioned, so that one step solves it. All other channels keep random
    weights. A :class:`KernelDecoder` smooths from the start: there the mean of the burst is what it smooths.

    Args:
        net: fresh from ``deeprep_denoise_custom_flow_iccv21``, ``deeprep_denoise_iccv21`` (whose flow network is left
            as it is), or the ``net`` inside of ``deeprep_denoise_small``.

    Raises:
        ValueError: the network is no denoiser, or narrower than twice the image's channels.
    """
    degradation, predictor = net.optimizer.degradation_operator, net.optimizer.weight_predictor
    if not (
        isinstance(net.hr_decoder, ResDecoder | KernelDecoder)
        and isinstance(net.hr_initializer, ConvInitializer)
        and isinstance(degradation, ConvDegradation)
        and isinstance(predictor, SimpleWeightPredictor)
    ):
        raise ValueError(f"only denoisers can start as the mean of the burst, not {type(net.hr_decoder).__name__}")
    colours = net.input_channels
    # Besides the pairs of channels, the noise level: the decoder needs it.
    carried = 2 * colours + net.use_noise_estimate

    encoder, decoder = net.lr_encoder, net.hr_decoder
    to_latent, from_latent = first_conv(net.hr_initializer.layers), first_conv(degradation.ds)
    widths = {
        "enc_dim": first_conv(encoder.init_layer).out_channels,
        "enc_out_dim": to_latent.in_channels,
        "dec_in_dim": to_latent.out_channels,
    }
    if isinstance(decoder, ResDecoder):
        widths["dec_dim_pre"] = first_conv(decoder.init_layer).out_channels
    for name, width in widths.items():
        if width < carried:
            raise ValueError(
                f"{name}={width} cannot carry {colours} colours as pairs of channels"
                f"{' and the noise level' if net.use_noise_estimate else ''}; it must be {carried}"
            )

    image_in = first_conv(encoder.init_layer)
    _clear_rows(image_in, carried)
    for colour in range(colours):
        _connect(image_in, colour, colour, 1.0)
        _connect(image_in, colours + colour, colour, -1.0)
    if net.use_noise_estimate:
        _connect(image_in, 2 * colours, colours, 1.0)
    hold_back(encoder.res_layers, carried)
    pass_on(first_conv(encoder.out_layer), carried)

    # All latent channels, not only the image's, meet one encoded channel each: that conditions the problem well.
    latent = min(to_latent.out_channels, to_latent.in_channels)
    for conv in (to_latent, from_latent):
        conv.weight.mul_(_KEPT)
        pass_on(conv, latent, keep=True)
    last = last_conv(predictor.weight_predictor)
    last.weight.mul_(_KEPT)
    _bias(last).fill_(1.0)

    if isinstance(decoder, KernelDecoder):
        image_out = decoder.skip
    else:
        pass_on(first_conv(decoder.init_layer), carried)
        hold_back(decoder.res_layers, carried)
        image_out = first_conv(decoder.predictor)
    image_out.weight.mul_(_KEPT)
    _bias(image_out).zero_()
    for colour in range(colours):
        image_out.weight[:, [colour, colours + colour]] = 0
        _connect(image_out, colour, colour, 1.0)
        _connect(image_out, colour, colours + colour, -1.0)

    hold_back_flow(net.alignment_net)


@torch.no_grad()
def hold_back_flow(alignment_net: nn.Module) -> None:
    """Has every :class:`PyrCorr` in ``alignment_net`` start near no flow, in place."""
    for module in alignment_net.modules():
        if isinstance(module, PyrCorr):
            for flow_predictor in module.offset_predictors:
                flow_out = last_conv(flow_predictor)
                flow_out.weight.mul_(_KEPT_FLOW)
                _bias(flow_out).zero_()


def _convs(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def first_conv(module: nn.Module) -> nn.Conv2d:
    """The convolution of a block that comes first."""
    return _convs(module)[0]


def last_conv(module: nn.Module) -> nn.Conv2d:
    """The convolution of a block that comes last."""
    return _convs(module)[-1]


def _bias(conv: nn.Conv2d) -> torch.Tensor:
    if conv.bias is None:
        raise ValueError(f"{conv} has no bias")
    return conv.bias


def _connect(conv: nn.Conv2d, to: int, of: int, value: float) -> None:
    """Adds ``value`` times input channel ``of`` to output channel ``to``, without moving it."""
    height, width = conv.kernel_size
    conv.weight[to, of, height // 2, width // 2] += value


def _clear_rows(conv: nn.Conv2d, count: int) -> None:
    conv.weight[:count] = 0
    if conv.bias is not None:
        conv.bias[:count] = 0


def pass_on(conv: nn.Conv2d, count: int, keep: bool = False) -> None:
    """The first ``count`` channels pass as they are; ``keep`` adds what weights there are."""
    if not keep:
        _clear_rows(conv, count)
    for channel in range(count):
        _connect(conv, channel, channel, 1.0)


def hold_back(blocks: nn.Module, carried: int) -> None:
    """Residual blocks start close to the identity, closest on the ``carried`` first channels."""
    for block in blocks.modules():
        if isinstance(block, ResBlock):
            conv = first_conv(block.conv2)
            conv.weight.mul_(0.1)
            _bias(conv).mul_(0.1)
            conv.weight[:carried] *= 0.1
            _bias(conv)[:carried] = 0
