"""A start from which short trainings of the burst deblurring network go on quickly."""

from __future__ import annotations

import torch
from torch import nn

from models.burst_deblur.unet import UNet
from models.burst_deblur.weight_norm import WeightNormConv2d

_GREY, _CONTRAST = 127.0, 64.0  # usual mean and deviation of photographs in grey levels
_LIFT = 3.0  # of normalised values, so that ELU leaves nearly all of them as they are


@torch.no_grad()
def start_as_midrange(net: UNet) -> None:
    """Sets some channels such that in evaluation the image is (largest + smallest value of the frames) / 2.

    The frames and their negatives pass through the first level, the last maximum and the final layers; all other
    channels keep their random weights and have no say at first. Without this, output weights that are small at first
    need ten thousands of steps to reach grey levels.

    Raises:
        ValueError: the network is too narrow, or changes the number of channels.
    """
    final = net.final_layer[3]
    assert isinstance(final, WeightNormConv2d)
    colours = net.in_channel
    if final.out_channels != colours or final.in_channels < 2 * colours:
        raise ValueError(
            f"{colours} channels and their negatives do not pass through a network of width {final.in_channels} "
            f"with {final.out_channels} output channels; give a width of at least {2 * colours}"
        )
    first = net.conv_decode0[0]
    assert isinstance(first, WeightNormConv2d)
    from_first_level = first.in_channels - final.in_channels
    for c in range(colours):
        _pass(net.conv_encode1, c, {c: 1 / _CONTRAST}, bias=0.0, mean=_GREY / _CONTRAST)
        _pass(net.conv_encode1, colours + c, {c: -1 / _CONTRAST}, 255 / _CONTRAST, (255 - _GREY) / _CONTRAST)
        for row in (c, colours + c):
            _pass(net.conv_decode0, row, {from_first_level + row: 1.0}, _LIFT, _LIFT)
        _pass(net.final_layer, c, {c: 0.5, colours + c: -0.5}, _LIFT, _LIFT)
        _set_row(final, c, {c: _CONTRAST}, _GREY)


def _pass(stage: nn.Sequential, row: int, weights: dict[int, float], bias: float, mean: float) -> None:
    """Channel ``row`` of the first convolution of a stage, and its BatchNorm: the weighted inputs around ``mean``."""
    conv, _, norm = (stage[i] for i in range(3))
    assert isinstance(conv, WeightNormConv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    _set_row(conv, row, weights, bias)
    norm.running_mean[row] = mean


def _set_row(conv: WeightNormConv2d, row: int, weights: dict[int, float], bias: float) -> None:
    """Output channel ``row`` as the weighted sum of input channels at the same pixel, plus ``bias``."""
    assert conv.bias is not None
    kernel = torch.zeros_like(conv.weight_v[row])
    middle = conv.kernel_size[0] // 2
    for channel, weight in weights.items():
        kernel[channel, middle, middle] = weight
    conv.weight_v[row] = kernel
    conv.weight_g[row] = kernel.norm()
    conv.bias[row] = bias
