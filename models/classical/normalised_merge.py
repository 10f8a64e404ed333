"""Merging of samples that are not equally certain: normalised convolution of all frames of a burst.

C = sum_n R_n sum_i c_i w_i s_i / sum_n R_n sum_i c_i w_i over frames n and their samples s_i next to an output pixel:
B. Wronski et al., Handheld multi-frame super-resolution, SIGGRAPH 2019, eq. (1), where R is the trust in a frame. The
weight w of the distance is a tent of one pixel's radius, which is what bilinear interpolation is; its deviation, 0.41
pixels, was the best of all Gaussian ones tried. The certainty c, which that method does not have, is of H. Knutsson
and C.-F. Westin, Normalized and differential convolution, CVPR 1993, eq. (4): a demosaicked value counts where few
measured ones are near, so a tripod's burst, whose frames all measure the same colours, needs no other method.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.classical.noise import Array

# Of a demosaicked value, where a measured one has 1.
INTERPOLATED = 0.15


class Merge:
    """Sums over the frames of a tile.

    Args:
        size: height and width of the tile.
        channels: of the frames.
    """

    def __init__(self, size: tuple[int, int], channels: int) -> None:
        self._total = np.zeros((*size, channels), np.float32)
        self._weights = np.zeros_like(self._total)
        self._squares = np.zeros(size, np.float32)

    def add(self, values: Array, certainty: Array | None, x: Array, y: Array, trust: Array) -> None:
        """Adds what a frame shows.

        Args:
            values: [h, w, C], the frame or a part of it.
            certainty: of its values, same shape; 1 everywhere if None.
            x, y: [H, W], where the pixels of the tile lie in `values`; what lies outside does not count.
            trust: [H, W], 0 to 1.
        """
        weights = _sample(np.ones_like(values) if certainty is None else certainty, x, y) * trust[:, :, None]
        self._total += _sample(values if certainty is None else values * certainty, x, y) * trust[:, :, None]
        self._weights += weights
        self._squares += np.square(weights.mean(axis=2))

    def result(self) -> tuple[Array, Array]:
        """The merged tile [H, W, C], and its noise variance [H, W] where one frame of trust 1 would have 1."""
        return self._total / self._weights, self._squares / np.square(self._weights.mean(axis=2))


def certainty_of_mosaic(height: int, width: int) -> Array:
    """[H, W, 3] for a demosaicked mosaic that starts on red."""
    certainty = np.full((height, width, 3), INTERPOLATED, np.float32)
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        certainty[row::2, column::2, colour] = 1
    return certainty


def on_finer_grid(values: Array, certainty: Array | None, scale: int) -> tuple[Array, Array | None]:
    """Values [h, w, C] on a grid `scale` times as fine, and how certain they are there.

    Samples keep their places, every `scale`-th pixel; between them are interpolated values of little certainty. So the
    tent is one pixel of the finer grid wide, and what frames measure at different places is not averaged.
    """
    if scale == 1:
        return values, certainty
    height, width = values.shape[:2]
    grid = np.array([[1 / scale, 0, 0], [0, 1 / scale, 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (scale * width, scale * height)
    fine = cv2.warpAffine(values, grid, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    certain = np.full((*size[::-1], values.shape[2]), INTERPOLATED / scale**2, np.float32)
    places = np.s_[::scale, ::scale]
    fine = np.asarray(fine, np.float32).reshape(certain.shape)
    fine[places] = values
    certain[places] = 1 if certainty is None else certainty
    return fine, certain


def _sample(image: Array, x: Array, y: Array) -> Array:
    sampled = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(sampled.reshape(*x.shape, -1), np.float32)
