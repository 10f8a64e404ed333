"""Frames as the search for motion and misfits sees them: small, and with the same noise everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from models.classical.noise import Array, NoiseModel
from utils.ops.mosaic import pack

# From so many pixels on, colour images are looked at with half their sides, as mosaics always are.
_LARGE = 2_000_000


class StabilisedFrames:
    """Colours and luminance of a burst with noise of deviation 1.

    Args:
        frames: linear: mosaics [H, W] with even sides that start on red, or images [H, W, C].
        noise: of every channel (R, G, B for mosaics).

    Attributes:
        step: pixels of a frame per pixel of the luminance, whose pixel (i, j) lies at `step * (i, j) + middle`.
        middle: the same for x and y.
    """

    def __init__(self, frames: Sequence[Array], noise: Sequence[NoiseModel]) -> None:
        height, width = frames[0].shape[:2]
        self.is_mosaic = frames[0].ndim == 2
        self.step = 2 if self.is_mosaic or height * width >= _LARGE else 1
        self.middle = (self.step - 1) / 2
        self._frames, self._noise = frames, noise

    def colours(self, index: int) -> Array:
        """Colours [h, w, C] of a frame at the resolution of the luminance."""
        frame = self._frames[index]
        if self.is_mosaic:
            red, green1, green2, blue = pack(frame)
            r, g, b = self._noise
            green = (g.stabilise(green1) + g.stabilise(green2)) * np.float32(0.5**0.5)
            return np.stack([r.stabilise(red), green, b.stabilise(blue)], axis=-1)
        stabilised = per_channel(NoiseModel.stabilise, self._noise, frame)
        if self.step == 1:
            return stabilised
        height, width = (side // 2 for side in frame.shape[:2])
        half = cv2.resize(stabilised[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(2 * half.reshape(height, width, -1), np.float32)

    def luminance(self) -> Array:
        """[T, h, w] of all frames."""
        return np.stack([_luminance(self.colours(index)) for index in range(len(self._frames))])


def per_channel(function: Callable[[NoiseModel, Array], Array], noise: Sequence[NoiseModel], image: Array) -> Array:
    """A function of noise model and values, applied to every channel of [..., C]."""
    return np.stack([function(model, image[..., channel]) for channel, model in enumerate(noise)], axis=-1)


def _luminance(colours: Array) -> Array:
    return np.asarray(colours.mean(axis=2) * np.float32(np.sqrt(colours.shape[2])), np.float32)
