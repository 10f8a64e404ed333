"""Validation of joint denoising and demosaicking during training: one camera, one noise level, whole frames."""

from __future__ import annotations

from typing import Any

from data.jdd_camera import NOISE_LEVELS, PUBLISHED_TRAINING_MAP, Camera
from data.jdd_processing import JDDProcessing
from utils.draws import Draws


class JDDValidation(JDDProcessing):
    """Whole frames with the published validation's camera and high noise; only the noise field is drawn.

    Args:
        size: (rows, columns) of the frames, even.
        noise_map_mode: as in the training that is validated.
    """

    def __init__(self, size: tuple[int, int] = (720, 1280), noise_map_mode: str = PUBLISHED_TRAINING_MAP) -> None:
        super().__init__(size, use_flip=False, use_rot=False, noise_map_mode=noise_map_mode)

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        fixed = {"crop": (0, 0), "camera": Camera.fixed(rgb_gain=2.0), "noise_level": NOISE_LEVELS["high"]}
        return {**super().draw(shape, draws), **fixed}
