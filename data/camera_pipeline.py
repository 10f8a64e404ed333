"""The camera pipeline and its inverse, between an sRGB photograph and a linear sensor image.

After Brooks et al., *Unprocessing Images for Learned Raw Denoising*, CVPR 2019, arXiv 1811.11127. All images are
float32, channels first, RGB, nominal range 0..1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from utils.draws import Draws, standard_normal
from utils.ops.mosaic import mosaic

__all__ = [
    "add_noise",
    "apply_ccm",
    "apply_gains",
    "apply_smoothstep",
    "gamma_compression",
    "gamma_expansion",
    "invert_smoothstep",
    "linear_light",
    "mosaic",
    "random_ccm",
    "random_gains",
    "random_noise_levels",
    "read_noise_level",
    "rgb_to_camera",
    "safe_invert_gains",
]

Gain = float | torch.Tensor

_GAMMA = 2.2
_GAMMA_FLOOR = 1e-8

# XYZ to camera colour matrices of four cameras.
_XYZ_TO_CAMERA = torch.tensor(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],
    ]
)
_RGB_TO_XYZ = torch.tensor(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def random_ccm(draws: Draws | None = None) -> torch.Tensor:
    """A random ``rgb2cam`` matrix [3, 3]: a convex mixture of four cameras, whose rows sum to one."""
    draws = draws or Draws()
    weights = torch.tensor([draws.uniform(0, 1) for _ in range(len(_XYZ_TO_CAMERA))])
    return rgb_to_camera((_XYZ_TO_CAMERA * weights[:, None, None]).sum(dim=0) / weights.sum())


def rgb_to_camera(xyz2cam: torch.Tensor | None = None) -> torch.Tensor:
    """The ``rgb2cam`` matrix [3, 3] of a camera, rows of sum one, from its XYZ-to-camera matrix as DNG files store it.

    None takes the first of the four cameras of :func:`random_ccm`.
    """
    rgb2cam = (_XYZ_TO_CAMERA[0] if xyz2cam is None else xyz2cam) @ _RGB_TO_XYZ
    return rgb2cam / rgb2cam.sum(dim=1, keepdim=True)


def random_gains(draws: Draws | None = None) -> tuple[float, float, float]:
    """Random (rgb_gain, red_gain, blue_gain): exposure and white balance of a camera."""
    draws = draws or Draws()
    rgb_gain = 1.0 / draws.normal(0.8, 0.1)
    red_gain = draws.uniform(1.9, 2.4)
    blue_gain = draws.uniform(1.5, 1.9)
    return rgb_gain, red_gain, blue_gain


def random_noise_levels(draws: Draws | None = None) -> tuple[float, float]:
    """Random (shot, read) with noise variance = shot * signal + read, log-uniform shot in 0.0001..0.012."""
    draws = draws or Draws()
    shot = math.exp(draws.uniform(math.log(0.0001), math.log(0.012)))
    return shot, read_noise_level(shot, draws)


def read_noise_level(shot_noise: float, draws: Draws) -> float:
    """Random read noise variance of a sensor with that shot noise, log-linear with normal deviations."""
    return math.exp(2.18 * math.log(shot_noise) + 1.20 + draws.normal(0.0, 0.26))


def apply_smoothstep(image: torch.Tensor) -> torch.Tensor:
    """Global tone curve 3x^2 - 2x^3; values are not clamped."""
    return 3 * image**2 - 2 * image**3


def invert_smoothstep(image: torch.Tensor) -> torch.Tensor:
    """Inverse of the tone curve on [0, 1]; values outside are clamped first."""
    # In one piece of memory: in the workers half of the time would else go into getting new pages.
    return image.clamp(0.0, 1.0).mul_(-2.0).add_(1.0).asin_().div_(3.0).sin_().neg_().add_(0.5)


def gamma_expansion(image: torch.Tensor) -> torch.Tensor:
    """Display to linear: max(x, 1e-8) ^ 2.2, without an upper clamp."""
    return image.clamp(min=_GAMMA_FLOOR).pow_(_GAMMA)


def linear_light(photo: torch.Tensor) -> torch.Tensor:
    """Inverse tone curve, then gamma expansion: linear float32 in 0..1 of sRGB in 0..1 or of 8 bits.

    Of 8 bits on the CPU the 256 results are looked up.
    """
    if photo.dtype != torch.uint8:
        return gamma_expansion(invert_smoothstep(photo))
    if photo.device.type != "cpu":
        return gamma_expansion(invert_smoothstep(photo.float().div_(255.0)))
    import cv2

    levels = photo.contiguous().numpy()
    looked_up = cv2.LUT(levels.reshape(-1, levels.shape[-1]), _linear_levels())
    return torch.from_numpy(looked_up).view(photo.shape)


@functools.cache
def _linear_levels() -> NDArray[np.float32]:
    levels = torch.arange(256, dtype=torch.float32) / 255.0
    return np.asarray(gamma_expansion(invert_smoothstep(levels)).numpy(), dtype=np.float32)


def gamma_compression(image: torch.Tensor) -> torch.Tensor:
    """Linear to display: max(x, 1e-8) ^ (1 / 2.2), without an upper clamp."""
    return image.clamp(min=_GAMMA_FLOOR) ** (1.0 / _GAMMA)


def apply_ccm(image: torch.Tensor, ccm: torch.Tensor) -> torch.Tensor:
    """Multiplies every pixel of an RGB image [3, H, W] by a 3 x 3 colour matrix; or images [B, 3, H, W] by [B, 3, 3].

    Raises:
        ValueError: not images of three channels, or another number of matrices.
    """
    _check_channels(image, (3,), "a colour matrix", batch=ccm.shape[:-2])
    ccm = ccm.to(image)
    if image.dim() == 3:
        return (ccm @ image.reshape(3, -1)).view(image.shape)
    # A sum instead of a matrix product, which GPUs may be set to make in less than float32.
    red, green, blue = image.split(1, dim=-3)
    columns = ccm[..., None, None].unbind(-3)
    converted: torch.Tensor = (red * columns[0]).addcmul_(green, columns[1]).addcmul_(blue, columns[2])
    return converted


def apply_gains(image: torch.Tensor, rgb_gain: float, red_gain: float, blue_gain: float) -> torch.Tensor:
    """Exposure and white balance of [3, H, W] (RGB) or [4, H, W] (packed RGGB), clamped to [0, 1].

    Raises:
        ValueError: neither three nor four channels.
    """
    _check_channels(image, (3, 4), "gains")
    greens = [1.0] * (image.shape[0] - 2)
    gains = image.new_tensor([red_gain, *greens, blue_gain]) * rgb_gain
    return (image * gains[:, None, None]).clamp_(0.0, 1.0)


def safe_invert_gains(image: torch.Tensor, rgb_gain: Gain, red_gain: Gain, blue_gain: Gain) -> torch.Tensor:
    """Inverse of the gains of an RGB image [3, H, W] that keeps bright pixels bright; not clamped.

    Images [B, 3, H, W] have gains [B].

    A pixel whose mean is above 0.9 may be a saturated highlight, whose dimming would give a false colour: there the
    gains fade to one (Brooks et al., section 3.2).

    Raises:
        ValueError: not an image of three channels.
    """
    red, blue = (torch.as_tensor(1.0 / gain, dtype=torch.float64) for gain in (red_gain, blue_gain))
    _check_channels(image, (3,), "inverse gains", batch=red.shape)
    gains = torch.stack((red, torch.ones_like(red), blue), dim=-1).to(image)[..., None, None]
    gains = gains / torch.as_tensor(rgb_gain, dtype=torch.float64).to(image)[..., None, None, None]
    highlight = image.mean(dim=-3, keepdim=True).sub_(0.9).clamp_(min=0.0).div_(0.1).square_()
    return ((1.0 - highlight) * gains).add_(highlight).clamp_(min=gains).mul_(image)


def add_noise(
    image: torch.Tensor,
    shot_noise: float | torch.Tensor = 0.01,
    read_noise: float | torch.Tensor = 0.0005,
    noise: torch.Tensor | None = None,
    draws: Draws | None = None,
) -> torch.Tensor:
    """Adds Gaussian noise of variance ``shot_noise * image + read_noise``; the result is not clamped.

    Args:
        image: linear floats of any shape. Below -read_noise / shot_noise the variance is taken as zero.
        shot_noise: variance per unit of signal.
        read_noise: variance at zero signal.
        noise: a normal sample of the shape of ``image`` instead of a drawn one.
        draws: where the noise comes from; fresh draws if not given.
    """
    if noise is None:
        noise = standard_normal(image.shape, (draws or Draws()).seed(), image.device)
    return image + noise * (image * shot_noise + read_noise).clamp_(min=0.0).sqrt_()


def _check_channels(image: torch.Tensor, channels: tuple[int, ...], what: str, batch: Sequence[int] = ()) -> None:
    if image.dim() != 3 + len(batch) or image.shape[-3] not in channels or image.shape[:-3] != tuple(batch):
        allowed = " or ".join(str(count) for count in channels)
        shape = f"[{', '.join([*map(str, batch), 'C', 'H', 'W'])}]"
        raise ValueError(f"{what} applies to {shape} with C = {allowed}, not to shape {tuple(image.shape)}")
