"""Training samples of RawSR: synthesised by a simulated camera, or cut from stored pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from admin.tensordict import TensorDict
from data.base_processing import TO_TENSOR, BaseProcessing, take_draws
from data.boxes import Box, image_size
from data.camera_pipeline import random_ccm, random_gains
from data.rawsr_camera import (
    DOWNSAMPLING,
    Colors,
    blur,
    disk_kernel,
    expose,
    linear_from_mosaic,
    motion_kernel,
    render,
    render_mosaic,
    sensor_colors,
)
from data.transforms import TransformBase
from utils.draws import Draws, standard_normal
from utils.raw_files import SensorImage
from utils.suggestions import unknown_name_message

# Rendered around a crop and cut away again, in pixels of the mosaic: demosaicking and blur see true surroundings.
_MARGIN = 8


@dataclass(frozen=True)
class Degradation:
    """What the simulated camera does to a scene: ranges from which every sample draws.

    The defaults are the ranges of the paper for variable kernels ("blind").

    Attributes:
        radius: of the disk of defocus, in pixels of the ground truth.
        motion: range of the largest side of a motion kernel, in the same pixels; None for no motion.
        sigma1, sigma2: the noise has the variance ``sigma1^2 x + sigma2^2``.
        downsampling: ``mean``, ``nearest`` or ``bicubic``.
    """

    radius: tuple[float, float] = (1.0, 5.0)
    motion: tuple[int, int] | None = (3, 11)
    sigma1: tuple[float, float] = (0.0, 1e-2)
    sigma2: tuple[float, float] = (0.0, 1e-3)
    downsampling: str = "mean"

    def __post_init__(self) -> None:
        if self.downsampling not in DOWNSAMPLING:
            raise ValueError(unknown_name_message("downsampling", self.downsampling, DOWNSAMPLING))


BLIND = Degradation()
# One fixed kernel, as in the paper's "non-blind" figures; the paper does not say which one.
NON_BLIND = Degradation(radius=(3.0, 3.0), motion=None)
DEGRADATIONS = {"blind": BLIND, "nonblind": NON_BLIND}


class RawSRSynthesisProcessing(BaseProcessing):
    """A mosaic, its rendered reference and the sharp, enlarged ground truth from one photograph or RAW image.

    A photograph (uint8 HWC RGB) is brought back to linear sensor colours of a random camera; a `SensorImage` gives them
    by itself: its half-size linear image without interpolated colours is the scene, its own white balance and colour
    matrix the settings.

    Args:
        crop_sz: side of the mosaic in pixels, even; None takes as much of the image as there is.
        scale: S.
        degradation: ranges of blur and noise.
        transform: applied to photographs (uint8 HWC RGB to float CHW in 0..1).

    Raises:
        ValueError: an odd crop or a scale below 1.
    """

    def __init__(
        self,
        crop_sz: int | None,
        scale: int,
        degradation: Degradation = BLIND,
        transform: TransformBase | None = TO_TENSOR,
    ) -> None:
        super().__init__(transform)
        if (crop_sz is not None and (crop_sz < 2 or crop_sz % 2)) or scale < 1:
            raise ValueError(f"crop_sz={crop_sz}, scale={scale}: a crop has even sides, and the scale is at least 1")
        self.crop_sz, self.scale, self.degradation = crop_sz, scale, degradation

    def __call__(self, data: TensorDict) -> TensorDict:
        """Replaces ``frame`` by the keys that :meth:`render` returns."""
        draws = take_draws(data)
        frame = data.pop("frame")
        data.update(self.render(frame, self.draw_for(frame, draws)))
        return data

    def draw_for(self, frame: Any, draws: Draws) -> dict[str, Any]:
        """:meth:`draw` for a photograph, or for a `SensorImage` with its own colour settings."""
        if isinstance(frame, SensorImage):
            return self.draw(_linear_size(frame), draws, own_colors(frame))
        return self.draw(image_size(frame), draws)

    def draw(self, shape: tuple[int, int], draws: Draws, colors: Colors | None = None) -> dict[str, Any]:
        """Everything random about one sample.

        Args:
            shape: (height, width) of the scene.
            draws: source of randomness.
            colors: settings of the camera; drawn if None.

        Returns:
            ``transform`` (roll of the transform), ``crop`` (:class:`data.boxes.Box` of the ground truth), ``colors``,
            ``radius``, ``motion`` ((side, seed) of the motion kernel, or None), ``sigma1``, ``sigma2``, ``noise_seed``.

        Raises:
            ValueError: the scene is smaller than the crop.
        """
        roll = self._roll(draws)
        ranges = self.degradation
        motion = None
        crop = self._draw_crop(shape, draws)
        if colors is None:
            rgb2cam = random_ccm(draws).tolist()
            colors = Colors(*random_gains(draws), tuple(tuple(row) for row in rgb2cam))
        radius = draws.uniform(*ranges.radius)
        if ranges.motion is not None:
            largest = draws.integer(*ranges.motion)
            motion = (2 * draws.integer(0, (largest - 1) // 2) + 1, draws.seed())
        return {
            "transform": roll,
            "crop": crop,
            "colors": colors,
            "radius": radius,
            "motion": motion,
            "sigma1": draws.uniform(*ranges.sigma1),
            "sigma2": draws.uniform(*ranges.sigma2),
            "noise_seed": draws.seed(),
        }

    def _draw_crop(self, shape: tuple[int, int], draws: Draws) -> Box:
        step = 2 * self.scale
        if self.crop_sz is None:
            height, width = (size // step * step for size in shape)
        else:
            height = width = self.crop_sz * self.scale
        if min(shape[0] - height, shape[1] - width) < 0 or min(height, width) == 0:
            raise ValueError(
                f"image too small: {shape[0]} x {shape[1]} pixels, the crop has {height} x {width};"
                " leave the image out of the data set or lower crop_sz"
            )
        return Box(draws.integer(0, shape[0] - height), draws.integer(0, shape[1] - width), height, width)

    def render(self, frame: Any, params: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """The sample that belongs to the drawn parameters.

        Args:
            frame: photograph (uint8 HWC RGB, or what the transform takes) or `SensorImage`.
            params: see :meth:`draw`; ``noise``, a normal sample of the mosaic with its margin, may stand for
                ``noise_seed``.

        Returns:
            ``raw`` [1, K, K] noisy mosaic (RGGB, linear, 0..1), ``isp`` [3, K, K] its rendered picture in steps of
            1/255, and ``frame_gt`` [3, S K, S K] the sharp scene rendered with the same colour settings.
        """
        colors, crop, scale = params["colors"], params["crop"], self.scale
        linear, inside = self._scene(frame, params)
        scene = linear
        if params["motion"] is not None:
            scene = blur(scene, motion_kernel(*params["motion"]))
        scene = blur(scene, disk_kernel(params["radius"]))
        small = DOWNSAMPLING[self.degradation.downsampling](scene, scale)
        noise = params.get("noise")
        if noise is None:
            noise = standard_normal((1, *small.shape[1:]), params["noise_seed"])
        raw = expose(small, params["sigma1"], params["sigma2"], noise)
        low = Box(inside.top // scale, inside.left // scale, crop.height // scale, crop.width // scale)
        return {
            "raw": low.cut(raw).contiguous(),
            "isp": low.cut(render_mosaic(raw, colors)).contiguous(),
            "frame_gt": render(inside.cut(linear), colors),
        }

    def _scene(self, frame: Any, params: Mapping[str, Any]) -> tuple[torch.Tensor, Box]:
        """Linear sensor colours around the crop, and the crop in them.

        What lies above and to the left of the crop is whole Bayer cells.
        """
        crop: Box = params["crop"]
        if isinstance(frame, SensorImage):
            whole = linear_from_mosaic(torch.from_numpy(frame.mosaic), stride=2)
            around = self._around(crop, image_size(whole))
            linear = around.cut(whole)
        else:
            around = self._around(crop, image_size(frame))
            photo = self._transformed_crop(frame, around, params["transform"])
            linear = sensor_colors(photo, params["colors"])
        return linear, Box(crop.top - around.top, crop.left - around.left, crop.height, crop.width)

    def _around(self, crop: Box, size: tuple[int, int]) -> Box:
        cell = 2 * self.scale
        top, left = (min(_MARGIN * self.scale, start // cell * cell) for start in (crop.top, crop.left))
        bottom, right = (
            min(_MARGIN * self.scale, (length - start - extent) // cell * cell)
            for length, start, extent in zip(size, crop[:2], crop[2:], strict=True)
        )
        return Box(crop.top - top, crop.left - left, crop.height + top + bottom, crop.width + left + right)


def own_colors(image: SensorImage) -> Colors:
    """The settings with which the camera of a RAW image would render it."""
    rgb2cam = tuple(tuple(float(value) for value in row) for row in image.rgb2cam)
    return Colors(1.0, float(image.red_gain), float(image.blue_gain), rgb2cam)


def _linear_size(image: SensorImage) -> tuple[int, int]:
    """Of what `linear_from_mosaic` makes at stride 2."""
    return (image.mosaic.shape[0] - 2) // 2, (image.mosaic.shape[1] - 2) // 2


class RawSRCropProcessing(BaseProcessing):
    """Crops of stored pairs: the same part of mosaic, reference and ground truth, starting on red.

    Args:
        crop_sz: side of the mosaic's crop, even; the published settings have 256 at scale 2 and 128 at scale 4.
        scale: S, which the stored pairs must have.
        flip: mirror half of the samples left-right and half up-down. The mosaic then starts one pixel further on, so
            that it starts on red again; the published training does not mirror.

    Raises:
        ValueError: an odd crop.
    """

    def __init__(self, crop_sz: int, scale: int, flip: bool = False) -> None:
        super().__init__(None)
        if crop_sz < 2 or crop_sz % 2:
            raise ValueError(f"crop_sz={crop_sz}: a crop of a mosaic has even sides")
        self.crop_sz, self.scale, self.flip = crop_sz, scale, flip

    def __call__(self, data: TensorDict) -> TensorDict:
        """Replaces ``frame`` (a mapping of ``raw``, ``isp``, ``gt``) by the keys that :meth:`render` returns."""
        draws = take_draws(data)
        frame = data.pop("frame")
        data.update(self.render(frame, self.draw(frame["raw"].shape, draws)))
        return data

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """``crop`` (row, column of the mosaic) and ``mirrored`` (up-down, left-right) of one sample.

        Offsets are even, or odd along a mirrored axis, and all that fit are equally likely.

        Raises:
            ValueError: the mosaic is smaller than the crop.
        """
        mirrored = (self.flip and draws.chance(0.5), self.flip and draws.chance(0.5))
        starts = []
        for size, mirror in zip(shape, mirrored, strict=True):
            room = size - self.crop_sz - (1 if mirror else 0)
            if room < 0:
                raise ValueError(f"image too small: a mosaic of {shape[0]} x {shape[1]} pixels, crop {self.crop_sz}")
            starts.append(2 * draws.integer(0, room // 2) + (1 if mirror else 0))
        return {"crop": tuple(starts), "mirrored": mirrored}

    def render(self, frame: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """``raw`` [1, K, K], ``isp`` [3, K, K] and ``frame_gt`` [3, S K, S K] of the drawn crop, float32 0..1.

        Raises:
            ValueError: the ground truth has another scale; the mosaic holds values outside 0..1.
        """
        sample = pair_tensors(frame, self.scale, (*params["crop"], self.crop_sz, self.crop_sz))
        axes = [axis for axis, mirror in zip((-2, -1), params["mirrored"], strict=True) if mirror]
        return {name: tensor.flip(axes) for name, tensor in sample.items()}


def pair_tensors(pair: Mapping[str, Any], scale: int, part: tuple[int, int, int, int]) -> dict[str, torch.Tensor]:
    """A part of a stored pair: ``raw`` [1, h, w], ``isp`` [3, h, w] and ``frame_gt`` [3, S h, S w], float32 0..1.

    Args:
        pair: ``raw`` [H, W] in 0..1, ``isp`` [H, W, 3] uint8, ``gt`` [S H, S W, 3].
        scale: S that the pair must have.
        part: row, column, height and width in the mosaic.

    Raises:
        ValueError: the ground truth has another scale; the mosaic holds values outside 0..1.
    """
    raw, gt = pair["raw"], pair["gt"]
    if gt.shape[0] != scale * raw.shape[0]:
        raise ValueError(f"a mosaic {raw.shape} with ground truth {gt.shape}: expected scale {scale}")
    low = Box(*part)
    high = Box(*(scale * length for length in part))
    mosaic = _tensor(low.cut(raw)[:, :, None])
    least, most = float(mosaic.min()), float(mosaic.max())
    if not (least >= 0 and most <= 1):
        raise ValueError(f"a mosaic holds values from {least:g} to {most:g}: subtract black, divide by white")
    isp = _tensor(low.cut(pair["isp"])).div_(255)
    return {"raw": mosaic, "isp": isp, "frame_gt": _tensor(high.cut(gt))}


def _tensor(pixels: np.ndarray) -> torch.Tensor:
    """float32 [C, H, W] of [H, W, C]."""
    return torch.from_numpy(np.array(pixels, np.float32, order="C")).permute(2, 0, 1).contiguous()
