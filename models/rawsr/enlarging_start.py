"""An initialisation from which RawSR starts as its reference, enlarged, with the details of its mosaic.

A network with random weights has to find out first what an image is; short trainings should not spend their time on
that. The restoration branch starts as bilinear interpolation of every colour of the mosaic. The colour branch starts by
adding the interpolated difference between the reference and the mosaic, both at half the mosaic's resolution. All
that is carried is positive, so the leaky ReLUs pass it as it is.
"""

from __future__ import annotations

import torch
from torch import nn

from models.rawsr.layers import DCABlock
from models.rawsr.rawsrnet import RawSR
from models.rawsr.restoration import depth_to_space

# How much of the random weights is kept, where they would disturb the image: enough for gradients to flow.
_KEPT = 0.05
# Slope of the camera's curve and gains around middle grey: how much brighter a detail is in the rendered image.
_SLOPE = 1.0
_PACKED = 4  # channels of a packed mosaic: R, G, G, B
_COLOURS = 3
# Share of the packed channels in red, green and blue.
_COLOUR_OF_PACKED = ((1.0, 0.0, 0.0, 0.0), (0.0, 0.5, 0.5, 0.0), (0.0, 0.0, 0.0, 1.0))
# Mosaic position (row, column) of the packed channels.
_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))


@torch.no_grad()
def start_as_enlarged_reference(net: RawSR) -> None:
    """Changes the weights in place; channels that carry nothing keep random weights.

    Args:
        net: fresh, with feature fusion, at least 6 channels wide.

    Raises:
        ValueError: the network is too narrow, or has no feature fusion.
    """
    restore, color = net.restore, net.color
    carried = 2 * _COLOURS
    width = restore.stem.out_channels
    if width < carried or restore.merge.out_channels < _PACKED or color.fuse2 is None:
        raise ValueError(f"width {width}: the start needs feature fusion, 6 channels, and a bottle of 4")
    for block in net.modules():
        if isinstance(block, DCABlock):
            block.fuse.weight.mul_(_KEPT)

    # The packed mosaic reaches `to_rgb` unchanged, which interpolates it.
    _pass_on(restore.stem, _PACKED)
    restore.enc.fuse.weight[:_PACKED] = 0
    _pass_on(restore.merge, _PACKED)
    restore.to_rgb.weight.mul_(_KEPT)
    restore.to_rgb.weight[:, :_PACKED] = _bilinear_demosaic(net.scale)

    # Reference (3 channels) and mosaic (3 channels) at half the resolution, side by side, up to `to_matrix`.
    _pass_on(color.conv1, _COLOURS)
    _clear(color.conv1, slice(_COLOURS, carried))
    for colour, shares in enumerate(_COLOUR_OF_PACKED):
        color.fuse2.weight[width + _COLOURS + colour, :_PACKED, 0, 0] = torch.tensor(shares)
    _pass_on(color.mix2, carried, first_input=width)
    _enlarge(color.up2, carried)
    _pass_on(color.up2_conv, carried)
    _enlarge(color.up3, carried)
    color.to_matrix.weight.mul_(_KEPT)
    color.to_matrix.weight[:, :carried] = 0
    bias = _bias(color.to_matrix)
    for colour in range(_COLOURS):
        offset = 3 * _COLOURS + colour
        color.to_matrix.weight[offset, colour, 1, 1] = 1.0
        color.to_matrix.weight[offset, _COLOURS + colour, 1, 1] = -_SLOPE
        bias[(_COLOURS + 1) * colour] = _SLOPE


def _bilinear_demosaic(scale: int) -> torch.Tensor:
    """Weights [12 S^2, 4, 3, 3] that interpolate every colour of a packed mosaic on its own; green is a mean of two."""
    cell = 2 * scale
    numbers = torch.arange(12.0 * scale**2)[None, :, None, None]
    channel_at = depth_to_space(numbers, scale)[0].long()
    # Pixels S i ... S i + S - 1 show what pixel i of the mosaic shows.
    places = (torch.arange(cell) - (scale - 1) / 2) / scale
    weights = torch.zeros(12 * scale**2, _PACKED, 3, 3)
    for colour, shares in enumerate(_COLOUR_OF_PACKED):
        for packed, (row, column) in enumerate(_PLACES):
            rows, columns = _linear_taps((places - row) / 2), _linear_taps((places - column) / 2)
            taps = torch.einsum("ra,cb->rcab", rows, columns)
            weights[channel_at[colour].flatten(), packed] = shares[packed] * taps.flatten(0, 1)
    return weights


def _linear_taps(places: torch.Tensor) -> torch.Tensor:
    """Weights [n, 3] of the samples at -1, 0 and 1 in the linear interpolation at every place."""
    return (1 - (places[:, None] - torch.tensor([-1.0, 0.0, 1.0])).abs()).clamp(min=0)


def _pass_on(conv: nn.Conv2d, count: int, first_input: int = 0) -> None:
    """The first ``count`` outputs are inputs from ``first_input`` on, as they are."""
    _clear(conv, slice(count))
    middle = conv.kernel_size[0] // 2
    for channel in range(count):
        conv.weight[channel, first_input + channel, middle, middle] = 1.0


def _enlarge(conv: nn.ConvTranspose2d, count: int) -> None:
    """The first ``count`` outputs are the first inputs, interpolated (repeated, where the stride is 4)."""
    taps = torch.tensor([0.25, 0.75, 0.75, 0.25]) if conv.stride[0] == 2 else torch.ones(4)
    conv.weight[:, :count] = 0
    _bias(conv)[:count] = 0
    for channel in range(count):
        conv.weight[channel, channel] = torch.outer(taps, taps)


def _clear(conv: nn.Conv2d, outputs: slice) -> None:
    conv.weight[outputs] = 0
    _bias(conv)[outputs] = 0


def _bias(conv: nn.Conv2d | nn.ConvTranspose2d) -> torch.Tensor:
    assert conv.bias is not None
    return conv.bias
