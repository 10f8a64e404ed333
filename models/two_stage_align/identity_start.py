"""Initialisations from which both networks start as something plain: demosaicked centre frames, smoothed images.

A network with default weights has to find out first what an image is; short trainings should not spend their time on
that. Linear sensor values are never negative, so leaky ReLUs pass them: R, G, G and B travel in the first four channels
from frame to frame, and red, green and blue in the first three at full resolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from models.two_stage_align.blocks import AttentionBlock, SimpleBlock
from models.two_stage_align.deformable import ModulatedDeformConv
from models.two_stage_align.features import FeatureDownsampler
from models.two_stage_align.reconstruction import RAW_CHANNELS, BurstReconstruction

_COLOURS = 3
_KEPT = 0.1  # share of the random weights that stays where they disturb the image little: gradients have to flow
_ATTENTION = -2.0  # attention starts as sigmoid of this
_AMPLIFIED = 1 + 2 / (1 + math.exp(-_ATTENTION))  # by an attention block, through both of its attentions
_COMPRESSED = 0.25  # values go through the GRU's tanh at this scale
_FRAME_SHARE = 0.6  # of a new frame in the GRU's state
# Bilinear demosaicking of a mosaic with zeros where a colour is missing.
_CROSS = ((0.0, 0.25, 0.0), (0.25, 1.0, 0.25), (0.0, 0.25, 0.0))
_SQUARE = ((0.25, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.25))
# Smoothed image, horizontal and vertical gradient, and the image smoothed more.
_FEATURE_KERNELS = (
    ((0.0, 0.125, 0.0), (0.125, 0.5, 0.125), (0.0, 0.125, 0.0)),
    ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0)),
    ((-1.0, -2.0, -1.0), (0.0, 0.0, 0.0), (1.0, 2.0, 1.0)),
    ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
)
# Colour of each packed plane and its place in the 2 x 2 cell.
_PLANES = ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1))


@torch.no_grad()
def start_as_demosaicked_reference(net: BurstReconstruction) -> None:
    """Changes the weights in place: the untrained network then returns about the demosaicked weighted mean of a burst.

    The centre frame weighs most, its neighbours the less the further away they are; nothing is aligned yet. All other
    channels keep random weights.

    Args:
        net: fresh, with at least 4 channels and RGB as output.

    Raises:
        ValueError: another number of channels.
    """
    width, outputs = net.feature_up.in_channels, net.conv_block_s5.simple_block[-1].out_channels
    if width < RAW_CHANNELS or outputs != _COLOURS:
        raise ValueError(f"{width} channels with {outputs} outputs cannot carry a mosaic to RGB; use at least 4 with 3")
    raw = range(RAW_CHANNELS)
    _carry(net.feature_extract, raw)
    blocks = (
        net.feature_extract_acse1,
        net.feature_extract_acse2,
        net.feature_extract_acse3,
        net.feature_extract_acse4,
    )
    for block in blocks:
        _carry_through_attention(block, raw)
    aligner = net.pcd_align.pcd_align
    _carry_deformed(aligner.L1_dcnpack_1, raw)
    _pass(aligner.L1_fea_conv_1, raw)
    total = _remember(net, raw)
    amplified = _AMPLIFIED ** (len(blocks) + 1)  # and once more at full resolution
    _pass_both_directions(net.ConvBGRU.conv_1x1, raw, 1 / (total * _COMPRESSED * amplified))
    _unpack(net.feature_up)
    _demosaick(net.conv_block_s1)
    _carry_through_attention(net.acse_block_s1, range(_COLOURS))
    _to_rgb(net.conv_block_s5, skip=width)


def _clear(conv: nn.Conv2d, channels: Sequence[int]) -> None:
    conv.weight[list(channels)] = 0
    if conv.bias is not None:
        conv.bias[list(channels)] = 0


def _pass(conv: nn.Conv2d, channels: Sequence[int], gain: float = 1.0, first_input: int = 0) -> None:
    """``channels`` go through unchanged, up to ``gain``; they come in from channel ``first_input`` on."""
    _clear(conv, channels)
    middle = conv.kernel_size[0] // 2
    for channel in channels:
        conv.weight[channel, first_input + channel, middle, middle] = gain


def _convolutions(block: SimpleBlock) -> list[nn.Conv2d]:
    return [layer for layer in block.simple_block if isinstance(layer, nn.Conv2d)]


def _carry(block: SimpleBlock, channels: Sequence[int]) -> None:
    for conv in _convolutions(block):
        _pass(conv, channels)


def _carry_through_attention(block: AttentionBlock, channels: Sequence[int]) -> None:
    """The residual steps leave ``channels`` alone at first; attention starts as a weak, constant amplification."""
    for conv in (block.extract_conv, _convolutions(block.res_block1)[-1], _convolutions(block.res_block2)[-1]):
        conv.weight[list(channels)] *= _KEPT * _KEPT
    for conv in (block.up, block.spatial_att):
        conv.weight *= _KEPT
        conv.get_parameter("bias").fill_(_ATTENTION)


def _carry_deformed(conv: ModulatedDeformConv, channels: Sequence[int]) -> None:
    conv.weight[list(channels)] = 0
    middle = conv.weight.shape[-1] // 2
    for channel in channels:
        conv.weight[channel, channel, middle, middle] = 2.0  # the taps start faded to one half


def _remember(net: BurstReconstruction, channels: Sequence[int]) -> float:
    """Constant gates for ``channels``; returns how much of a constant signal both directions have at the centre."""
    gru = net.ConvBGRU.forward_net
    share_bias = math.log(_FRAME_SHARE / (1 - _FRAME_SHARE))
    for conv, bias in ((gru.convz, share_bias), (gru.convr, 0.0), (gru.convq, 0.0)):
        conv.weight[list(channels)] *= _KEPT * _KEPT
        conv.get_parameter("bias")[list(channels)] = bias
    _pass(gru.convq, channels, _COMPRESSED, first_input=gru.channels)
    return 1 - (1 - _FRAME_SHARE) ** 3  # of a burst of five


def _pass_both_directions(conv: nn.Conv2d, channels: Sequence[int], gain: float) -> None:
    _clear(conv, channels)
    for channel in channels:
        conv.weight[channel, channel] = conv.weight[channel, channel + conv.out_channels] = gain / 2


def _unpack(conv: nn.ConvTranspose2d) -> None:
    """Every packed plane to its place in the mosaic, in the channel of its colour."""
    conv.weight[:, :_COLOURS] = 0
    conv.get_parameter("bias")[:_COLOURS] = 0
    for plane, (colour, row, column) in enumerate(_PLANES):
        conv.weight[plane, colour, row, column] = 1


def _demosaick(block: SimpleBlock) -> None:
    first, *others = _convolutions(block)
    _clear(first, range(_COLOURS))
    for colour, kernel in enumerate((_SQUARE, _CROSS, _SQUARE)):
        first.weight[colour, colour] = first.weight.new_tensor(kernel)
    for conv in others:
        _pass(conv, range(_COLOURS))


def _to_rgb(block: SimpleBlock, skip: int) -> None:
    """The colours that skipped the U-net, and little of what comes through it."""
    first, *others = _convolutions(block)
    _pass(first, range(_COLOURS), first_input=skip)
    for conv in others[:-1]:
        _pass(conv, range(_COLOURS))
    last = others[-1]
    last.weight *= _KEPT
    _pass_keeping_others(last)


def _pass_keeping_others(conv: nn.Conv2d) -> None:
    conv.weight[:, :_COLOURS] = 0
    for colour in range(_COLOURS):
        conv.weight[colour, colour, 1, 1] = 1


@torch.no_grad()
def start_as_smoothed_image(net: FeatureDownsampler) -> None:
    """Changes the weights in place: features start as the smoothed quarter-size image and its gradients.

    Random features find patches in noise far less often; the small training has no time to learn better ones.

    Args:
        net: fresh, for packed frames of 4 channels.
    """
    convs = [layer for layer in net.simple_block if isinstance(layer, nn.Conv2d)]
    planes = convs[0].in_channels
    blur = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])) / 16
    for conv in convs:
        _clear(conv, range(conv.out_channels))
    for plane in range(planes):
        convs[0].weight[plane, plane] = convs[2].weight[plane, plane] = blur
        for conv in (convs[1], convs[3]):
            conv.weight[plane, plane, 1, 1] = 1
        for kind, kernel in enumerate(_FEATURE_KERNELS):
            convs[4].weight[kind * planes + plane, plane] = convs[4].weight.new_tensor(kernel)
