"""The camera of joint denoising and demosaicking: photographs to linear sensor colours and back, noise and its map.

After Guo et al., *A Differentiable Two-stage Alignment Scheme for Burst Image Reconstruction with Large Shift*, CVPR
2022, arXiv 2203.09294, which takes the pipeline of Brooks et al. (`data.camera_pipeline`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from data.camera_pipeline import (
    apply_ccm,
    gamma_compression,
    linear_light,
    random_ccm,
    random_gains,
    rgb_to_camera,
    safe_invert_gains,
)
from utils.draws import Draws, standard_normal
from utils.suggestions import unknown_name_message

Level = float | torch.Tensor


@dataclass(frozen=True)
class Camera:
    """Colours and exposure of a camera.

    Attributes:
        rgb2cam: [3, 3] linear RGB to sensor colours; rows sum to one.
        rgb_gain, red_gain, blue_gain: exposure and white balance that the camera applies.

    One object can also stand for N cameras: [N, 3, 3] and three tensors [N].
    """

    rgb2cam: torch.Tensor
    rgb_gain: float | torch.Tensor
    red_gain: float | torch.Tensor
    blue_gain: float | torch.Tensor

    @classmethod
    def fixed(cls, rgb_gain: float = 1.0) -> Camera:
        """The camera of the test sets. The original validates during training with an ``rgb_gain`` of 2."""
        return cls(rgb_to_camera(), rgb_gain, red_gain=2.0, blue_gain=1.7)

    @classmethod
    def draw(cls, draws: Draws) -> Camera:
        """A random camera, for training."""
        matrix = random_ccm(draws)
        return cls(matrix, *random_gains(draws))

    @property
    def cam2rgb(self) -> torch.Tensor:
        inverse: torch.Tensor = torch.linalg.inv(self.rgb2cam)
        return inverse

    def metadata(self) -> dict[str, torch.Tensor]:
        """``rgb2cam`` and ``cam2rgb`` [3, 3], ``rgb_gain``, ``red_gain``, ``blue_gain`` (0-d), all float32."""
        gains = {"rgb_gain": self.rgb_gain, "red_gain": self.red_gain, "blue_gain": self.blue_gain}
        matrices = {"rgb2cam": self.rgb2cam.float(), "cam2rgb": self.cam2rgb.float()}
        return matrices | {name: torch.tensor(gain, dtype=torch.float32) for name, gain in gains.items()}


@dataclass(frozen=True)
class NoiseLevel:
    """Noise of variance ``shot * signal + read**2``: ``shot`` is a variance factor, ``read`` a standard deviation.

    Tensors that broadcast against the images stand for the levels of a batch.
    """

    shot: Level
    read: Level

    @classmethod
    def draw(
        cls,
        draws: Draws,
        log10_read_noise: tuple[float, float] = (-3.0, -1.5),
        log10_shot_noise: tuple[float, float] = (-4.0, -2.0),
    ) -> NoiseLevel:
        """Log-uniform ``read`` and ``shot``, by default from the ranges of the published training."""
        read = 10 ** draws.uniform(*log10_read_noise)
        return cls(10 ** draws.uniform(*log10_shot_noise), read)


NOISE_LEVELS = {"high": NoiseLevel(shot=6.4e-3, read=2e-2), "low": NoiseLevel(shot=2.5e-3, read=1e-2)}
"""The two noise levels of the test sets."""


def _variance_map(noisy: torch.Tensor, shot: Level, read: Level) -> torch.Tensor:
    return noisy * shot + read


def _deviation_map(noisy: torch.Tensor, shot: Level, read: Level) -> torch.Tensor:
    return (noisy * shot + read**2).sqrt()


NOISE_MAPS: dict[str, Callable[[torch.Tensor, Level, Level], torch.Tensor]] = {
    "variance": _variance_map,
    "deviation": _deviation_map,
}
"""What a network is told about the noise, either ``shot * x + read`` or the deviation ``sqrt(shot * x + read**2)``.

The original trains and validates with the first and tests with the second. At the high noise level they differ up to
threefold, so a network should be tested with the one that it was trained with, save for the published figures.
"""
PUBLISHED_TRAINING_MAP, PUBLISHED_TEST_MAP = "variance", "deviation"


def noise_map(noisy: torch.Tensor, level: NoiseLevel, mode: str) -> torch.Tensor:
    """The noise map of noisy frames in 0..1, of their shape.

    Args:
        noisy: linear, clipped.
        level: of the noise.
        mode: a key of :data:`NOISE_MAPS`.

    Raises:
        ValueError: another mode.
    """
    return NOISE_MAPS[checked_noise_map(mode)](noisy, level.shot, level.read)


def checked_noise_map(mode: str) -> str:
    """``mode`` itself if it is a key of :data:`NOISE_MAPS`.

    Raises:
        ValueError: it is not.
    """
    if mode not in NOISE_MAPS:
        raise ValueError(unknown_name_message("noise map", mode, NOISE_MAPS))
    return mode


def add_noise(clean: torch.Tensor, level: NoiseLevel, noise: torch.Tensor) -> torch.Tensor:
    """``clean`` plus ``noise`` (normal sample of its shape) of the level's deviation, clipped to [0, 1]."""
    return (clean + noise * _deviation_map(clean, level.shot, level.read)).clamp_(0.0, 1.0)


def published_test_noise(size: tuple[int, int], frame_number: int) -> torch.Tensor:
    """The normal sample [4, h, w] of the published tests for a packed frame of ``size`` (h, w).

    Args:
        size: height and width of the packed frame.
        frame_number: 1 for the first frame of a clip; every clip starts anew, so all see the same noise fields.
    """
    return standard_normal((*size, 4), frame_number).permute(2, 0, 1)


def photo_to_linear(photos: torch.Tensor, camera: Camera) -> torch.Tensor:
    """Undoes the processing of a camera.

    Args:
        photos: [3, H, W] or [T, 3, H, W] RGB with display gamma, floats in 0..1 or uint8.
        camera: whose colours and exposure are undone; N = T cameras, one for every photo, are possible.

    Returns:
        Linear sensor RGB in 0..1, before white balance; same shape.
    """
    if camera.rgb2cam.dim() == 3:
        image = apply_ccm(linear_light(photos), camera.rgb2cam)
        return safe_invert_gains(image, camera.rgb_gain, camera.red_gain, camera.blue_gain).clamp_(0.0, 1.0)
    # Frames below each other: one camera, one image.
    frames = photos if photos.ndim == 4 else photos[None]
    count, channels, height, width = frames.shape
    image = linear_light(frames).transpose(0, 1).reshape(channels, count * height, width)
    image = apply_ccm(image, camera.rgb2cam)
    image = safe_invert_gains(image, camera.rgb_gain, camera.red_gain, camera.blue_gain).clamp_(0.0, 1.0)
    return image.view(channels, count, height, width).transpose(0, 1).reshape(photos.shape)


def white_balanced(linear: torch.Tensor, red_gain: torch.Tensor, blue_gain: torch.Tensor) -> torch.Tensor:
    """Linear sensor RGB [B, 3, H, W] with balanced white; not clipped.

    Args:
        linear: sensor colours.
        red_gain, blue_gain: of every image, [B] or [B, 1].
    """
    red, blue = red_gain.reshape(-1).to(linear), blue_gain.reshape(-1).to(linear)
    return linear * torch.stack((red, torch.ones_like(red), blue), dim=1)[:, :, None, None]


def to_srgb(balanced: torch.Tensor, cam2rgb: torch.Tensor, rgb_gain: torch.Tensor | None = None) -> torch.Tensor:
    """White-balanced linear sensor RGB to display colours, without a tone curve.

    Args:
        balanced: [B, 3, H, W].
        cam2rgb: of every image, [B, 3, 3].
        rgb_gain: brightness of every image, [B] or [B, 1], as in the published tests; None as in training.

    Returns:
        [B, 3, H, W] in 0..1, after brightness, clip, colour matrix, clip and gamma 1/2.2.
    """
    if rgb_gain is not None:
        balanced = balanced * rgb_gain.reshape(-1, 1, 1, 1).to(balanced)
    colours = torch.einsum("bij,bjhw->bihw", cam2rgb.to(balanced), balanced.clamp(0.0, 1.0))
    return gamma_compression(colours.clamp(0.0, 1.0))


def develop(
    linear: torch.Tensor,
    cam2rgb: torch.Tensor,
    rgb_gain: torch.Tensor,
    red_gain: torch.Tensor,
    blue_gain: torch.Tensor,
) -> torch.Tensor:
    """Linear sensor RGB [B, 3, H, W] to the sRGB in which the benchmarks score; arguments as above."""
    return to_srgb(white_balanced(linear, red_gain, blue_gain), cam2rgb, rgb_gain)
