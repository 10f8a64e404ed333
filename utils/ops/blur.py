"""Blur by a kernel, and kernels from the path of a camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

_ROUNDING = 1e-6  # pixels that a point may lie beyond the rim of its kernel


def spread_path(path: NDArray[np.float64], side: int, origin: int) -> NDArray[np.float64]:
    """A square kernel in which every point of a path is a dot of weight 1, shared bilinearly by four pixels.

    Args:
        path: positions (down, right) [M, 2] in pixels.
        side: of the kernel, in pixels.
        origin: row and column of the kernel where position 0 lies.

    Returns:
        [side, side] of sum M.

    Raises:
        ValueError: the path leaves the kernel.
    """
    if path.size and not -_ROUNDING <= path.min() + origin <= path.max() + origin <= side - 1 + _ROUNDING:
        raise ValueError(
            f"a path from {path.min():g} to {path.max():g} leaves a kernel of side {side} with position 0 at {origin}"
        )
    # A point on the last row belongs to the cell before it: the row after it is not part of the kernel.
    corner = np.clip(np.floor(path).astype(int), -origin, max(side - 2, 0) - origin)
    share = path - corner
    kernel = np.zeros((side + 1, side + 1))  # one more, for a kernel of a single pixel
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - share[:, 0]) * np.abs(1 - right - share[:, 1])
            np.add.at(kernel, (corner[:, 0] + down + origin, corner[:, 1] + right + origin), weight)
    return kernel[:side, :side]


def blur(image: Pixels, kernel: Pixels) -> Pixels:
    """``image`` [H, W, C], float32, convolved with a kernel of odd sides; mirrored at the border.

    A dot of the kernel below its middle moves the image down.
    """
    moved = cv2.flip(kernel, -1)  # filter2D correlates
    blurred = cv2.filter2D(image, -1, moved, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float32).reshape(image.shape)  # OpenCV drops the axis of a single channel
