"""Linear camera RGB as a picture to look at: white balance, colour matrix, sRGB curve, upright; and back."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from restoration.burst import Capture, FloatImage, RawBurst, Restored
from restoration.orientation import upright
from utils.ops.demosaic import demosaic
from utils.ops.mosaic import pack
from utils.ops.srgb import linear_to_srgb

_STRIP = 256  # rows: a large image is developed without a second copy of it in memory
_BRIGHTEST, _SHOWN_AS = 99.0, 0.8  # with brightness `auto`, so many per cent of the pixels are below so much light
_MOST_BRIGHTENED = 4.0  # exposure values


def plain_reference(burst: RawBurst) -> Restored:
    """The reference frame alone, demosaicked by linear filters: what the result is compared with."""
    frame = burst.frames[burst.reference]
    image = demosaiced(pack(frame), burst.capture) if burst.is_mosaic else frame
    return Restored(image, burst.capture, (burst.names[burst.reference],))


def demosaiced(packed: FloatImage, capture: Capture) -> FloatImage:
    """Camera RGB [2h, 2w, 3] of a packed mosaic [4, h, w] or of a part of it.

    The filters balance the colours as the camera does, not by their means, so that a part is as in the whole.
    """
    red, green, blue = capture.white_balance
    return demosaic(packed, np.array([red, green, green, blue], np.float32))


def balanced(image: FloatImage, capture: Capture) -> FloatImage:
    """Camera RGB [..., 3] with equal values for white; what is saturated in the camera reaches 1 in every colour."""
    return image * _gains(capture)


def linear_srgb(image: FloatImage, capture: Capture) -> FloatImage:
    """Linear sRGB of linear camera RGB [..., 3]. Highlights are clipped first, or they would turn magenta."""
    clipped = np.minimum(balanced(image, capture), 1)
    return np.asarray(clipped @ np.array(capture.camera_to_srgb, np.float32).T, np.float32)


def camera_rgb(image: FloatImage, capture: Capture) -> FloatImage:
    """Linear camera RGB of linear sRGB [..., 3]: the inverse of :func:`linear_srgb` below the highlights."""
    back = np.linalg.inv(np.array(capture.camera_to_srgb, np.float64)).astype(np.float32)
    return np.asarray((image @ back.T) / _gains(capture), np.float32)


def develop(restored: Restored, bits: int = 8, ev: float = 0.0) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The finished picture: sRGB [H, W, 3], upright, of 8 or 16 bits.

    Args:
        ev: brightened by so many exposure values (a factor of 2 each) before the curve.
    """
    kind = np.uint8 if bits == 8 else np.uint16
    white, factor = np.float32(np.iinfo(kind).max), np.float32(2.0**ev)
    picture = np.empty(restored.image.shape, kind)
    for top in range(0, len(picture), _STRIP):
        light = linear_srgb(restored.image[top : top + _STRIP], restored.capture) * factor
        encoded = linear_to_srgb(torch.from_numpy(np.clip(light, 0, 1))).numpy()
        picture[top : top + _STRIP] = np.rint(encoded * white)
    return np.ascontiguousarray(upright(picture, restored.capture.orientation))


def automatic_ev(restored: Restored) -> float:
    """The brightening after which few pixels are nearly white; never darkens."""
    light = linear_srgb(restored.image[::4, ::4], restored.capture).max(axis=-1)
    bright = float(np.percentile(light, _BRIGHTEST))
    return float(np.clip(math.log2(_SHOWN_AS / max(bright, 1e-6)), 0.0, _MOST_BRIGHTENED))


def linear_16_bit(restored: Restored, black: int = 0) -> NDArray[np.uint16]:
    """Camera RGB [H, W, 3], linear and not turned, from `black` to 65535; without white balance."""
    stored = np.empty(restored.image.shape, np.uint16)
    for top in range(0, len(stored), _STRIP):
        values = black + restored.image[top : top + _STRIP] * np.float32(65535 - black)
        stored[top : top + _STRIP] = np.rint(np.clip(values, 0, 65535))
    return stored


def side_by_side(reference: Restored, result: Restored, ev: float) -> NDArray[np.uint8]:
    """Both developed alike, the reference left, enlarged by repeated pixels where the result is larger."""
    left, right = develop(reference, 8, ev), develop(result, 8, ev)
    factor = max(1, right.shape[0] // left.shape[0])
    left = left.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = min(left.shape[0], right.shape[0]), min(left.shape[1], right.shape[1])
    gap = np.full((height, max(4, width // 100), 3), 255, np.uint8)
    return np.concatenate([left[:height, :width], gap, right[:height, :width]], axis=1).astype(np.uint8)


def _gains(capture: Capture) -> NDArray[np.float32]:
    """White balance whose smallest gain is 1."""
    gains = np.array(capture.white_balance, np.float32)
    relative: NDArray[np.float32] = gains / gains.min()
    return relative
