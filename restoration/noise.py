"""The noise of a burst: from the profile in its files, or seen in the reference frame.

Both are variances `shot * signal + read` of values with black 0 and white 1, as in DNG (tag NoiseProfile, DNG 1.4,
chapter 6) and in A. Foi et al., Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data,
IEEE TIP 2008.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration.burst import FloatImage, Noise, Triple

logger = logging.getLogger(__name__)

_BLOCK = 16  # pixels of one colour on a side: 256 of them tell a deviation to 5 %
_QUIETEST = 0.1  # of the blocks of like brightness: where there is no texture
_BINS = 12
_LEAST_BLOCKS = 8  # in a bin
_ALMOST_WHITE = 0.95
_LEAST_READ = 1e-10
# Blind to planes (J. Immerkær, Fast noise variance estimation, CVIU 1996).
_DETAILS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32) / np.float32(6)


def from_profile(values: Sequence[float]) -> Noise | None:
    """The noise that a DNG profile states: one pair of shot and read variance for each colour, or one for all.

    None if it is no sound profile of one or three colours.
    """
    if len(values) not in (2, 6) or not all(math.isfinite(value) and value >= 0 for value in values):
        return None
    pairs = np.reshape(values, (-1, 2)).repeat(3 if len(values) == 2 else 1, axis=0)
    if (pairs.sum(axis=1) <= 0).any():
        return None
    return Noise(_triple(pairs[:, 0]), _triple(pairs[:, 1]))


def estimate(frame: FloatImage) -> Noise:
    """The noise seen in one frame: the line through the quietest blocks of each brightness.

    Args:
        frame: mosaic [H, W] that starts on red, or RGB [H, W, 3]; linear.
    """
    if frame.ndim == 2:
        red, green, blue = [frame[0::2, 0::2]], [frame[0::2, 1::2], frame[1::2, 0::2]], [frame[1::2, 1::2]]
    else:
        red, green, blue = ([frame[:, :, channel]] for channel in range(3))
    # One amplifier reads out all colours of a sensor; in rendered pictures each has had a gain of its own.
    lines = [_line([*red, *green, *blue])] * 3 if frame.ndim == 2 else [_line(planes) for planes in (red, green, blue)]
    return Noise(_triple([shot for shot, _ in lines]), _triple([read for _, read in lines]))


def _line(planes: Sequence[FloatImage]) -> tuple[float, float]:
    """Shot and read variance of planes with the same noise."""
    measured = [_blocks(np.ascontiguousarray(plane)) for plane in planes]
    means, variances = (np.concatenate([pair[index] for pair in measured]) for index in (0, 1))
    if not len(means):
        return 0.0, _LEAST_READ
    levels, quiet, weights = _quiet_blocks(means, variances)
    return _fit(levels, quiet, weights)


def _blocks(plane: FloatImage) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and noise variance of every block that is not clipped."""
    block = min(_BLOCK, *plane.shape)
    pixels, noise = _cut(plane, block), _cut(_details(plane), block)
    darkest = float(plane.min())
    clipped = (pixels.max(axis=1) >= _ALMOST_WHITE) | ((pixels <= darkest).mean(axis=1) > 0.05)
    if clipped.all():
        clipped[:] = False
    return pixels.mean(axis=1, dtype=np.float64)[~clipped], np.square(noise).mean(axis=1, dtype=np.float64)[~clipped]


def _details(plane: FloatImage) -> FloatImage:
    return np.asarray(cv2.filter2D(plane, cv2.CV_32F, _DETAILS, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _cut(plane: FloatImage, block: int) -> FloatImage:
    """[blocks, pixels] of a plane; what is left at the right and bottom is not looked at."""
    rows, columns = plane.shape[0] // block, plane.shape[1] // block
    cells = plane[: rows * block, : columns * block].reshape(rows, block, columns, block)
    return cells.transpose(0, 2, 1, 3).reshape(rows * columns, block * block)


def _quiet_blocks(
    means: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For groups of blocks of like brightness: brightness, noise variance, number of blocks."""
    order = np.argsort(means)
    bins = max(1, min(_BINS, len(means) // _LEAST_BLOCKS))
    groups = [group for group in np.array_split(order, bins) if len(group)]
    too_low = _quantile_of_pure_noise()
    levels = np.array([means[group].mean() for group in groups])
    quiet = np.array([np.quantile(variances[group], _QUIETEST) / too_low for group in groups])
    return levels, quiet, np.array([float(len(group)) for group in groups])


@lru_cache(maxsize=1)
def _quantile_of_pure_noise() -> float:
    """What the quietest blocks of pure noise of variance 1 measure: less than 1, because they are chosen."""
    side = 64 * _BLOCK
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    return float(np.quantile(np.square(_cut(_details(noise), _BLOCK)).mean(axis=1), _QUIETEST))


def _fit(
    levels: NDArray[np.float64], variances: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """The line `variance = shot * level + read` with both not negative.

    Least squares of relative errors, since a variance is measured to so many per cent; groups far above the line hold
    texture and lose their weight.
    """
    levels = np.maximum(levels, 0.0)
    shot, read = 0.0, float(np.median(variances))
    trust = weights.copy()
    for _ in range(10):
        expected = np.maximum(shot * levels + read, _LEAST_READ)
        shot, read = _not_negative(levels, variances, trust / expected**2)
        excess = variances / np.maximum(shot * levels + read, _LEAST_READ) - 1
        trust = weights / (1 + np.square(np.maximum(excess, 0) / 0.2))
    return shot, max(read, _LEAST_READ)


def _not_negative(
    levels: NDArray[np.float64], variances: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    total = weights.sum()
    level, variance = (weights * levels).sum() / total, (weights * variances).sum() / total
    spread = (weights * (levels - level) ** 2).sum()
    shot = float((weights * (levels - level) * (variances - variance)).sum() / spread) if spread > 0 else 0.0
    if shot <= 0:
        return 0.0, float(variance)
    read = variance - shot * level
    if read < 0:
        return float((weights * levels * variances).sum() / (weights * levels**2).sum()), 0.0
    return shot, float(read)


def _triple(values: Sequence[float] | NDArray[np.float64]) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
