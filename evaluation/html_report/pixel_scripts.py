"""Pixels as script files: a page that was opened from disk may run scripts, but not read the pixels of a PNG.

Every value is replaced by its difference to a prediction from the pixels left, above and above left (the median edge
detector of LOCO-I: Weinberger, Seroussi and Sapiro, IEEE Transactions on Image Processing 9, 2000, eq. 1). Small
differences compress well. `page/codec.js` undoes it exactly.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator

import numpy as np

from evaluation.common_utils.viewing import Picture, Values

TILE = 512
"""Pixels along the side of a tile, the largest image that is one file."""


def tile_corners(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Top and left of every tile of an image, row by row; `page/images.js` counts them the same way."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield top, left


def tile_script(values: Values, picture: Picture) -> bytes:
    """The script file of one tile.

    Args:
        values: uint16 [H, W, 1 or 3].
        picture: uint8 [H, W, 1 or 3], what is displayed.
    """
    packed = (json.dumps(pack(pixels)) for pixels in (values, picture))
    return f"burstlab.receive({', '.join(packed)});\n".encode("ascii")


def pack(pixels: Values | Picture) -> str:
    """Pixels [H, W, C], uint16 or uint8, without loss as base64 of deflated differences.

    The differences stand plane by plane; those of 16 bits have their sign in the lowest bit, and all low bytes stand
    before all high ones.
    """
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.int32)
    differences = (planes - _predicted(planes)).astype(np.int16 if pixels.dtype == np.uint16 else np.int8)
    if pixels.dtype == np.uint16:
        folded = ((differences << 1) ^ (differences >> 15)).astype("<u2")
        raw = (folded & 0xFF).astype(np.uint8).tobytes() + (folded >> 8).astype(np.uint8).tobytes()
    else:
        raw = differences.tobytes()
    return base64.b64encode(zlib.compress(raw, level=6)).decode("ascii")


def _predicted(planes: np.ndarray) -> np.ndarray:
    """What every value of [C, H, W] is expected to be, given those before it."""
    predicted = np.zeros_like(planes)
    predicted[:, 0, 1:] = planes[:, 0, :-1]
    predicted[:, 1:, 0] = planes[:, :-1, 0]
    left, above, corner = planes[:, 1:, :-1], planes[:, :-1, 1:], planes[:, :-1, :-1]
    # The median of the three.
    predicted[:, 1:, 1:] = np.clip(left + above - corner, np.minimum(left, above), np.maximum(left, above))
    return predicted
