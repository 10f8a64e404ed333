"""Bursts as a hand-held camera takes them, made from one photograph: large shake, noise by ISO, frames that do not fit.

The ground truth is known to the pixel, so own bursts, which have none, can be judged by these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from data.synthetic_burst_generation import draw_camera, unprocess
from utils.draws import Draws, standard_normal

FloatImage = NDArray[np.float32]

# Shot noise at ISO 100; it grows with the gain of the sensor, which ISO is proportional to.
_SHOT_AT_ISO_100 = 1e-4


@dataclass(frozen=True)
class HandheldBurst:
    """Mosaics of one scene and the truth about them.

    Attributes:
        mosaics: [T, H, W] linear, starting on red, noise goes below 0; frame 0 is the reference.
        truth: [H, W, 3] linear sensor RGB of frame 0 without noise.
        matrices: [T, 2, 3] in pixels, `frame_i(matrix_i · (x, y, 1)) = frame_0(x, y)`; zeros where a frame shows
            another scene.
        shot, read: noise variance `shot * x + read`.
        white_balance: gains for R, G, B; green is 1.
        rgb2cam: 3x3 from linear sRGB to sensor colours after white balance.
    """

    mosaics: FloatImage
    truth: FloatImage
    matrices: NDArray[np.float64]
    shot: float
    read: float
    white_balance: tuple[float, float, float]
    rgb2cam: NDArray[np.float32]


def noise_of_iso(iso: float) -> tuple[float, float]:
    """Shot and read variance of a small sensor; read follows shot as in Brooks et al., CVPR 2019, section 3.1."""
    shot = _SHOT_AT_ISO_100 * iso / 100
    return shot, math.exp(2.18 * math.log(shot) + 1.20)


def handheld_burst(
    photo: NDArray[np.uint8],
    size: tuple[int, int],
    iso: float,
    frames: int = 8,
    max_shift: float = 60.0,
    max_rotation: float = 2.0,
    misfit: NDArray[np.uint8] | None = None,
    draws: Draws | None = None,
) -> HandheldBurst:
    """A burst of the middle of a photograph.

    Args:
        photo: sRGB uint8 [h, w, 3]; what it has beside `size` is shown by frames that are shifted that far, and it is
            mirrored where it ends.
        size: height and width of the frames, even.
        iso: 100 to 6400 or so.
        frames: number of frames T.
        max_shift: pixels in x and y; the second frame gets all of it.
        max_rotation: degrees; the third frame gets all of it.
        misfit: another photograph, which the last frame shows.
        draws: source of randomness.
    """
    draws = draws or Draws()
    camera = draw_camera({"smoothstep": False}, draws)
    linear = _sensor_colours(photo, camera)
    matrices = [np.eye(2, 3), *(_shake(index, size, max_shift, max_rotation, draws) for index in range(1, frames))]
    clean = [_view(linear, matrix, size) for matrix in matrices]
    if misfit is not None:
        clean[-1] = _view(_sensor_colours(misfit, camera), np.eye(2, 3), size)
        matrices[-1] = np.zeros((2, 3))
    shot, read = noise_of_iso(iso)
    mosaics = np.stack([_mosaic(frame) for frame in clean])
    normal = standard_normal(torch.Size(mosaics.shape), draws.seed(), torch.device("cpu")).numpy()
    noisy = mosaics + np.sqrt(shot * np.maximum(mosaics, 0) + read).astype(np.float32) * normal
    _, red, blue = camera["gains"]
    return HandheldBurst(
        noisy.astype(np.float32),
        clean[0],
        np.stack(matrices),
        shot,
        read,
        (red, 1.0, blue),
        np.asarray(camera["rgb2cam"], np.float32),
    )


def _sensor_colours(photo: NDArray[np.uint8], camera: dict[str, object]) -> FloatImage:
    image = torch.from_numpy(photo).permute(2, 0, 1).float() / 255
    return np.ascontiguousarray(unprocess(image, camera).permute(1, 2, 0).numpy())


def _shake(
    index: int, size: tuple[int, int], max_shift: float, max_rotation: float, draws: Draws
) -> NDArray[np.float64]:
    shift = np.array([draws.uniform(-max_shift, max_shift) for _ in range(2)])
    angle = draws.uniform(-max_rotation, max_rotation)
    if index == 1:
        shift = np.copysign(max_shift, shift)
    if index == 2:
        angle = math.copysign(max_rotation, angle)
    turn = math.radians(angle)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.column_stack([matrix, middle - matrix @ middle + shift])


def _view(linear: FloatImage, matrix: NDArray[np.float64], size: tuple[int, int]) -> FloatImage:
    """What frame_i shows: frame_i(matrix · p) = scene(p + corner), so frame_i(q) = scene(matrix⁻¹ q + corner)."""
    import cv2

    corner = np.array([(linear.shape[1] - size[1]) // 2, (linear.shape[0] - size[0]) // 2])
    inverse = cv2.invertAffineTransform(matrix) + np.column_stack([np.zeros((2, 2)), corner])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(linear, inverse, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(seen, 0.0, 1.0)


def _mosaic(rgb: FloatImage) -> FloatImage:
    bayer = rgb[:, :, 1].copy()
    bayer[0::2, 0::2] = rgb[0::2, 0::2, 0]
    bayer[1::2, 1::2] = rgb[1::2, 1::2, 2]
    return bayer
