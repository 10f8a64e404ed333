"""RAW files as rawpy opens them: Bayer pattern, and the mosaic brought to start on red."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch

from utils.ops.mosaic import pack, unpack

Array = TypeVar("Array", np.ndarray, torch.Tensor)

# Rows and columns to cut at (top, bottom, left, right), so that the mosaic starts on red and keeps even sides.
_CUT_TO_RGGB = {"RGGB": (0, 0, 0, 0), "BGGR": (1, 1, 1, 1), "GRBG": (0, 0, 1, 1), "GBRG": (1, 1, 0, 0)}


def get_bayer_pattern(color_desc: bytes, raw_pattern: Any) -> str:
    """Colours of the 2 x 2 cell in reading order, e.g. ``RGGB``.

    Args:
        color_desc: colour letters, e.g. ``b'RGBG'``.
        raw_pattern: 2 x 2 indices into them.
    """
    letters = color_desc.decode("ascii")
    return "".join(letters[int(index)] for index in np.asarray(raw_pattern).reshape(-1))


def get_color_map(raw: Any) -> dict[str, int]:
    """First index of ``R``, ``B`` and ``G`` in the colour letters of an open RAW file."""
    letters = raw.color_desc.decode("ascii")
    return {color: letters.index(color) for color in "RBG"}


def convert_to_rggb(raw: Any, four_channel_output: bool = True) -> np.ndarray:
    """The visible mosaic of an open RAW file, cut so that it starts on a red pixel.

    Args:
        raw: has ``raw_image_visible`` [H, W], ``color_desc`` and ``raw_pattern``, as a ``rawpy.RawPy``.
        four_channel_output: packed [4, h, w]; else the mosaic [2h, 2w].

    Raises:
        ValueError: the sensor has no Bayer pattern.
    """
    pattern = get_bayer_pattern(raw.color_desc, raw.raw_pattern)
    if pattern not in _CUT_TO_RGGB:
        raise ValueError(f"pattern {pattern!r} is no Bayer pattern; known are {', '.join(_CUT_TO_RGGB)}")
    top, bottom, left, right = _CUT_TO_RGGB[pattern]
    height, width = raw.raw_image_visible.shape
    bayer = raw.raw_image_visible[top : height - bottom, left : width - right]
    return pack_raw_image(bayer) if four_channel_output else bayer.copy()


def pack_raw_image(im_raw: Array) -> Array:
    """Mosaic [2h, 2w] to packed [4, h, w], array or tensor.

    Raises:
        ValueError: odd height or width.
    """
    return pack(im_raw)


def flatten_raw_image(im_raw_4ch: Array) -> Array:
    """Packed [4, h, w] to the mosaic [2h, 2w]; the inverse of :func:`pack_raw_image`."""
    return unpack(im_raw_4ch)
