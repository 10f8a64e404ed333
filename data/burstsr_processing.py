"""Training samples for RAW burst super-resolution from real bursts (BurstSR)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from admin.tensordict import TensorDict
from data.base_processing import BaseProcessing, take_draws
from data.camera_pipeline import add_noise, read_noise_level
from data.processing_utils import center_box, draw_crop
from data.transforms import TransformBase
from utils.draws import Draws, standard_normal
from utils.ops.mosaic import pack, unpack

# Ground-truth columns (or rows) that a flip drops on each side, as published. The mosaic drops one column on each side,
# which is four of the ground truth: so flipped pairs are displaced by two, and the aligned loss takes that up.
_DROPPED_AS_PUBLISHED = 2


class BurstSRProcessing(BaseProcessing):
    """Crops a phone burst and the camera image of the same scene, and brings both to one brightness.

    Bhat et al., *Deep Burst Super-Resolution*, CVPR 2021, section 4.2.

    Args:
        crop_sz: side of the crop in packed pixels; bursts of exactly this width are not cropped.
        substract_black_level: subtract the sensors' black levels (spelt as published); values are not clamped.
        white_balance: multiply by the cameras' white balance.
        random_flip: mirror left-right and top-bottom, each with probability 1/2.
        noise_level: (lowest, highest) shot noise of extra noise, which is added before clamping to [0, 1].
        random_crop: False takes the centre.
        transform: must be None, there is none for RAW bursts.
        registered_flips: keep flipped pairs in register; False displaces them as published.

    Raises:
        NotImplementedError: a transform was given.
    """

    def __init__(
        self,
        crop_sz: int = 64,
        substract_black_level: bool = False,
        white_balance: bool = False,
        random_flip: bool = False,
        noise_level: Sequence[float] | None = None,
        random_crop: bool = True,
        transform: TransformBase | None = None,
        registered_flips: bool = False,
    ) -> None:
        if transform is not None:
            raise NotImplementedError("RAW bursts have no image transforms: pass transform=None")
        super().__init__(None)
        self.crop_sz = crop_sz
        self.substract_black_level = substract_black_level
        self.white_balance = white_balance
        self.random_flip = random_flip
        self.noise_level = noise_level
        self.random_crop = random_crop
        self.registered_flips = registered_flips

    def __call__(self, data: TensorDict) -> TensorDict:
        """Replaces ``frames`` (list of raw images) and ``gt`` (one) by the keys that :meth:`render` returns."""
        draws = take_draws(data)
        frames, gt = data.pop("frames"), data.pop("gt")
        data.update(self.render(frames, gt, self.draw(frames[0].shape()[-2:], draws)))
        return data

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """Everything random about one burst.

        Args:
            shape: (height, width) of the packed frames.
            draws: source of randomness.

        Returns:
            ``box`` in packed pixels (None: no crop), ``flip_horizontal``, ``flip_vertical``, ``noise_levels``
            (shot, read; None: no noise) and ``noise_seed``.

        Raises:
            ValueError: the frames are smaller than the crop.
        """
        box = None
        if shape[1] != self.crop_sz:
            box = draw_crop(shape, self.crop_sz, draws) if self.random_crop else center_box(shape, self.crop_sz)
        params: dict[str, Any] = {
            "box": box,
            "flip_horizontal": self.random_flip and draws.chance(0.5),
            "flip_vertical": self.random_flip and draws.chance(0.5),
            "noise_levels": None,
        }
        if self.noise_level is not None:
            lowest, highest = self.noise_level
            shot = math.exp(draws.uniform(math.log(lowest), math.log(highest)))
            params["noise_levels"] = (shot, read_noise_level(shot, draws))
            params["noise_seed"] = draws.seed()
        return params

    def render(self, frames: Sequence[Any], gt: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The sample that belongs to the drawn parameters.

        Args:
            frames: raw images of the phone (``dataset.burstsr_dataset.SamsungRAWImage``) of one size.
            gt: raw image of the camera (``CanonImage``), a whole number of times as large.
            params: see :meth:`draw`; ``noise``, a normal sample, may stand for ``noise_seed``.

        Returns:
            ``burst`` float32 [T, 4, h, w], linear packed RGGB, white at 1 and below 0 where below black;
            ``frame_gt`` float32 [3, k h, k w], linear sensor colours in the brightness of the burst;
            ``exp_scale_factor``, by which that brightness differed; ``meta_info_burst`` and ``meta_info_gt``.
        """
        _check_sizes(frames, gt)
        ratio = gt.shape()[-1] // frames[0].shape()[-1]
        if params["box"] is not None:
            top, left, height, width = params["box"]
            box = (top, top + height, left, left + width)
            frames = [frame.get_crop(*box) for frame in frames]
            gt = gt.get_crop(*(ratio * side for side in box))
        burst = torch.stack([self._image_data(frame) for frame in frames])
        gt_data = self._image_data(gt)
        if params["flip_horizontal"]:
            burst, gt_data = self._flipped(burst, gt_data, -1, ratio)
        if params["flip_vertical"]:
            burst, gt_data = self._flipped(burst, gt_data, -2, ratio)
        if params["noise_levels"] is not None:
            noise = params.get("noise")
            if noise is None:
                noise = standard_normal(burst.shape, params["noise_seed"], burst.device)
            shot, read = params["noise_levels"]
            burst = add_noise(burst, shot, read, noise=noise).clamp_(0.0, 1.0)
        exp_scale_factor = _light(frames[0]) / _light(gt)
        return {
            "burst": burst,
            "frame_gt": gt_data * exp_scale_factor,
            "meta_info_burst": self._meta_info_burst(frames[0]),
            "meta_info_gt": {**self._meta_info(gt), "norm_factor": gt.norm_factor / exp_scale_factor},
            "exp_scale_factor": exp_scale_factor,
        }

    def _image_data(self, image: Any) -> torch.Tensor:
        data: torch.Tensor = image.get_image_data(
            substract_black_level=self.substract_black_level, white_balance=self.white_balance, normalize=True
        )
        return data.float()

    def _flipped(
        self, burst: torch.Tensor, gt: torch.Tensor, axis: int, ratio: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both mirrored along an axis; sizes stay, the last row or column is repeated at the end.

        The mosaic loses its first and last column (or row), which keeps a red pixel at (0, 0).
        """
        dropped = ratio // 2 if self.registered_flips else _DROPPED_AS_PUBLISHED
        mosaic = _without_sides(unpack(burst).flip(axis), axis, 1)
        gt = _without_sides(gt.flip(axis), axis, dropped)
        return _repeat_end(pack(mosaic), axis, 1), _repeat_end(gt, axis, 2 * dropped)

    def _meta_info(self, image: Any) -> dict[str, Any]:
        meta: dict[str, Any] = image.get_all_meta_data()
        meta["black_level_subtracted"] = self.substract_black_level
        meta["while_balance_applied"] = self.white_balance  # spelt as published: stored files use this key
        meta["norm_factor"] = image.norm_factor
        meta["exposure"] = image.get_exposure_time()
        meta["f_number"] = image.get_f_number()
        meta["iso"] = image.get_iso()
        return meta

    def _meta_info_burst(self, frame: Any) -> dict[str, Any]:
        return {**self._meta_info(frame), "noise_profile": frame.get_noise_profile()[0]}


def _light(image: Any) -> float:
    """What a camera makes of the light of a scene: exposure time (s) x ISO / f-number^2."""
    return float(image.get_exposure_time() * image.get_iso() / image.get_f_number() ** 2)


def _without_sides(image: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    return image.narrow(axis, count, image.shape[axis] - 2 * count)


def _repeat_end(image: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    end = image.narrow(axis, image.shape[axis] - 1, 1)
    return torch.cat([image] + [end] * count, dim=axis)


def _check_sizes(frames: Sequence[Any], gt: Any) -> None:
    shapes = {tuple(frame.shape()) for frame in frames}
    if len(shapes) != 1:
        raise ValueError(f"the frames of a burst must have one size, these have {sorted(shapes)}")
    (_, height, width), (_, gt_height, gt_width) = shapes.pop(), gt.shape()
    if gt_width < width or gt_height != height * (gt_width // width):
        raise ValueError(
            f"the ground truth ({gt_height} x {gt_width}) must be a whole number of times as large as the packed frames"
            f" ({height} x {width})"
        )
