"""Training samples for RAW burst super-resolution, made from photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from admin.tensordict import TensorDict
from data.base_processing import TO_TENSOR, PhotographProcessing
from data.boxes import Box, Size, rows_and_columns
from data.burst_motion import flow_vectors
from data.camera_pipeline import add_noise
from data.mosaic_rendering import can_render_mosaic, inverse_of_opencv, render_mosaic, render_mosaics
from data.processing_utils import center_box, draw_resized_crop, resize_batch, resize_bilinear
from data.synthetic_burst_generation import (
    border_crop_of,
    camera_meta_info,
    draw_raw_burst,
    render_frames,
    unprocess,
    with_noise,
)
from data.transforms import TransformBase
from utils.draws import Draws, standard_normals
from utils.ops.mosaic import mosaic


class SyntheticBurstProcessing(PhotographProcessing):
    """Crops a photograph and makes a RAW burst and its ground truth of it (Bhat et al., CVPR 2021).

    Args:
        crop_sz: (rows, columns) of the ground truth, one number means a square. ``border_crop`` of the burst parameters
            is added on each side before cropping, and cut off at the end. A photograph that is smaller is enlarged.
        burst_size: number of frames T.
        downsample_factor: ground-truth pixels per mosaic pixel and axis, f.
        crop_scale_range: range of the side of the crop over its final side; None keeps the scale.
        crop_ar_range: range of the stretch of the width against the height; None keeps it.
        burst_transformation_params, image_processing_params, interpolation_type: see
            ``data.synthetic_burst_generation.rgb2rawburst``.
        return_rgb_busrt: also return ``burst_rgb``, the frames before mosaic and noise (spelt as published).
        random_crop: False takes the centre; both ranges must be None then.
        transform: applied to the photograph (uint8 HWC RGB to float CHW in 0..1).
        return_shifts: also return ``shifts``, the true motion.
        render_on: see :class:`BaseProcessing`; for frames as mosaics only.

    Raises:
        ValueError: ranges together with a central crop; on the device, frames that are no mosaics.
    """

    def __init__(
        self,
        crop_sz: Size,
        burst_size: int,
        downsample_factor: int,
        crop_scale_range: Sequence[float] | None = None,
        crop_ar_range: Sequence[float] | None = None,
        burst_transformation_params: Mapping[str, Any] | None = None,
        image_processing_params: Mapping[str, Any] | None = None,
        interpolation_type: str = "bilinear",
        return_rgb_busrt: bool = False,
        random_crop: bool = True,
        transform: TransformBase | None = TO_TENSOR,
        return_shifts: bool = False,
        render_on: str = "worker",
    ) -> None:
        super().__init__(transform, render_on)
        if not random_crop and (crop_scale_range is not None or crop_ar_range is not None):
            raise ValueError(
                "random_crop=False takes the centre as it is: leave crop_scale_range and crop_ar_range out"
            )
        self.crop_sz = rows_and_columns(crop_sz)
        self.burst_size = burst_size
        self.downsample_factor = downsample_factor
        self.crop_scale_range = crop_scale_range
        self.crop_ar_range = crop_ar_range
        self.burst_transformation_params = burst_transformation_params
        self.image_processing_params = image_processing_params
        self.interpolation_type = interpolation_type
        self.return_rgb_busrt = return_rgb_busrt
        self.random_crop = random_crop
        self.return_shifts = return_shifts
        self._border = border_crop_of(burst_transformation_params)
        if render_on == "device" and not self._renders_mosaic:
            raise ValueError(
                "render_on='device' renders mosaics: crop_sz must be a multiple of twice downsample_factor,"
                " interpolation_type bilinear, and return_rgb_busrt False"
            )

    @property
    def _padded_size(self) -> tuple[int, int]:
        return self.crop_sz[0] + 2 * self._border, self.crop_sz[1] + 2 * self._border

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """Everything random about one burst.

        Args:
            shape: (height, width) of the photograph.
            draws: source of randomness.

        Returns:
            ``transform`` (its roll), ``box`` (what is cut from the transformed photograph) and the entries of
            ``data.synthetic_burst_generation.draw_raw_burst``.

        Raises:
            ValueError: the photograph is smaller than a central crop.
        """
        roll = self._roll(draws)
        if self.random_crop:
            box = draw_resized_crop(shape, self._padded_size, draws, self.crop_scale_range, self.crop_ar_range)
        else:
            box = center_box(shape, self._padded_size)
        burst_params = draw_raw_burst(
            self.burst_size,
            self.downsample_factor,
            self.burst_transformation_params,
            self.image_processing_params,
            draws,
        )
        return {"transform": roll, "box": box, **burst_params}

    def render(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The burst that belongs to the drawn parameters.

        Args:
            frame: photograph, uint8 HWC RGB (or what the transform takes); float CHW in 0..1 without a transform.
            params: see :meth:`draw`; ``noise`` may stand for ``noise_seed``.

        Returns:
            ``burst`` [T, 4, h/2f, w/2f] packed noisy RGGB, ``frame_gt`` [3, h, w] linear and never quantised,
            ``meta_info``, and if asked for ``burst_rgb`` [T, 3, h/f, w/f] and ``shifts`` [T, 2, h/2f, w/2f]: (x, y) in
            packed pixels with frame_i(p) = frame_0(p + shift_i). All images in linear sensor colours, 0..1.
        """
        linear = unprocess(self._crop(frame, params), params)
        sample: dict[str, Any] = {}
        if self._renders_mosaic:
            clean = render_mosaic(linear, params["motions"], self.downsample_factor, self._border)
        else:
            burst_rgb = render_frames(
                linear, params["motions"], self.downsample_factor, self._border, self.interpolation_type
            )
            clean = mosaic(burst_rgb)
            if self.return_rgb_busrt:
                sample["burst_rgb"] = burst_rgb
        sample["frame_gt"] = Box(self._border, self._border, *self.crop_sz).cut(linear).contiguous()
        sample["burst"] = with_noise(clean, params)
        sample["meta_info"] = camera_meta_info(params)
        if self.return_shifts:
            sample["shifts"] = self._shifts(params)
        return sample

    def material(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """What :meth:`render_material` needs of a photograph, and what does not have to be rendered."""
        material = TensorDict(self._crop_material(frame, Box(*params["box"]), params["transform"]))
        inverse = [inverse_of_opencv(motion.matrix(self._padded_size)) for motion in params["motions"]]
        material["inverse"] = torch.from_numpy(np.stack(inverse))
        material["rgb2cam"] = torch.as_tensor(params["rgb2cam"])
        material["gains"] = torch.tensor(params["gains"], dtype=torch.float64)
        material["noise_levels"] = torch.tensor(params["noise_levels"])
        material["noise_seed"] = params["noise_seed"]
        sample: dict[str, Any] = {"material": material, "meta_info": camera_meta_info(params)}
        if self.return_shifts:
            sample["shifts"] = self._shifts(params)
        return sample

    def render_material(self, material: Any, batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
        """``burst`` [B, T, 4, h/2f, w/2f] and ``frame_gt`` [B, 3, h, w] as of :meth:`render`.

        Before noise a value may differ by one level of 255; the noise of a GPU is another one than that of a CPU.
        """
        images = self._crops_of(material, device, lambda crops: resize_batch(crops, self._padded_size))
        rgb2cam, gains, levels, inverse = (
            material[key].to(device, non_blocking=True) for key in ("rgb2cam", "gains", "noise_levels", "inverse")
        )
        meta = batch["meta_info"]
        linear = unprocess(
            images,
            {
                "rgb2cam": rgb2cam,
                "gains": gains.unbind(1),
                "smoothstep": bool(meta["smoothstep"][0]),
                "gamma": bool(meta["gamma"][0]),
            },
        )
        burst = render_mosaics(linear, inverse, self.downsample_factor, self._border)
        if meta["shot_noise_level"].any() or meta["read_noise_level"].any():
            noise = standard_normals(burst.shape[1:], material["noise_seed"].tolist(), device)
            shot, read = levels[:, :, None, None, None, None].unbind(1)
            burst = add_noise(burst, shot, read, noise).clamp_(0.0, 1.0)
        frame_gt = Box(self._border, self._border, *self.crop_sz).cut(linear).contiguous()
        return {"burst": burst, "frame_gt": frame_gt}

    def _shifts(self, params: dict[str, Any]) -> torch.Tensor:
        flow = flow_vectors(self._padded_size, params["motions"], self.downsample_factor, self._border)
        return flow[:, :, ::2, ::2] / 2

    @property
    def _renders_mosaic(self) -> bool:
        """Whether frames can be made as mosaics, twelve times less to compute than in three colours."""
        return (
            not self.return_rgb_busrt
            and self.interpolation_type == "bilinear"
            and can_render_mosaic(self._padded_size, self.downsample_factor, self._border)
        )

    def _crop(self, frame: Any, params: dict[str, Any]) -> torch.Tensor:
        crop = self._transformed_crop(frame, Box(*params["box"]), params["transform"])
        return resize_bilinear(crop, self._padded_size)
