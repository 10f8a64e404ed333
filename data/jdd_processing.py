"""Training samples of joint denoising and demosaicking: from the frames of a clip to a noisy RAW burst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import torch

from admin.tensordict import TensorDict
from data.base_processing import BaseProcessing, take_draws
from data.boxes import Box, Size, image_size, rows_and_columns
from data.jdd_camera import (
    PUBLISHED_TRAINING_MAP,
    Camera,
    NoiseLevel,
    add_noise,
    checked_noise_map,
    noise_map,
    photo_to_linear,
)
from utils.draws import Draws, standard_normal, standard_normals
from utils.ops.mosaic import mosaic

_ORDERS = tuple(permutations(range(3)))  # of three colours; the first one changes nothing


class JDDProcessing(BaseProcessing):
    """A noisy packed burst of a random window of the frames, with its noise map and the clean centre frame.

    Guo et al., CVPR 2022: random camera and noise level, the same ones for all frames.

    Args:
        crop_sz: side of the window in pixels of the frames, or (rows, columns), even; 720 of the 720 x 1280 frames of
            REDS in the published training.
        use_flip: flip rows with probability 1/2.
        use_rot: flip columns, and transpose, with probability 1/2 each.
        noise_map_mode: a key of ``data.jdd_camera.NOISE_MAPS``.
        noise_ranges: of ``data.jdd_camera.NoiseLevel.draw``; those of the published training if None.
        render_on: see :class:`BaseProcessing`.
        shuffle_colours: let red, green and blue change places at random, so that a few photographs show many colours.

    Raises:
        ValueError: an odd size, a transposed window that is no square, another noise map.
    """

    def __init__(
        self,
        crop_sz: Size = 720,
        use_flip: bool = True,
        use_rot: bool = True,
        noise_map_mode: str = PUBLISHED_TRAINING_MAP,
        noise_ranges: Mapping[str, tuple[float, float]] | None = None,
        render_on: str = "worker",
        shuffle_colours: bool = False,
    ) -> None:
        super().__init__(transform=None, render_on=render_on)
        self.crop_sz = rows_and_columns(crop_sz)
        if any(side < 2 or side % 2 for side in self.crop_sz):
            raise ValueError(f"crop_sz={crop_sz}: a mosaic needs even sides of at least 2 pixels")
        if use_rot and self.crop_sz[0] != self.crop_sz[1]:
            raise ValueError(f"crop_sz={crop_sz} is no square, so it cannot be transposed; set use_rot=False")
        self.use_flip, self.use_rot = use_flip, use_rot
        self.noise_map_mode = checked_noise_map(noise_map_mode)
        self.noise_ranges = dict(noise_ranges or {})
        self.shuffle_colours = shuffle_colours

    def __call__(self, data: TensorDict) -> TensorDict:
        """Replaces ``frames`` by the keys that :meth:`render` returns."""
        draws = take_draws(data)
        frames = data.pop("frames")
        params = self.draw(image_size(frames[0]), draws)
        data.update(self.render(frames, params) if self.render_on == "worker" else self.material(frames, params))
        return data

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """Everything random about a burst.

        Args:
            shape: (height, width) of the frames.
            draws: source of randomness.

        Returns:
            ``crop`` (top, left), ``camera``, ``noise_level``, ``flip_rows``, ``flip_columns``, ``transpose``,
            ``noise_seed``, ``colours`` (which of them becomes red, green and blue).

        Raises:
            ValueError: the frames are smaller than the window.
        """
        rows, columns = self.crop_sz
        if shape[0] < rows or shape[1] < columns:
            raise ValueError(f"frames of {shape[0]} x {shape[1]} pixels are smaller than crop_sz={self.crop_sz}")
        return {
            "crop": (draws.integer(0, shape[0] - rows), draws.integer(0, shape[1] - columns)),
            "camera": Camera.draw(draws),
            "noise_level": NoiseLevel.draw(draws, **self.noise_ranges),
            "flip_rows": draws.chance(0.5) and self.use_flip,
            "flip_columns": draws.chance(0.5) and self.use_rot,
            "transpose": draws.chance(0.5) and self.use_rot,
            "noise_seed": draws.seed(),
            "colours": draws.choose(_ORDERS) if self.shuffle_colours else _ORDERS[0],
        }

    def render(self, frames: Sequence[Any], params: dict[str, Any]) -> dict[str, Any]:
        """The burst that belongs to the drawn parameters.

        Args:
            frames: T frames, uint8 [H, W, 3] in 0..255 or float [3, H, W] in 0..1; RGB, display gamma.
            params: see :meth:`draw`; ``noise`` [T, 4, h, w], a normal sample, may stand for ``noise_seed``.

        Returns:
            ``burst`` [T, 4, h, w] noisy packed RGGB, linear, 0..1; ``noise_map`` like it; ``burst_gt`` like it, without
            noise; ``frame_gt`` [3, 2h, 2w] linear sensor RGB of frame T // 2; ``meta_info`` with ``cam2rgb`` and
            ``rgb2cam`` [3, 3], ``rgb_gain``, ``red_gain``, ``blue_gain``, ``shot``, ``read`` (0-d) and
            ``noise_map_mode``.
        """
        level, middle, mosaics = params["noise_level"], len(frames) // 2, []
        # Frame by frame: of most of them only the mosaic is kept, and a frame fits into the processor's memory.
        for number, photo in enumerate(self._windows(frames, params)):
            linear = photo_to_linear(photo, params["camera"])
            mosaics.append(mosaic(linear))
            if number == middle:
                frame_gt = linear
        clean = torch.stack(mosaics)
        noise = params.get("noise")
        if noise is None:
            noise = standard_normal(clean.shape, params["noise_seed"], clean.device)
        noisy = add_noise(clean, level, noise)
        return {
            "burst": noisy,
            "noise_map": noise_map(noisy, level, self.noise_map_mode),
            "burst_gt": clean,
            "frame_gt": frame_gt,
            "meta_info": self._meta_info(params),
        }

    def material(self, frames: Sequence[Any], params: dict[str, Any]) -> dict[str, Any]:
        """What :meth:`render_material` needs of frames, and what does not have to be rendered."""
        photos = torch.stack(self._windows(frames, params))
        material = TensorDict(photos=photos, noise_seed=params["noise_seed"])
        return {"material": material, "meta_info": self._meta_info(params)}

    def render_material(self, material: Any, batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
        """The images of :meth:`render` as [B, ...]; the noise of a GPU is another one than that of a CPU."""
        meta: dict[str, torch.Tensor] = {
            key: value.to(device, non_blocking=True)
            for key, value in batch["meta_info"].items()
            if isinstance(value, torch.Tensor)
        }
        photos = material["photos"].to(device, non_blocking=True)
        count, frames = photos.shape[:2]
        # Every frame is an image of its own with the camera of its burst.
        cameras = Camera(
            *(meta[key].repeat_interleave(frames, dim=0) for key in ("rgb2cam", "rgb_gain", "red_gain", "blue_gain"))
        )
        linear = photo_to_linear(photos.flatten(0, 1), cameras).unflatten(0, (count, frames))
        clean = mosaic(linear)
        noise = standard_normals(clean.shape[1:], material["noise_seed"].tolist(), device)
        level = NoiseLevel(*(meta[key][:, None, None, None, None] for key in ("shot", "read")))
        noisy = add_noise(clean, level, noise)
        return {
            "burst": noisy,
            "noise_map": noise_map(noisy, level, self.noise_map_mode),
            "burst_gt": clean,
            "frame_gt": linear[:, frames // 2].contiguous(),
        }

    def _windows(self, frames: Sequence[Any], params: dict[str, Any]) -> list[torch.Tensor]:
        """The window of every frame [3, H, W], its colours shuffled, flipped and transposed.

        What follows works pixel by pixel.
        """
        (top, left), (rows, columns) = params["crop"], self.crop_sz
        window = Box(top, left, rows, columns)
        flips = params["flip_rows"], params["flip_columns"], params["transpose"]
        planes = [_planes(window.cut(frame)) for frame in frames]
        colours = params.get("colours", _ORDERS[0])
        if colours != _ORDERS[0]:  # choosing copies
            planes = [of_frame[list(colours)] for of_frame in planes]
        return [augmented(of_frame, *flips).contiguous() for of_frame in planes]

    def _meta_info(self, params: dict[str, Any]) -> dict[str, Any]:
        level: NoiseLevel = params["noise_level"]
        return {
            **params["camera"].metadata(),
            "shot": torch.tensor(level.shot, dtype=torch.float32),
            "read": torch.tensor(level.read, dtype=torch.float32),
            "noise_map_mode": self.noise_map_mode,
        }


def augmented(image: torch.Tensor, flip_rows: bool, flip_columns: bool, transpose: bool) -> torch.Tensor:
    """``image`` [..., H, W] with its rows in reverse order, then its columns, then transposed, as asked for."""
    axes = [axis for axis, flip in ((-2, flip_rows), (-1, flip_columns)) if flip]
    flipped = image.flip(axes) if axes else image
    return flipped.transpose(-2, -1) if transpose else flipped


def frame_tensor(image: np.ndarray | torch.Tensor) -> torch.Tensor:
    """A frame of a clip, uint8 array [H, W, 3] or float tensor [3, H, W], as float32 RGB [3, H, W] in 0..1."""
    planes = _planes(image)
    return planes.to(torch.float32) / 255.0 if planes.dtype == torch.uint8 else planes.to(torch.float32)


def _planes(image: np.ndarray | torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1) if isinstance(image, np.ndarray) else image
