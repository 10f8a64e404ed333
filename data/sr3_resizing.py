"""How frames of videos become the low-resolution, high-resolution and enlarged pictures of SR3 (8-bit, by Pillow)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Filter = Literal["bicubic", "bilinear"]


class PreparedFrame(NamedTuple):
    """One frame in its sizes, uint8 RGB: ``lr`` [low, low, 3], ``hr`` and ``sr`` (``lr`` enlarged) [high, high, 3]."""

    lr: Picture
    hr: Picture
    sr: Picture


def prepared_frame(image: Picture, low: int, high: int, resample: Filter = "bicubic") -> PreparedFrame:
    """Makes the pictures of one frame, as published: ``lr`` is rounded to 8 bits before it is enlarged.

    Args:
        image: uint8 [H, W, 3] RGB, any size.
        low, high: sides of the results.
        resample: ``bicubic`` or ``bilinear``.
    """
    lr = resized_to_square(image, low, resample)
    return PreparedFrame(lr, resized_to_square(image, high, resample), resized_to_square(lr, high, resample))


def resized_to_square(image: Picture, side: int, resample: Filter = "bicubic") -> Picture:
    """Resizes the shorter side to ``side``, then cuts out the middle square.

    Pillow's filters average over what a pixel of the result covers (bicubic with a = -0.5).

    Args:
        image: uint8 [H, W, 3] RGB.

    Returns:
        uint8 [side, side, 3]; a picture that has this size is returned as it is.

    Raises:
        ValueError: another filter, or another shape or type of picture.
    """
    from PIL import Image

    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    if resample not in filters:
        raise ValueError(f"resample = {resample!r}: expected bicubic or bilinear")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a frame of shape {image.shape} and {image.dtype}, expected uint8 [H, W, 3]")
    height, width = image.shape[:2]
    if (height, width) == (side, side):
        return image
    shorter = min(height, width)
    size = (side * width // shorter, side * height // shorter)
    resized = np.asarray(Image.fromarray(image).resize(size, filters[resample]))
    left, top = (round((length - side) / 2) for length in size)
    return np.ascontiguousarray(resized[top : top + side, left : left + side])
