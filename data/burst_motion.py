"""How the camera moves during a synthetic burst, and the flow that follows from it.

The affine model of Bhat et al., *Deep Burst Super-Resolution*, CVPR 2021, with its conventions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from utils.draws import Draws


class Motion(NamedTuple):
    """How one frame is moved, in pixels of the photograph and degrees."""

    translation: tuple[float, float]  # (x, y)
    theta: float = 0.0
    shear: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)

    def matrix(self, image_shape: tuple[int, int]) -> np.ndarray:
        """The forward matrix [2, 3] of :func:`get_tmat`."""
        return get_tmat(image_shape, self.translation, self.theta, self.shear, self.scale)


def get_tmat(
    image_shape: Sequence[int],
    translation: Sequence[float],
    theta: float,
    shear_values: Sequence[float],
    scale_factors: Sequence[float],
) -> np.ndarray:
    """The affine map from source to destination pixels: translation, then shear, rotation and scaling.

    Args:
        image_shape: (height, width).
        translation: (x, y) in pixels.
        theta: degrees about the centre, positive turns counter-clockwise on the screen.
        shear_values: (x, y). The published pipeline takes x shear off by half the width, not the height.
        scale_factors: (x, y), about pixel (0, 0) and not about the centre, as in the published pipeline.

    Returns:
        float64 [2, 3] that multiplies (x, y, 1).
    """
    height, width = image_shape[0], image_shape[1]
    shear_x, shear_y = shear_values
    cos, sin = math.cos(math.radians(theta)), math.sin(math.radians(theta))
    translate = np.array([[1.0, 0.0, translation[0]], [0.0, 1.0, translation[1]], [0.0, 0.0, 1.0]])
    shear = np.array([[1.0, shear_x, -shear_x * width / 2], [shear_y, 1.0, -shear_y * height / 2], [0.0, 0.0, 1.0]])
    x, y = width / 2, height / 2
    rotate = np.array([[cos, sin, (1 - cos) * x - sin * y], [-sin, cos, sin * x + (1 - cos) * y], [0.0, 0.0, 1.0]])
    scale = np.diag([scale_factors[0], scale_factors[1], 1.0])
    affine: np.ndarray = (scale @ rotate @ shear @ translate)[:2]
    return affine


def draw_motions(
    burst_size: int, downsample_factor: int, transformation_params: Mapping[str, Any] | None, draws: Draws
) -> list[Motion]:
    """The random motion of every frame.

    Args:
        burst_size: number of frames T.
        downsample_factor: f; frame 0 is only moved by (f - 1) / 2, which puts its pixel (r, c) on pixel (f r, f c) of
            the ground truth.
        transformation_params: limits of the uniform draws of the other frames, zero where absent:
            ``max_translation`` (pixels; up to 0.01 they get the shift of frame 0), ``max_rotation`` (degrees),
            ``max_shear``, ``max_ar_factor`` and ``max_scale`` (natural logarithms).
        draws: source of randomness.
    """
    limits = transformation_params or {}
    shift = downsample_factor / 2 - 0.5
    reference = Motion((shift, shift))

    def within(limit: str) -> float:
        reach = limits.get(limit) or 0.0
        return draws.uniform(-reach, reach)

    motions = [reference]
    for _ in range(burst_size - 1):
        translation = reference.translation
        if (limits.get("max_translation") or 0.0) > 0.01:
            translation = (within("max_translation"), within("max_translation"))
        theta = within("max_rotation")
        shear = (within("max_shear"), within("max_shear"))
        aspect, scale = math.exp(within("max_ar_factor")), math.exp(within("max_scale"))
        motions.append(Motion(translation, theta, shear, (scale, scale * aspect)))
    return motions[:burst_size]


def flow_vectors(
    image_shape: tuple[int, int], motions: Sequence[Motion], downsample_factor: int, border_crop: int = 0
) -> torch.Tensor:
    """Where every pixel of a frame lies in frame 0, relative to its own place.

    Args:
        image_shape: (height, width) of the photograph.
        motions: of the frames, the reference first.
        downsample_factor, border_crop: as rendered.

    Returns:
        [T, 2, h, w], (x, y) in pixels of the full low-resolution mosaic; frame_i(p) = frame_0(p + flow_i(p)). Affine in
        the position, so nothing is sampled.
    """
    x, y = (_sampled_positions(size, downsample_factor, border_crop) for size in (image_shape[1], image_shape[0]))
    inverse = np.stack([_inverse(motion.matrix(image_shape)) for motion in motions])
    difference = (inverse - inverse[:1]) / downsample_factor
    flow = (
        difference[:, :, 0, None, None] * x[None, None, None, :]
        + difference[:, :, 1, None, None] * y[None, None, :, None]
        + difference[:, :, 2, None, None]
    )
    return torch.from_numpy(flow.astype(np.float32))


def _sampled_positions(size: int, factor: int, border_crop: int) -> np.ndarray:
    """Pixel coordinates of the warped image that the low-resolution pixels of one axis show."""
    remaining = size - 2 * border_crop
    count = round(remaining / factor)
    positions: np.ndarray = np.minimum(np.arange(count) * factor + (factor - 1) / 2, remaining - 1) + border_crop
    return positions


def _inverse(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))[:2]
