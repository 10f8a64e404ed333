"""Burst synthesis for deblurring after Aittala and Durand, ECCV 2018, section 4: camera shake, then sensor noise.

What :mod:`data.deblur_original` does by accident is done on purpose here: the path of the camera always ends, is drawn
as a line that is darker where the camera lingers, and is centred; blur and noise happen once, in linear light; noise
levels do not drift; nothing is rounded before the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from admin.tensordict import TensorDict
from data.base_processing import TO_TENSOR
from data.boxes import Box, image_size
from data.deblur_alignment import aligned
from data.deblur_bursts import DeblurBursts, Levels, draw_noise_levels, sample
from utils.draws import Draws, standard_normal, standard_normals
from utils.ops.blur import blur, spread_path
from utils.ops.srgb import linear_to_srgb, srgb_to_linear

Image = NDArray[np.float32]

_PATH_SAMPLES = 64
_SMALLEST_DEVIATION = 0.1  # of a Gaussian; below that all of it lies in one pixel
_MIDDLE_GREY = 0.5  # in display space: where the noise levels hold


@dataclass(eq=False)
class PaperDeblurBursts(DeblurBursts):
    """Random crops, shaken anew in every frame, with shot and read noise.

    The arguments of :class:`DeblurBursts`, and others:

    Args:
        kernel_lvl: the largest distance in pixels that the camera gets from the middle of its path, in the frame
            that it shakes most; every frame has a random share of it.
        noise_lvl: of both noises; at middle grey shot noise has a deviation of 2 to 5 ``noise_lvl`` grey levels, drawn
            for every frame and channel, and read noise 0.1 to 0.5 times that.
        motion_blur: camera shake; else a Gaussian in all directions, of up to half of ``kernel_lvl``.
        align: move every frame onto the first one. A frame that cannot be aligned stays as it is and is counted.
        max_shift: how far frames other than the first one are displaced, in pixels and at most.
        max_reduction: photographs are reduced in size by a random factor from 1 to this first, which sharpens soft
            ones; by less where the photograph is too small, and enlarged where it is smaller than ``size``.
        transform: from uint8 HWC RGB to float CHW in 0..1; None is :class:`data.transforms.ToTensor`.
        render_on: on the ``device`` without alignment only.

    Raises:
        ValueError: impossible sizes or levels, or alignment on the device.
    """

    max_shift: float = field(default=0.0, kw_only=True)
    max_reduction: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        self.transform = self.transform or TO_TENSOR
        super().__post_init__()
        if self.align and self.render_on == "device":
            raise ValueError("frames are aligned by OpenCV, in the workers: set align=False or render_on='worker'")
        if self.max_shift < 0 or self.max_reduction < 1:
            raise ValueError(
                f"max_shift={self.max_shift} must not be negative and max_reduction={self.max_reduction} at least 1"
            )
        if self.render_on == "device" and self.size <= self._reach:
            raise ValueError(
                f"size={self.size}: frames rendered on the device must be larger than {self._reach} pixels"
            )

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """``transform`` (roll), ``crop`` (top, left, side in pixels of the photograph), and ``frames``: for each
        ``radius`` of the shake, ``shift`` (down, right), ``path_seed``, ``shot`` and ``read`` levels, ``noise_seed``.
        """
        roll = self._roll(draws)
        side = min(round(self.size * draws.uniform(1, self.max_reduction)), min(shape))
        crop = (draws.integer(0, shape[0] - side), draws.integer(0, shape[1] - side), side)
        frames = [self._draw_frame(draws, is_first=number == 0) for number in range(self.burst_size)]
        return {"transform": roll, "crop": crop, "frames": frames}

    def _draw_frame(self, draws: Draws, is_first: bool) -> dict[str, Any]:
        shot, read = draw_noise_levels((self.noise_lvl,) * 3, draws)
        reach = 0.0 if is_first else self.max_shift
        return {
            "radius": self.kernel_lvl * draws.uniform(0, 1),
            "shift": (draws.uniform(-reach, reach), draws.uniform(-reach, reach)),
            "path_seed": draws.seed(),
            "shot": shot,
            "read": read,
            "noise_seed": draws.seed(),
        }

    def render(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """As the base class says, from a photograph uint8 [H, W, 3] RGB."""
        sharp = self._sharp_crop(frame, params)
        linear = _planes_last(srgb_to_linear(_channels_first(sharp)))
        frames = [self._render_frame(linear, one) for one in params["frames"]]
        if not self.align:
            return sample(_to_8_bit(sharp), frames)
        moved = [aligned(image, frames[0]) for image in frames[1:]]
        burst = [frames[0], *(image for image, _ in moved)]
        return {**sample(_to_8_bit(sharp), burst), "unaligned": sum(not worked for _, worked in moved)}

    def _sharp_crop(self, frame: Any, params: dict[str, Any]) -> Image:
        """The crop [size, size, 3] in display space, 0..1."""
        top, left, side = params["crop"]
        box = Box(top, left, side, side).clipped(*image_size(frame))
        crop = _planes_last(self._transformed_crop(frame, box, params["transform"]))
        method = cv2.INTER_AREA if side > self.size else cv2.INTER_CUBIC
        return np.clip(cv2.resize(crop, (self.size, self.size), interpolation=method), 0, 1)

    def material(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """``sharp`` crop, ``kernels`` and noise of the frames: what :meth:`render_material` needs."""
        frames = params["frames"]
        noise = [noise_variances(one["shot"], one["read"]) for one in frames]
        return {
            "material": TensorDict(
                sharp=_channels_first(self._sharp_crop(frame, params)),
                kernels=torch.from_numpy(np.stack([_centred(self._kernel(one), self._reach) for one in frames])),
                noise_variances=torch.from_numpy(np.array(noise, dtype=np.float32)),
                noise_seeds=torch.tensor([one["noise_seed"] for one in frames]),
            )
        }

    def render_material(self, material: Any, batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
        """The images of :meth:`render` as [B, ...]; the noise of a GPU is another one than that of a CPU."""
        sharp, kernels, variances = (
            material[key].to(device, non_blocking=True) for key in ("sharp", "kernels", "noise_variances")
        )
        count, frames = kernels.shape[:2]
        linear = F.pad(srgb_to_linear(sharp), (self._reach,) * 4, mode="reflect")
        # Photographs as channels with kernels of their own; filter2D and convolution of torch both correlate.
        blurred = F.conv2d(linear.transpose(0, 1), kernels.flip(-2, -1).flatten(0, 1)[:, None], groups=count)
        blurred = blurred.unflatten(1, (count, frames)).permute(1, 2, 0, 3, 4)
        seeds = material["noise_seeds"].flatten().tolist()
        noise = standard_normals((self.size, self.size, 3), seeds, device).unflatten(0, (count, frames))
        shot, read = variances[..., None, None].unbind(2)
        noisy = blurred + noise.permute(0, 1, 4, 2, 3) * (blurred.clamp(min=0) * shot + read).sqrt_()
        burst, gt = (image.clamp(0, 1).mul_(255).round_() for image in (linear_to_srgb(noisy), sharp))
        return {"burst": burst.contiguous(), "frame_gt": gt}

    @property
    def _reach(self) -> int:
        """No kernel goes further than this many pixels from its middle."""
        blurred = self.kernel_lvl if self.motion_blur else 3 * max(self.kernel_lvl / 2, _SMALLEST_DEVIATION)
        return math.ceil(blurred + self.max_shift) + 1

    def _kernel(self, params: dict[str, Any]) -> Image:
        if self.motion_blur:
            return path_kernel(camera_path(params["radius"], params["path_seed"]) + params["shift"])
        return gaussian_kernel(params["radius"] / 2, params["shift"])

    def _render_frame(self, linear: Image, params: dict[str, Any]) -> NDArray[np.uint8]:
        blurred = blur(linear, self._kernel(params))
        noisy = add_sensor_noise(blurred, params["shot"], params["read"], params["noise_seed"])
        return _to_8_bit(_planes_last(linear_to_srgb(_channels_first(noisy))))


def camera_path(radius: float, seed: int) -> NDArray[np.float64]:
    """Positions (down, right) of a shaken camera at equal times during the exposure, [64, 2] in pixels.

    Twice integrated random acceleration, moved so that the mean is 0 and scaled so that the farthest point lies at
    ``radius``.
    """
    acceleration = standard_normal((_PATH_SAMPLES, 2), seed).double().numpy()
    path = acceleration.cumsum(axis=0).cumsum(axis=0)
    path -= path.mean(axis=0)
    scaled: NDArray[np.float64] = path * (radius / np.linalg.norm(path, axis=1).max())
    return scaled


def path_kernel(path: NDArray[np.float64]) -> Image:
    """The blur of a camera path [M, 2]: odd square of sum 1 around position 0, the path as a line of bilinear dots.

    The dots follow one another in less than a pixel, and are weighted by the time that the camera needs for them.
    """
    longest = np.linalg.norm(np.diff(path, axis=0), axis=1).max(initial=0)
    between = max(1, math.ceil(2 * longest))
    times = np.linspace(0, len(path) - 1, (len(path) - 1) * between + 1)
    dense = np.stack([np.interp(times, np.arange(len(path)), path[:, axis]) for axis in range(2)], axis=1)
    reach = math.ceil(np.abs(dense).max()) + 1
    kernel = spread_path(dense, 2 * reach + 1, reach)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def gaussian_kernel(deviation: float, centre: tuple[float, float]) -> Image:
    """Gaussian around ``centre`` (down, right), the same in all directions: odd square of sum 1."""
    deviation = max(deviation, _SMALLEST_DEVIATION)
    reach = math.ceil(3 * deviation + max(map(abs, centre))) + 1
    at = np.arange(-reach, reach + 1)
    down, right = (np.exp(-0.5 * ((at - middle) / deviation) ** 2) for middle in centre)
    kernel = np.outer(down, right)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def noise_variances(shot: Levels, read: Levels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """a and b of the noise variance a · signal + b in linear light, per channel; see :func:`add_sensor_noise`."""
    middle = float(srgb_to_linear(torch.tensor(_MIDDLE_GREY)))
    step = 1e-3
    slope = float(srgb_to_linear(torch.tensor(_MIDDLE_GREY + step)) - middle) / step
    to_linear = slope / 255
    shot_variance = (np.asarray(shot, dtype=np.float32) * to_linear) ** 2 / middle
    return shot_variance, (np.asarray(read, dtype=np.float32) * to_linear) ** 2


def add_sensor_noise(linear: Image, shot: Levels, read: Levels, seed: int) -> Image:
    """``linear`` [H, W, 3], 0..1, with noise of variance a · signal + b.

    Args:
        shot, read: deviations of the two parts at middle grey of the display, in grey levels of the display.
        seed: of the noise.
    """
    shot_variance, read_variance = noise_variances(shot, read)
    deviation = np.sqrt(np.maximum(linear, 0) * shot_variance + read_variance)
    return np.asarray(linear + standard_normal(linear.shape, seed).numpy() * deviation, dtype=np.float32)


def _centred(kernel: Image, reach: int) -> Image:
    """``kernel``, an odd square, in the middle of a square of side 2 ``reach`` + 1."""
    return np.pad(kernel, reach - kernel.shape[0] // 2)


def _to_8_bit(display: Image) -> NDArray[np.uint8]:
    return np.rint(np.clip(display, 0, 1) * 255).astype(np.uint8)


def _channels_first(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _planes_last(tensor: torch.Tensor) -> Image:
    return np.ascontiguousarray(tensor.permute(1, 2, 0).numpy())
