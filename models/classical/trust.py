"""How far a frame can be trusted at every pixel: less where it shows something else than the reference.

A frame of bias b and noise variance 1 is worth 1 / (1 + N b²) of one without bias to a mean of N frames: with that
weight its bias harms no more than its noise helps. As in the robustness of B. Wronski et al., Handheld multi-frame
super-resolution, SIGGRAPH 2019, section 5.2, the bias is seen in local colours, corrected by what the noise alone would
do to them, tolerated where the image has structure, and the least trust of a neighbourhood counts.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from models.classical.flow import warp
from models.classical.noise import Array

# Deviation of the Gaussian over which colours are compared, in pixels of the luminance.
_BLUR = 1.5
# Of the noise's variance that the blur leaves.
_LEFT = 1 / (4 * math.pi * _BLUR**2)
# The difference of two frames has to be so many deviations above what noise does on average.
_SIGNIFICANT = 4.0
# Alignment is not better than this, in pixels of the luminance: differences that it explains are tolerated.
_MISALIGNMENT = 0.15
# The least trust within so many pixels counts.
_NEIGHBOURHOOD = np.ones((5, 5), np.uint8)


class Trust:
    """Compares frames with the reference.

    Args:
        reference: [h, w, C] colours at the resolution of the luminance, noise of deviation 1.
        frames: N, that are merged.
    """

    def __init__(self, reference: Array, frames: int) -> None:
        self._reference = _smooth(reference)
        channels = self._reference.shape[2]
        self._noise = 2 * _LEFT * (1 + _SIGNIFICANT * math.sqrt(2 / channels))
        gradients = [
            cv2.Sobel(self._reference, cv2.CV_32F, *order, ksize=3, scale=1 / 8).reshape(self._reference.shape)
            for order in ((1, 0), (0, 1))
        ]
        slope = sum(np.square(gradient).mean(axis=2) for gradient in gradients)
        self._tolerance = 1 / frames + _MISALIGNMENT**2 * np.asarray(slope, np.float32)

    def of(self, frame: Array, grid: Array) -> Array:
        """[h, w] in 0..1.

        Args:
            frame: as `reference`.
            grid: its flow (`models.classical.flow`).
        """
        moved = warp(_smooth(frame), grid).reshape(self._reference.shape)
        bias = np.maximum(np.square(moved - self._reference).mean(axis=2) - self._noise, 0)
        return cv2.erode(self._tolerance / (self._tolerance + bias), _NEIGHBOURHOOD).astype(np.float32)


def _smooth(image: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), _BLUR), np.float32).reshape(image.shape)
