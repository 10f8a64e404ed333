"""What the flow networks share: the size they work at, and images that several others are compared with."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from models.layers.layout import channels_last

# Both networks predict flow in twentieths of what they return.
FLOW_SCALE = 20.0


def resize(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bilinear resize of [B, C, H, W] to ``size`` (H, W), corners not aligned, no anti-aliasing."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False)


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width rounded up to multiples of 64."""
    return math.ceil(size[0] / 64) * 64, math.ceil(size[1] / 64) * 64


def prepare(image: torch.Tensor, channels: int, rgb2bgr: bool, what: str) -> torch.Tensor:
    """Images of any batch shape as [B, channels, H64, W64], values as they are, channels reversed if asked."""
    if image.ndim < 3 or image.shape[-3] != channels:
        raise ValueError(f"{what} must be [B, {channels}, H, W], got {tuple(image.shape)}")
    image = image.reshape(-1, *image.shape[-3:])
    if rgb2bgr:
        image = image.flip(1)
    return channels_last(resize(image, working_size((image.shape[-2], image.shape[-1]))))


def flow_in_pixels(flow: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """A network's flow [B, 2, h, w], in its own units at its working size, as pixels of an image of ``size`` (H, W)."""
    height, width = working_size(size)
    x, y = resize(flow, size).unbind(dim=1)
    return torch.stack((x * (FLOW_SCALE * size[1] / width), y * (FLOW_SCALE * size[0] / height)), dim=1)


def pair_up(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Repeats the smaller batch so that each of its maps meets its share of consecutive maps of the other.

    Features of a reference frame are computed once per burst and meet all its frames here.

    Raises:
        ValueError: neither batch is a multiple of the other.
    """
    small, large = sorted((first.shape[0], second.shape[0]))
    if small == 0 or large % small:
        raise ValueError(f"cannot compare {first.shape[0]} images with {second.shape[0]}: no multiple of each other")
    times = large // small
    if times == 1:
        return first, second
    if first.shape[0] == small:
        return first.repeat_interleave(times, dim=0), second
    return first, second.repeat_interleave(times, dim=0)
