"""Noisy bursts for denoising, made from one photograph by shifted crops.

The noise and motion model is that of Mildenhall et al., *Burst Denoising with Kernel Prediction Networks*,
CVPR 2018, with the parameters of Bhat et al., *Deep Reparametrization of Multi-Frame Super-Resolution and
Denoising*, ICCV 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from admin.tensordict import TensorDict
from data.base_processing import TO_TENSOR, PhotographProcessing
from data.boxes import Box, image_size
from data.transforms import TransformBase
from utils.draws import Draws, standard_normal, standard_normals
from utils.ops.box import sliding_box_mean

# (log10 of the read noise deviation, log10 of the shot noise factor) of the fixed noise levels,
# that is of the sensor gains 1, 2, 4 and 8 of the published test sets.
NOISE_LEVELS = {2: (-2.2, -2.6), 3: (-1.8, -2.2), 4: (-1.44, -1.8), 5: (-1.07, -1.5)}

_DISPLAY_GAMMA = 2.2
_MEAN_COUNT_OF_LARGE_MOTIONS = 1.5


class DenoisingProcessing(PhotographProcessing):
    """A burst of integer-shifted, downsampled crops with heteroscedastic Gaussian noise, in linear space.

    Args:
        crop_sz: side of the output in pixels.
        burst_size: number of frames T, the noise-free-aligned reference first.
        pre_downsample_factor: side of the box that is averaged to one output pixel; motion is drawn in whole
            pixels before that, so it is a fraction of an output pixel afterwards.
        max_jitter_small, max_jitter_large: largest motion in output pixels of ordinary and of outlying frames.
        noise_level: one of 2, 3, 4, 5 (sensor gain 1, 2, 4, 8) instead of a random level per burst.
        min_sz: refuse photographs with a side below this.
        return_grayscale: one channel, the mean of the gamma-encoded RGB.
        transform: applied to the photograph (uint8 HWC RGB to float CHW in 0..1).
        log10_read_noise: range of log10 of the read noise deviation.
        log10_root_shot_noise: range of log10 of the square root of the shot noise factor (the published formulation).
        render_on: see :class:`BaseProcessing`.

    Raises:
        ValueError: unknown noise level, sizes that make no burst.
    """

    def __init__(
        self,
        crop_sz: int,
        burst_size: int,
        pre_downsample_factor: int,
        max_jitter_small: int,
        max_jitter_large: int,
        noise_level: int | None = None,
        min_sz: int | None = None,
        return_grayscale: bool = False,
        transform: TransformBase | None = TO_TENSOR,
        log10_read_noise: tuple[float, float] = (-3.0, -1.5),
        log10_root_shot_noise: tuple[float, float] = (-2.0, -1.0),
        render_on: str = "worker",
    ) -> None:
        super().__init__(transform, render_on)
        if noise_level is not None and noise_level not in NOISE_LEVELS:
            raise ValueError(f"noise_level={noise_level!r}: choose one of {sorted(NOISE_LEVELS)}, or None for random")
        if min(crop_sz, burst_size, pre_downsample_factor) < 1 or not 0 <= max_jitter_small <= max_jitter_large:
            raise ValueError(
                f"crop_sz={crop_sz}, burst_size={burst_size} and pre_downsample_factor={pre_downsample_factor} must be"
                f" at least 1 and 0 <= max_jitter_small={max_jitter_small} <= max_jitter_large={max_jitter_large}"
            )
        self.crop_sz = crop_sz
        self.burst_size = burst_size
        self.pre_downsample_factor = pre_downsample_factor
        self.max_jitter_small = max_jitter_small
        self.max_jitter_large = max_jitter_large
        self.noise_level = noise_level
        self.min_sz = min_sz
        self.return_grayscale = return_grayscale
        self.log10_read_noise = log10_read_noise
        self.log10_root_shot_noise = log10_root_shot_noise

    @property
    def _reach(self) -> int:
        """Largest motion in pixels of the photograph."""
        return self.max_jitter_large * self.pre_downsample_factor

    @property
    def _padded_size(self) -> int:
        return self.crop_sz * self.pre_downsample_factor + 2 * self._reach

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """Everything random about one burst.

        Args:
            shape: (height, width) of the photograph.
            draws: source of randomness.

        Returns:
            ``transform`` (roll of the transform), ``crop`` (row, column of the padded crop), ``motion`` (per frame
            (x, y) in pixels of the photograph, relative to frame 0), ``white_level`` in (0.1, 1], ``sigma_read``
            (deviation), ``sigma_shot`` (variance per unit of signal) and ``noise_seed``.

        Raises:
            ValueError: a side of the photograph is below ``min_sz``.
        """
        if self.min_sz is not None and min(shape) < self.min_sz:
            raise ValueError(
                f"image too small: {shape[0]} x {shape[1]} pixels, min_sz is {self.min_sz};"
                " leave the image out of the data set or lower min_sz"
            )
        size = self._padded_size
        # A photograph that is too small in one axis is brought to the padded size in both.
        height, width = shape if min(shape) >= size else (size, size)
        roll = self._roll(draws)
        crop = (draws.integer(0, height - size), draws.integer(0, width - size))
        large_motion = min(1.0, draws.poisson(_MEAN_COUNT_OF_LARGE_MOTIONS) / self.burst_size)
        motion = [(0, 0)] + [self._draw_motion(large_motion, draws) for _ in range(self.burst_size - 1)]
        white_level = 10 ** -draws.uniform(0, 1)
        sigma_read, sigma_shot = self._draw_noise(draws)
        return {
            "transform": roll,
            "crop": crop,
            "motion": motion,
            "white_level": white_level,
            "sigma_read": sigma_read,
            "sigma_shot": sigma_shot,
            "noise_seed": draws.seed(),
        }

    def _draw_motion(self, large_motion: float, draws: Draws) -> tuple[int, int]:
        jitter = self.max_jitter_large if draws.chance(large_motion) else self.max_jitter_small
        reach = jitter * self.pre_downsample_factor
        y = draws.integer(-reach, reach)
        return draws.integer(-reach, reach), y

    def _draw_noise(self, draws: Draws) -> tuple[float, float]:
        if self.noise_level is not None:
            read, shot = NOISE_LEVELS[self.noise_level]
            return 10**read, 10**shot
        read, root_of_shot = draws.uniform(*self.log10_read_noise), draws.uniform(*self.log10_root_shot_noise)
        return 10**read, (10**root_of_shot) ** 2

    def render(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The burst that belongs to the drawn parameters.

        Args:
            frame: photograph, uint8 HWC RGB (or what the transform takes); float CHW in 0..1 without a transform.
            params: see :meth:`draw`; ``noise`` [T, C, crop, crop], a normal sample, may stand for ``noise_seed``.

        Returns:
            ``burst`` [T, C, crop, crop] noisy and not clamped, ``frame_gt`` [C, crop, crop] the clean frame 0,
            ``sigma_estimate`` like ``burst``: noise deviation estimated from the noisy frames,
            ``shifts`` [T, 2, crop, crop]: constant (x, y) in output pixels with frame_i(p) = frame_0(p + shift_i),
            ``meta_info`` with ``white_level`` [1]. All linear, at most ``white_level``.
        """
        clean = self._clean_burst(frame, params) * params["white_level"]
        noise = params.get("noise")
        if noise is None:
            noise = standard_normal(clean.shape, params["noise_seed"], clean.device)
        noisy, sigma_estimate = _with_noise(clean, noise, params["sigma_read"] ** 2, params["sigma_shot"])
        motion = torch.tensor(params["motion"], dtype=torch.float32, device=clean.device)
        return {
            "burst": noisy,
            "frame_gt": clean[0].clone(),
            "sigma_estimate": sigma_estimate,
            "meta_info": _meta_info(params),
            "shifts": self._shifts(motion),
        }

    def material(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """What :meth:`render_material` needs of a photograph, and what does not have to be rendered."""
        box = self._box(frame, params)
        levels = [params["white_level"], params["sigma_read"] ** 2, params["sigma_shot"]]
        material = TensorDict(
            self._crop_material(frame, box, params["transform"]),
            motion=torch.tensor(params["motion"]),
            levels=torch.tensor(levels, dtype=torch.float32),
            noise_seed=params["noise_seed"],
        )
        return {"material": material, "meta_info": _meta_info(params)}

    def render_material(self, material: Any, batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
        """The entries of :meth:`render` as [B, ...]; the noise of a GPU is another one than that of a CPU."""
        padded = self._crops_of(material, device, self._pad)
        motion, levels = (material[key].to(device, non_blocking=True) for key in ("motion", "levels"))
        white_level, read_variance, sigma_shot = levels[:, :, None, None, None, None].unbind(1)
        clean = self._shifted(padded, motion) * white_level
        noise = standard_normals(clean.shape[1:], material["noise_seed"].tolist(), device)
        noisy, sigma_estimate = _with_noise(clean, noise, read_variance, sigma_shot)
        return {
            "burst": noisy,
            "frame_gt": clean[:, 0].clone(),
            "sigma_estimate": sigma_estimate,
            "shifts": self._shifts(motion.float()),
        }

    def _clean_burst(self, frame: Any, params: dict[str, Any]) -> torch.Tensor:
        """Noise-free linear frames [T, C, crop, crop] in 0..1, before the white level."""
        padded = self._padded_crop(frame, params)
        if self.return_grayscale:
            padded = padded.mean(dim=0, keepdim=True)
        # Frames overlap, so the box means of all positions are computed once and each frame takes its own.
        factor, means = self.pre_downsample_factor, sliding_box_mean(padded, self.pre_downsample_factor)
        length = (self.crop_sz - 1) * factor + 1
        frames = [
            means[:, self._reach + y :, self._reach + x :][:, :length:factor, :length:factor]
            for x, y in params["motion"]
        ]
        return torch.stack(frames).clamp_(0.0, 1.0).pow_(_DISPLAY_GAMMA)

    def _shifted(self, padded: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
        """:meth:`_clean_burst` of padded crops [B, 3, S, S] and motions [B, T, 2] (x, y): [B, T, C, crop, crop]."""
        if self.return_grayscale:
            padded = padded.mean(dim=1, keepdim=True)
        means = sliding_box_mean(padded, self.pre_downsample_factor).clamp_(0.0, 1.0).pow_(_DISPLAY_GAMMA)
        steps = torch.arange(self.crop_sz, device=motion.device) * self.pre_downsample_factor + self._reach
        columns, rows = (motion[:, :, axis, None] + steps for axis in (0, 1))  # [B, T, crop]
        sample = torch.arange(len(means), device=motion.device)[:, None, None, None]
        frames = means[sample, :, rows[:, :, :, None], columns[:, :, None, :]]
        return frames.permute(0, 1, 4, 2, 3).contiguous()

    def _shifts(self, motion: torch.Tensor) -> torch.Tensor:
        """Motions [..., 2] in pixels of the photograph as fields [..., 2, crop, crop] in output pixels."""
        shifts = motion / self.pre_downsample_factor
        return shifts[..., None, None].expand(*shifts.shape, self.crop_sz, self.crop_sz)

    def _padded_crop(self, frame: Any, params: dict[str, Any]) -> torch.Tensor:
        return self._pad(self._transformed_crop(frame, self._box(frame, params), params["transform"]))

    def _box(self, frame: Any, params: dict[str, Any]) -> Box:
        """What there is of the padded crop."""
        (top, left), size = params["crop"], self._padded_size
        return Box(top, left, size, size).clipped(*image_size(frame))

    def _pad(self, crop: torch.Tensor) -> torch.Tensor:
        right, below = (self._padded_size - crop.shape[axis] for axis in (-1, -2))
        return F.pad(crop, (0, right, 0, below)) if right or below else crop


def _with_noise(
    clean: torch.Tensor, noise: torch.Tensor, variance: Any, shot: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy frames, and the deviation of their noise as they themselves tell; ``variance`` is that of read noise."""
    noisy = clean + noise * (clean * shot + variance).sqrt_()
    return noisy, (noisy.clamp(min=0.0) * shot).add_(variance).sqrt_()


def _meta_info(params: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {"white_level": torch.tensor([params["white_level"]], dtype=torch.float32)}
