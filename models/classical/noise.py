"""The noise of a sensor and the transform after which it is equally strong everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Below this the noise counts as independent of the signal.
_LEAST_SHOT = 1e-7
_LEAST_READ_VARIANCE = 1e-10

_DETAILS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_MEDIAN_OF_ABSOLUTE_NORMAL = 0.6745


@dataclass(frozen=True)
class NoiseModel:
    """Noise variance `read_variance + shot * max(x, 0)` of a linear value x.

    Attributes:
        read_variance: of a black pixel.
        shot: variance per unit of signal.
    """

    read_variance: float
    shot: float

    @classmethod
    def fit(cls, values: Array, sigma: Array) -> NoiseModel:
        """The model behind a noise estimate, by least squares.

        Args:
            values: noisy linear values.
            sigma: their estimated noise deviation, same shape.
        """
        signal = np.maximum(values, 0.0).ravel().astype(np.float64)
        variance = np.square(sigma.ravel().astype(np.float64))
        spread = signal.var()
        shot = float(np.mean((signal - signal.mean()) * (variance - variance.mean())) / spread) if spread > 0 else 0.0
        shot = max(shot, 0.0)
        return cls(max(float(variance.mean() - shot * signal.mean()), _LEAST_READ_VARIANCE), shot)

    @classmethod
    def guess(cls, frame: Array) -> NoiseModel:
        """A constant noise level seen in one frame [C, H, W].

        The mask of J. Immerkær, Fast noise variance estimation, CVIU 1996, is blind to planes; the median, to edges.
        """
        details = [cv2.filter2D(channel, cv2.CV_32F, _DETAILS) for channel in frame]
        sigma = np.median(np.abs(details)) / (_MEDIAN_OF_ABSOLUTE_NORMAL * np.linalg.norm(_DETAILS))
        return cls(max(float(sigma) ** 2, _LEAST_READ_VARIANCE), 0.0)

    def averaged(self, frames: float) -> NoiseModel:
        """Of the mean of so many frames."""
        return NoiseModel(self.read_variance / frames, self.shot / frames)

    def deviation(self, x: Array) -> Array:
        """Of the noise of values x."""
        return np.sqrt(self.read_variance + self.shot * np.maximum(x, 0.0)).astype(np.float32)

    def stabilise(self, x: Array) -> Array:
        """Values whose noise has deviation 1 everywhere (F. J. Anscombe 1948, for normal noise)."""
        if self.shot < _LEAST_SHOT:
            return np.asarray(x / np.sqrt(self.read_variance), dtype=np.float32)
        root = np.sqrt(np.maximum(self.shot * x + self.read_variance, 0.0))
        return np.asarray(2.0 / self.shot * root, dtype=np.float32)

    def luminance(self, frames: Array) -> Array:
        """[T, H, W] with noise of deviation 1, for alignment: mean of the stabilised channels of [T, C, H, W]."""
        return np.ascontiguousarray(self.stabilise(frames).mean(axis=1) * np.float32(np.sqrt(frames.shape[1])))

    def restore(self, y: Array, variance: Array | float = 1.0) -> Array:
        """Linear values from denoised stabilised ones.

        The noise was averaged after a square root, which lowers the mean: E[y]^2 = E[y^2] - variance, so that is added
        again.

        Args:
            y: denoised values.
            variance: of the noise that they had, 1 for that of a single frame.
        """
        if self.shot < _LEAST_SHOT:
            return np.asarray(y * np.sqrt(self.read_variance), dtype=np.float32)
        return (((y * y + variance) * (self.shot / 2.0) ** 2 - self.read_variance) / self.shot).astype(np.float32)
