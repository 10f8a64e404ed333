"""How each kind of network is asked to restore a burst, or a tile of one: frames in, linear camera RGB out.

Every function takes the network and a burst whose frames lie on the grid of the reference but for small shifts, and
gives float32 [S H, S W, 3] on the device's CPU side. White balance stays out of networks that were trained on sensor
colours; those trained on pictures get pictures, and what they return is brought back to camera colours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from data.jdd_camera import NOISE_MAPS, PUBLISHED_TRAINING_MAP
from restoration.burst import FloatImage, Noise, RawBurst
from restoration.develop import camera_rgb, demosaiced, linear_srgb
from utils.ops.mosaic import pack
from utils.ops.srgb import linear_to_srgb, srgb_to_linear

Restore = Callable[[nn.Module, RawBurst], FloatImage]

_COLOURS = (0, 1, 1, 2)  # of the packed channels
# Packed channels that a denoiser of pictures is given together, and how many of its answers each channel gets.
Groups = tuple[tuple[int, ...], ...]
_AS_PICTURES: Groups = ((0, 1, 3), (0, 2, 3))
_WHOLE: Groups = ((0, 1, 2),)
_GREY_LEVELS = 255.0
_ENLARGED_BY_DIFFUSION = 4  # of the clips that the shipped network has seen


@dataclass(frozen=True)
class Adapter:
    """One task of networks.

    Attributes:
        restore: the call.
        takes_mosaic, takes_rgb: what bursts.
        middle: whether the reference is the middle frame; else it is the first.
        most_frames: that the networks take; None for any number.
        scale: of the result; None where networks differ.
    """

    restore: Restore
    takes_mosaic: bool = True
    takes_rgb: bool = False
    middle: bool = False
    most_frames: int | None = None
    scale: int | None = 1


def packed_burst(burst: RawBurst, device: torch.device) -> torch.Tensor:
    """[1, T, 4, H/2, W/2]."""
    return torch.from_numpy(np.stack([pack(frame) for frame in burst.frames]))[None].to(device)


def deviation(frames: torch.Tensor, noise: Noise, channels: tuple[int, ...]) -> torch.Tensor:
    """Deviation of the noise of frames [..., C, H, W] whose channels have the colours `channels`, from noisy values."""
    shot, read = (
        torch.tensor([values[colour] for colour in channels], dtype=frames.dtype, device=frames.device)[:, None, None]
        for values in (noise.shot, noise.read)
    )
    return (shot * frames.clamp(min=0) + read).sqrt()


def denoise(net: nn.Module, burst: RawBurst) -> FloatImage:
    """Denoisers of linear images.

    Of a mosaic they get, as if it were a picture of half the size, red, one green and blue; then the same with the
    other green. So the noise stays independent from pixel to pixel, as they know it, and the mosaic keeps its
    resolution; it is demosaicked when it is clean.
    """
    device = _device(net)
    grey = getattr(net, "input_channels", 3) == 1
    singles: Groups = ((0,), (1,), (2,), (3,))
    if not burst.is_mosaic:
        frames = torch.from_numpy(np.stack(burst.frames)).permute(0, 3, 1, 2)[None].to(device)
        clean = _denoised(net, frames, burst.noise, singles[:3] if grey else _WHOLE, _WHOLE[0])
        return _to_numpy(clean[0].permute(1, 2, 0))
    clean = _denoised(net, packed_burst(burst, device), burst.noise, singles if grey else _AS_PICTURES, _COLOURS)
    return demosaiced(_to_numpy(clean[0]), burst.capture)


def _denoised(
    net: nn.Module, frames: torch.Tensor, noise: Noise, groups: Groups, colours: tuple[int, ...]
) -> torch.Tensor:
    """Every channel of [1, T, C, H, W] denoised as part of the groups that it is in; their mean."""
    total = torch.zeros_like(frames[:, 0])
    counts = torch.zeros(frames.shape[2], device=frames.device)
    for group in groups:
        part = frames[:, :, list(group)]
        estimate = deviation(part, noise, tuple(colours[channel] for channel in group))
        prediction, _ = net(part, noise_estimate=estimate)
        total[:, list(group)] += prediction
        counts[list(group)] += 1
    return total / counts[:, None, None]


def super_resolve(net: nn.Module, burst: RawBurst) -> FloatImage:
    """Networks that take packed RAW bursts and give a multiple of their size in sensor colours."""
    prediction, _ = net(packed_burst(burst, _device(net)).clamp(0, 1))
    return _to_numpy(prediction[0].permute(1, 2, 0))


def joint_demosaic(net: nn.Module, burst: RawBurst) -> FloatImage:
    """Networks that denoise and demosaic packed RAW bursts and are told the noise."""
    frames = packed_burst(burst, _device(net)).clamp(0, 1)
    mode = getattr(net, "noise_map_mode", PUBLISHED_TRAINING_MAP)
    maps = [
        NOISE_MAPS[mode](frames[:, :, channel], burst.noise.shot[colour], burst.noise.read[colour] ** 0.5)
        for channel, colour in enumerate(_COLOURS)
    ]
    prediction, _ = net(frames, torch.stack(maps, dim=2))
    return _to_numpy(prediction[0].permute(1, 2, 0))


def deblur(net: nn.Module, burst: RawBurst) -> FloatImage:
    """Networks that take pictures in grey levels 0 to 255 of display space."""
    prediction, _ = net(_pictures(burst, _device(net)) * _GREY_LEVELS)
    return _camera_colours(prediction[0] / _GREY_LEVELS, burst)


def enlarge_rendered(net: nn.Module, burst: RawBurst) -> FloatImage:
    """RawSR: the mosaic of the reference frame and its rendered picture."""
    reference = burst.of_frames([burst.reference])
    raw = torch.from_numpy(reference.frames[0])[None, None].to(_device(net)).clamp(0, 1)
    prediction, _ = net(raw, _pictures(reference, _device(net))[:, 0])
    return _camera_colours(prediction[0], burst)


def diffuse(net: nn.Module, burst: RawBurst) -> FloatImage:
    """SR3: pictures enlarged by interpolation, of which the middle one is sharpened by sampling."""
    pictures = _pictures(burst, torch.device("cpu"))[0]
    size = (pictures.shape[3] * _ENLARGED_BY_DIFFUSION, pictures.shape[2] * _ENLARGED_BY_DIFFUSION)
    enlarged = [cv2.resize(_to_numpy(one.permute(1, 2, 0)), size, interpolation=cv2.INTER_CUBIC) for one in pictures]
    frames = torch.from_numpy(np.stack(enlarged)).permute(0, 3, 1, 2)[None].clamp(0, 1).to(_device(net))
    torch.manual_seed(0)  # the noise is the same in every tile and every run
    prediction, _ = net(frames)
    return _camera_colours(prediction[0], burst)


# The tasks of the command.
ADAPTERS: dict[str, Adapter] = {
    "sr": Adapter(super_resolve, scale=None),
    "denoise": Adapter(denoise, takes_rgb=True),
    "jdd": Adapter(joint_demosaic, middle=True),
    "deblur": Adapter(deblur, takes_rgb=True),
    "rawsr": Adapter(enlarge_rendered, most_frames=1, scale=None),
    "sr3": Adapter(diffuse, takes_rgb=True, middle=True, scale=_ENLARGED_BY_DIFFUSION),
}


def chosen_frames(burst: RawBurst, most: int | None, middle: bool) -> RawBurst:
    """The frames nearest in time to the reference, at most so many, with the reference where the network expects it."""
    near = sorted(range(len(burst.frames)), key=lambda index: (abs(index - burst.reference), index))[:most]
    if middle and len(near) % 2 == 0:
        near = near[:-1]
    others = sorted(index for index in near if index != burst.reference)
    place = len(others) // 2 if middle else 0
    return burst.of_frames([*others[:place], burst.reference, *others[place:]])


def _pictures(burst: RawBurst, device: torch.device) -> torch.Tensor:
    """The frames as pictures [1, T, 3, H, W], sRGB with its curve, 0..1."""
    frames = [demosaiced(pack(frame), burst.capture) if burst.is_mosaic else frame for frame in burst.frames]
    linear = np.stack([linear_srgb(frame, burst.capture) for frame in frames])
    return linear_to_srgb(torch.from_numpy(linear).to(device).clamp(0, 1)).permute(0, 3, 1, 2)[None]


def _camera_colours(picture: torch.Tensor, burst: RawBurst) -> FloatImage:
    linear = srgb_to_linear(picture.float().clamp(0, 1)).permute(1, 2, 0)
    return camera_rgb(_to_numpy(linear), burst.capture)


def _to_numpy(image: torch.Tensor) -> FloatImage:
    return np.ascontiguousarray(image.detach().float().cpu().numpy())


def _device(net: nn.Module) -> torch.device:
    return next((parameter.device for parameter in net.parameters()), torch.device("cpu"))
