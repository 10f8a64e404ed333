"""An initialisation from which PyrCorr's flow points in the right direction before any training.

With default weights the cost volumes carry next to nothing, the flow heads find out that no flow is the best answer,
and stay there for a long time. Here the features are rectified high-pass responses, every predictor takes the centre of
mass of its cost volume, and one number per level is fitted on random textures with known shifts.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from models.alignment.flow_images import FLOW_SCALE
from models.alignment.pyrcorr import PyrCorr
from models.layers.blocks import ResBlock

_KEPT = 0.05  # how much of the default random weights stays, so that all of them get gradients
_SEED = 3
_TEXTURES, _TEXTURE_SIZE, _LARGEST_SHIFT = 48, 64, 2
_BORDER = 12


@torch.no_grad()
def start_as_centre_of_mass(net: nn.Module) -> None:
    """Changes the weights in place.

    Args:
        net: a fresh :class:`PyrCorr`, with two hidden layers in each flow predictor (``offset_predictor_dims``), the
            first at least as wide as the cost volume and the second at least 4 wide. Images are expected with mean 0
            and deviation 1.

    Raises:
        ValueError: another network, or the predictors have another shape.
    """
    if not isinstance(net, PyrCorr):
        raise ValueError(f"expected a PyrCorr, got {type(net).__name__}")
    generator = torch.Generator().manual_seed(_SEED)
    _start_features(net, generator)
    for predictor, max_displacement in zip(net.offset_predictors, net.corr_max_disp, strict=True):
        _start_predictor(predictor, max_displacement, net.whole_image_evidence)
    source, target, shifts = _textures(net.input_channels, generator)
    _scale_cost_volumes(net, source)
    _fit_gains(net, source, target, shifts)


def _convs(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _keep_little(conv: nn.Conv2d, share: float = _KEPT) -> None:
    conv.weight *= share
    if conv.bias is not None:
        conv.bias.zero_()


def _start_features(net: PyrCorr, generator: torch.Generator) -> None:
    first = _convs(net.init_layer)[0]
    half = first.out_channels // 2
    filters = torch.randn(half, 1, 3, 3, generator=generator)
    filters -= filters.mean(dim=(2, 3), keepdim=True)
    filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
    # A filter and its negative, because a ReLU shows only one side.
    _keep_little(first)
    first.weight[: 2 * half] = torch.cat((filters, -filters)).expand(-1, first.in_channels, -1, -1) / first.in_channels
    for layer in net.offset_res_layers:
        if isinstance(layer, ResBlock):
            _keep_little(_convs(layer.conv2)[0])
        else:
            _smooth_each_channel(_convs(layer)[0])
    for layer in net.offsetfeat_layers:
        _smooth_each_channel(_convs(layer)[0])


def _smooth_each_channel(conv: nn.Conv2d) -> None:
    _keep_little(conv)
    binomial = torch.tensor([0.25, 0.5, 0.25])
    for channel in range(min(conv.out_channels, conv.in_channels)):
        conv.weight[channel, channel] += binomial[:, None] * binomial


def _start_predictor(predictor: nn.Module, max_displacement: int, whole_image: bool) -> None:
    """Mean over a 5x5 window of the cost volume, its first moments in four halves, and their differences.

    Where the volume's mean over the whole image is at hand, that instead of the window's.
    """
    side = 2 * max_displacement + 1
    convs = _convs(predictor)
    if len(convs) != 3 or convs[0].out_channels < side**2 or convs[1].out_channels < 4:
        widths = [conv.out_channels for conv in convs[:-1]]
        raise ValueError(f"offset_predictor_dims={widths}: two layers of at least {side**2} and 4 channels are needed")
    window, moments, flow = convs
    for conv in convs:
        _keep_little(conv)
    window.weight[: side**2] = 0
    moments.weight[:4] = 0
    for index in range(side**2):
        if whole_image:
            window.weight[index, side**2 + index, 1, 1] = 1
        else:
            window.weight[index, index] = 1 / 9
        # The cost volume peaks at minus the flow: it looks from the source into the target.
        dy, dx = max_displacement - index // side, max_displacement - index % side
        for channel, value in enumerate((dx, -dx, dy, -dy)):
            moments.weight[channel, index] = value / 9
    flow.weight *= _KEPT
    for axis in range(2):
        flow.weight[axis, 2 * axis, 1, 1] = 1
        flow.weight[axis, 2 * axis + 1, 1, 1] = -1


def _textures(channels: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy pairs of textures with the spectrum of photographs (1/f), and the whole-pixel flow between them."""
    size = _TEXTURE_SIZE + 2 * _LARGEST_SHIFT
    frequency = torch.fft.fftfreq(size)
    amplitude = 1 / torch.sqrt(frequency[:, None] ** 2 + frequency**2 + 1e-3)
    white = torch.randn(_TEXTURES, size, size, generator=generator)
    scene = torch.fft.ifft2(torch.fft.fft2(white) * amplitude).real
    scene /= scene.std(dim=(1, 2), keepdim=True)
    shifts = torch.randint(-_LARGEST_SHIFT, _LARGEST_SHIFT + 1, (_TEXTURES, 2), generator=generator)

    def crop(dx: int, dy: int, index: int) -> torch.Tensor:
        top, left = _LARGEST_SHIFT + dy, _LARGEST_SHIFT + dx
        return scene[index, top : top + _TEXTURE_SIZE, left : left + _TEXTURE_SIZE]

    clean = [torch.stack([crop(0, 0, i) for i in range(_TEXTURES)])]
    clean.append(torch.stack([crop(int(dx), int(dy), i) for i, (dx, dy) in enumerate(shifts)]))
    source, target = (
        (image + torch.randn(image.shape, generator=generator))[:, None].expand(-1, channels, -1, -1) / math.sqrt(2)
        for image in clean
    )
    return source, target, shifts.float()


def _scale_cost_volumes(net: PyrCorr, image: torch.Tensor) -> None:
    """A mean of one on every level, so that no level speaks louder than the features beside it."""
    features = net._features(image)
    carried = 1.0
    for layer, volume, feature in zip(net.offsetfeat_layers, net.cost_volumes, features, strict=True):
        scale = float(volume(feature, feature).mean()) ** -0.5
        _convs(layer)[0].weight *= scale / carried
        carried = scale


def _fit_gains(net: PyrCorr, source: torch.Tensor, target: torch.Tensor, shifts: torch.Tensor) -> None:
    """Least squares: the levels' estimates times one gain each give the known flow."""
    estimates = []
    pairs = zip(net._features(source), net._features(target), strict=True)
    for level, ((of_source, of_target), predictor) in enumerate(zip(pairs, net.offset_predictors, strict=True)):
        flow = F.interpolate(
            predictor(net._evidence(level, of_source, of_target)),
            size=source.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )
        inner = flow[..., _BORDER:-_BORDER, _BORDER:-_BORDER] * (net.ds_factor * FLOW_SCALE)
        estimates.append(inner.flatten())
    inside = (_TEXTURE_SIZE - 2 * _BORDER,) * 2
    truth = shifts[:, :, None, None].expand(-1, -1, *inside).flatten()
    gains = torch.linalg.lstsq(torch.stack(estimates, dim=1), truth[:, None]).solution[:, 0]
    for predictor, gain in zip(net.offset_predictors, gains, strict=True):
        _convs(predictor)[-1].weight *= gain
