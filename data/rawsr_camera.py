"""A simulated camera for RawSR: linear scene → blurred, small, noisy mosaic and its rendered reference.

After section 3 of X. Xu et al., Exploiting Raw Images for Real-Scene Super-Resolution (arXiv 2102.01579):
``raw = mosaic(down(scene * k_defocus * k_motion)) + n`` with ``n ~ N(0, sigma1^2 x + sigma2^2)``. The authors' own code
was never released; where the paper is silent this is ours. Images are float32 tensors, channels first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from data.camera_pipeline import apply_ccm, apply_gains, safe_invert_gains
from utils.ops.blur import blur as blurred_pixels
from utils.ops.blur import spread_path
from utils.ops.demosaic import demosaic
from utils.ops.mosaic import mosaic, unpack
from utils.ops.srgb import linear_to_srgb, srgb_to_linear

Kernel = NDArray[np.float32]

_STEPS_OF_SHAKE = 64
_INERTIA = 0.9  # share of the velocity that the hand keeps from one step to the next
_SUBSAMPLES = 9  # per axis of a pixel, for the rim of the disk


class Colors(NamedTuple):
    """Colour settings of one image, for its ground truth and its reference alike.

    Attributes:
        rgb_gain, red_gain, blue_gain: exposure and white balance.
        rgb2cam: 3x3 from linear sRGB to white-balanced sensor colours, as nested tuples.
    """

    rgb_gain: float
    red_gain: float
    blue_gain: float
    rgb2cam: tuple[tuple[float, ...], ...]


def sensor_colors(photo: torch.Tensor, colors: Colors) -> torch.Tensor:
    """The linear sensor image [3, H, W], 0..1, that a camera with these settings would render as ``photo``.

    Args:
        photo: RGB [3, H, W], gamma-encoded, 0..1.
        colors: settings of the camera.
    """
    linear = apply_ccm(srgb_to_linear(photo), torch.tensor(colors.rgb2cam))
    return safe_invert_gains(linear, colors.rgb_gain, colors.red_gain, colors.blue_gain).clamp_(0.0, 1.0)


def render(linear: torch.Tensor, colors: Colors) -> torch.Tensor:
    """What a camera with these settings makes of its linear sensor image [3, H, W]: gamma-encoded RGB, 0..1."""
    balanced = apply_gains(linear, colors.rgb_gain, colors.red_gain, colors.blue_gain)
    return linear_to_srgb(apply_ccm(balanced, torch.tensor(colors.rgb2cam).inverse()).clamp_(0.0, 1.0))


def linear_from_mosaic(raw: torch.Tensor, stride: int = 4) -> torch.Tensor:
    """A smaller image with measured, not interpolated, colours whose centroids coincide.

    Windows of 4 x 4 pixels; along an axis even sites weigh (1/4, 3/4) and odd ones (3/4, 1/4), so that every colour's
    centroid is the middle of the window. Green is the mean of both greens.

    Args:
        raw: RGGB mosaic [H, W].
        stride: distance of the windows: 4 for independent pixels, 2 for half of the sensor's size.

    Returns:
        [3, h, w].

    Raises:
        ValueError: another stride, or a mosaic smaller than a window.
    """
    if stride not in (2, 4) or min(raw.shape) < 4:
        raise ValueError(f"a mosaic {tuple(raw.shape)} with stride {stride}: give stride 2 or 4, sides of at least 4")
    rows = _centred_sites(raw, 0, stride)
    (even_even, even_odd), (odd_even, odd_odd) = (_centred_sites(sites, 1, stride) for sites in rows)
    return torch.stack((even_even, (even_odd + odd_even) / 2, odd_odd))


def _centred_sites(values: torch.Tensor, axis: int, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Even and odd sites of windows of 4 along an axis, each as the weighted mean whose centroid is at 1.5."""
    windows = values.unfold(axis, 4, stride)
    even, odd = windows.new_tensor([0.25, 0, 0.75, 0]), windows.new_tensor([0, 0.75, 0, 0.25])
    return (windows * even).sum(-1), (windows * odd).sum(-1)


def disk_kernel(radius: float) -> Kernel:
    """The blur of a lens out of focus: a disk with an anti-aliased rim, of sum 1."""
    reach = int(np.ceil(radius - 0.5)) if radius > 0.5 else 0
    inner = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
    places = (np.arange(-reach, reach + 1)[:, None] + inner).reshape(-1)
    inside = (places[:, None] ** 2 + places**2 <= radius**2).astype(np.float64)
    side = 2 * reach + 1
    kernel = inside.reshape(side, _SUBSAMPLES, side, _SUBSAMPLES).mean(axis=(1, 3))
    kernel[reach, reach] += kernel.sum() == 0
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def motion_kernel(side: int, seed: int) -> Kernel:
    """The blur of a shaking hand: a random walk with inertia, [side, side] with odd side, of sum 1.

    Its centroid is the middle of the kernel: a shift would not be blur.

    Raises:
        ValueError: an even side.
    """
    if side < 1 or side % 2 == 0:
        raise ValueError(f"a motion kernel has an odd side, not {side}")
    generator = np.random.default_rng(seed)
    velocity, place, walk = np.zeros(2), np.zeros(2), []
    for push in generator.standard_normal((_STEPS_OF_SHAKE, 2)):
        velocity = _INERTIA * velocity + push
        place = place + velocity
        walk.append(place)
    path = np.array(walk) - np.mean(walk, axis=0)
    reach = side // 2
    path = path * (reach / np.abs(path).max()) + reach
    return (spread_path(path, side, origin=0) / _STEPS_OF_SHAKE).astype(np.float32)


def blur(image: torch.Tensor, kernel: Kernel) -> torch.Tensor:
    """Every channel of [C, H, W] convolved with a kernel of odd sides, mirrored at the border."""
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return torch.from_numpy(blurred_pixels(pixels, kernel)).permute(2, 0, 1)


def _mean(image: torch.Tensor, factor: int) -> torch.Tensor:
    return F.avg_pool2d(image[None], factor)[0]


def _nearest(image: torch.Tensor, factor: int) -> torch.Tensor:
    return image[:, factor // 2 :: factor, factor // 2 :: factor]


def _bicubic(image: torch.Tensor, factor: int) -> torch.Tensor:
    size = (image.shape[1] // factor, image.shape[2] // factor)
    return F.interpolate(image[None], size, mode="bicubic", antialias=True)[0]


# How a small pixel comes from the `factor` x `factor` large ones that it covers. `nearest` takes one of them, for an
# even factor the one that is half a pixel right of and below the middle.
DOWNSAMPLING: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "mean": _mean,
    "nearest": _nearest,
    "bicubic": _bicubic,
}


def expose(linear: torch.Tensor, sigma1: float, sigma2: float, noise: torch.Tensor) -> torch.Tensor:
    """The noisy mosaic of a sensor image.

    Args:
        linear: [3, H, W], 0..1, even sides.
        sigma1, sigma2: the noise has the variance ``sigma1^2 x + sigma2^2``.
        noise: standard normal sample [1, H, W].

    Returns:
        RGGB mosaic [1, H, W], clipped to 0..1.
    """
    clean = unpack(mosaic(linear))[None]
    return (clean + noise * (sigma1**2 * clean + sigma2**2).sqrt()).clamp_(0.0, 1.0)


def render_mosaic(raw: torch.Tensor, colors: Colors) -> torch.Tensor:
    """The camera's own picture of its mosaic [1, H, W]: demosaicked, rendered, rounded to 8 bits; [3, H, W], 0..1."""
    packed = F.pixel_unshuffle(raw[None], 2)[0].numpy()
    linear = torch.from_numpy(demosaic(packed)).permute(2, 0, 1).clamp(0.0, 1.0)
    return (render(linear, colors) * 255).round_() / 255
