"""RAW images of the two cameras of BurstSR: a Samsung phone (burst frames) and a Canon camera (ground truth)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from utils.image_io import PathLike, read_png16
from utils.safe_pickle import UnreadablePickle, read_pickle

_IMAGE_FILE = "im_raw.png"
_META_FILE = "meta_info.pkl"


class CameraImage:
    """A RAW image with the camera's own numbers: what both cameras have in common.

    Attributes:
        im_raw: sensor values ``[C, h, w]`` as stored.
        black_level, cam_wb, daylight_wb: black level and white balance gains, one value for each channel.
        exif_data: EXIF tag name → tag; None or empty where the file holds none.
        crop_info: where the image was cropped from, if the data set says so.
        norm_factor: the sensor's white level.
        source: where the meta-data come from, for error messages.
    """

    crop_info: Any = None
    norm_factor: float
    source: str = "an image made in memory"

    _channels: ClassVar[int]
    _stored_as: ClassVar[type[np.generic]]  # type of the values that are held
    _matrix: ClassVar[str]  # name of the colour matrix
    _matrix_shape: ClassVar[tuple[int, int]]
    _extras: ClassVar[tuple[str, ...]] = ()  # what else the meta-data may hold, in the order of the arguments
    _exif_prefix: ClassVar[str]
    _white_balance_unit: ClassVar[float]

    def __init__(
        self,
        im_raw: torch.Tensor,
        black_level: Sequence[float],
        cam_wb: Sequence[float],
        daylight_wb: Sequence[float],
        exif_data: dict[str, Any] | None,
    ) -> None:
        self.im_raw = im_raw
        self.black_level = list(black_level)
        self.cam_wb = list(cam_wb)
        self.daylight_wb = list(daylight_wb)
        self.exif_data = exif_data

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Reads the folder of an image (``im_raw.png``, ``meta_info.pkl``).

        Raises:
            UnreadableImage: the image is missing, cut off, has not 16 bits or other channels than the camera's, or
                values above its white level.
            UnreadablePickle: the meta-data is missing, damaged, incomplete, or names anything but data.
        """
        folder = Path(path)
        raw = read_png16(folder / _IMAGE_FILE, cls._channels, white=int(cls.norm_factor))
        meta = _read_meta(folder / _META_FILE, cls._matrix, cls._matrix_shape)
        names = ("black_level", "cam_wb", "daylight_wb", cls._matrix, "exif_data", *cls._extras)
        arguments: Any = [meta.get(name) for name in names]
        values = np.ascontiguousarray(raw.transpose(2, 0, 1), dtype=cls._stored_as)
        image = cls(torch.from_numpy(values), *arguments)
        image.crop_info, image.source = meta.get("crop_info"), str(folder / _META_FILE)
        return image

    def get_all_meta_data(self) -> dict[str, Any]:
        """``black_level``, ``cam_wb``, ``daylight_wb`` and the colour matrix as plain lists."""
        return {
            "black_level": self.black_level,
            "cam_wb": self.cam_wb,
            "daylight_wb": self.daylight_wb,
            self._matrix: np.asarray(getattr(self, self._matrix)).tolist(),
        }

    def shape(self) -> tuple[int, ...]:
        """``(C, h, w)``."""
        return tuple(self.im_raw.shape)

    def get_image_data(
        self, substract_black_level: bool = False, white_balance: bool = False, normalize: bool = False
    ) -> torch.Tensor:
        """The sensor values as float32 ``[C, h, w]``; steps are applied in the order of the arguments.

        Args:
            substract_black_level: subtract ``black_level``; values below black become negative.
            white_balance: multiply by the gains ``cam_wb``.
            normalize: divide by ``norm_factor``, so that white is about 1.
        """
        data = self.im_raw.float()
        if substract_black_level:
            data = data - torch.tensor(self.black_level, dtype=torch.float32).view(-1, 1, 1)
        if white_balance:
            gains = torch.tensor(self.cam_wb, dtype=torch.float32) / self._white_balance_unit
            data = data * gains.view(-1, 1, 1)
        return data / self.norm_factor if normalize else data

    def crop_image(self, r1: int, r2: int, c1: int, c2: int) -> None:
        """Cuts the image, in place, to rows ``r1 … r2-1`` and columns ``c1 … c2-1``."""
        self.im_raw = self.im_raw[:, r1:r2, c1:c2]

    def get_crop(self, r1: int, r2: int, c1: int, c2: int) -> Self:
        """A new image of rows ``r1 … r2-1`` and columns ``c1 … c2-1`` with the same meta-data."""
        image = copy(self)
        image.crop_image(r1, r2, c1, c2)
        return image

    def get_exposure_time(self) -> float:
        """Exposure time in seconds."""
        return self._exif_number("ExposureTime")

    def get_f_number(self) -> float:
        """f-number of the aperture."""
        return self._exif_number("FNumber")

    def get_iso(self) -> float:
        """ISO speed."""
        return self._exif_number("ISOSpeedRatings")

    def _exif_values(self, tag: str) -> Any:
        values = getattr((self.exif_data or {}).get(tag), "values", None)
        if not isinstance(values, (list, tuple)) or not values:
            raise UnreadablePickle(f"{self.source} has no EXIF tag {tag!r} with values, which this step needs")
        return values

    def _exif_number(self, name: str) -> float:
        """First value of a tag; whole numbers stay ``int``."""
        tag = f"{self._exif_prefix} {name}"
        value = self._exif_values(tag)[0]
        number = value if isinstance(value, int) else float(value)
        if not math.isfinite(number):
            raise UnreadablePickle(f"{self.source}: the EXIF tag {tag!r} is {value}, expected a number")
        return number


class SamsungRAWImage(CameraImage):
    """A frame of the phone: packed Bayer image R, G, G, B with 10-bit values 0..1023.

    Args:
        im_raw: int16 ``[4, h, w]``.
        black_level, cam_wb, daylight_wb: 4 values each, R, G, G, B; a gain of 1 leaves green as it is.
        color_matrix: 3x4, from rawpy.
        exif_data: EXIF tag name → tag.
        im_preview: the phone's own picture, uint8 ``[2h, 2w, 3]``, if stored.
    """

    norm_factor = 1023.0
    _channels, _stored_as = 4, np.int16
    _matrix, _matrix_shape, _extras = "color_matrix", (3, 4), ("im_preview",)
    _exif_prefix, _white_balance_unit = "Image", 1.0

    def __init__(
        self,
        im_raw: torch.Tensor,
        black_level: Sequence[float],
        cam_wb: Sequence[float],
        daylight_wb: Sequence[float],
        color_matrix: NDArray[Any],
        exif_data: dict[str, Any] | None,
        im_preview: NDArray[np.uint8] | None = None,
    ) -> None:
        super().__init__(im_raw, black_level, cam_wb, daylight_wb, exif_data)
        self.color_matrix = color_matrix
        self.im_preview = im_preview

    def crop_image(self, r1: int, r2: int, c1: int, c2: int) -> None:
        """Cuts the image, in place, to packed rows ``r1 … r2-1`` and columns ``c1 … c2-1``, and the preview alike."""
        super().crop_image(r1, r2, c1, c2)
        if self.im_preview is not None:
            self.im_preview = self.im_preview[2 * r1 : 2 * r2, 2 * c1 : 2 * c2]

    def get_noise_profile(self) -> torch.Tensor:
        """The DNG noise profile: float64 ``[3, 2]``, for R, G, B the shot and the read noise factor."""
        tag = "Image Tag 0xC761"
        values = np.asarray(self._exif_values(tag), dtype=np.float64)
        if values.size != 6:
            raise UnreadablePickle(f"{self.source}: the noise profile {tag!r} has {values.size} values, expected 6")
        return torch.from_numpy(values.reshape(3, 2))


class CanonImage(CameraImage):
    """The camera's image of the scene: RGB at full resolution with 14-bit values 0..16383.

    Args:
        im_raw: float32 ``[3, h, w]``.
        black_level, cam_wb, daylight_wb: R, G, B, or R, G, G, B of which the second G is dropped; ``cam_wb`` counts in
            1/1024.
        rgb_xyz_matrix: 4x3, from rawpy.
        exif_data: EXIF tag name → tag.
    """

    norm_factor = 16383
    _channels, _stored_as = 3, np.float32
    _matrix, _matrix_shape = "rgb_xyz_matrix", (4, 3)
    _exif_prefix, _white_balance_unit = "EXIF", 1024.0

    def __init__(
        self,
        im_raw: torch.Tensor,
        black_level: Sequence[float],
        cam_wb: Sequence[float],
        daylight_wb: Sequence[float],
        rgb_xyz_matrix: NDArray[Any],
        exif_data: dict[str, Any] | None,
    ) -> None:
        super().__init__(im_raw, _three(black_level), _three(cam_wb), _three(daylight_wb), exif_data)
        self.rgb_xyz_matrix = rgb_xyz_matrix

    def get_all_meta_data(self) -> dict[str, Any]:
        """``black_level``, ``cam_wb``, ``daylight_wb``, ``rgb_xyz_matrix`` as plain lists, and ``norm_factor``."""
        return super().get_all_meta_data() | {"norm_factor": self.norm_factor}

    def set_image_data(self, im_data: torch.Tensor) -> None:
        """Replaces the sensor values, ``[3, h, w]``."""
        self.im_raw = im_data

    def set_crop_info(self, crop_info: Any) -> None:
        self.crop_info = crop_info

    def resize(self, size: int | tuple[int, int] | None = None, scale_factor: float | None = None) -> None:
        """Resizes the image bilinearly in place, to ``size`` (rows, columns) or by ``scale_factor``."""
        self.im_raw = torch.nn.functional.interpolate(
            self.im_raw[None], size=size, scale_factor=scale_factor, mode="bilinear", align_corners=False
        )[0]

    @staticmethod
    def generate_processed_image(
        im: torch.Tensor,
        meta_data: dict[str, Any],
        return_np: bool = False,
        external_norm_factor: float | torch.Tensor | None = None,
        gamma: bool = True,
        smoothstep: bool = True,
        no_white_balance: bool = False,
    ) -> torch.Tensor | NDArray[np.uint8]:
        """A picture to look at from linear sensor RGB.

        Scaled by ``norm_factor``, black level subtracted and white balance applied unless ``meta_data`` says that it
        was done (the key of the latter is spelt ``while_balance_applied`` in all files), divided by five times its
        mean, clamped, then power 1/2.2 and smoothstep.

        Args:
            im: ``[3, h, w]``, linear.
            meta_data: as ``meta_info_burst`` or ``meta_info_gt`` of ``BurstSRProcessing``; of four channels the second
                G is ignored.
            return_np: give uint8 ``[h, w, 3]`` RGB (truncated) instead of float32 ``[3, h, w]`` in 0..1.
            external_norm_factor: divide by this instead of five times the mean, so that several images compare.
            no_white_balance: leave the colours of the sensor.
        """
        im = im * meta_data.get("norm_factor", 1.0)
        if not meta_data.get("black_level_subtracted"):
            im = im - _rgb_values(meta_data["black_level"], im)
        if not meta_data.get("while_balance_applied") and not no_white_balance:
            gains = _rgb_values(meta_data["cam_wb"], im)
            im = im * (gains / gains[1])
        im = im / (im.mean() * 5.0 if external_norm_factor is None else external_norm_factor)
        im = im.clamp(0.0, 1.0)
        if gamma:
            im = im ** (1.0 / 2.2)
        if smoothstep:
            im = 3.0 * im**2 - 2.0 * im**3
        if return_np:
            return (im.permute(1, 2, 0) * 255.0).to(torch.uint8).cpu().numpy()
        return im


def _three(values: Sequence[float]) -> list[float]:
    """R, G, B of values for R, G, B or for R, G, G, B."""
    return [values[0], values[1], values[3]] if len(values) == 4 else list(values)


def _rgb_values(values: Any, like: torch.Tensor) -> torch.Tensor:
    """First, second and last of three or four values as ``[3, 1, 1]``."""
    return torch.as_tensor(values, dtype=like.dtype, device=like.device).flatten()[[0, 1, -1]].view(3, 1, 1)


def _read_meta(path: Path, matrix: str, shape: tuple[int, int]) -> dict[str, Any]:
    meta = read_pickle(path)
    if not isinstance(meta, dict):
        raise UnreadablePickle(f"{path} holds {type(meta).__name__}, expected a dictionary of meta-data")
    expected = ("black_level", "cam_wb", "daylight_wb", matrix)
    missing = [key for key in expected if key not in meta]
    if missing:
        raise UnreadablePickle(f"{path} lacks {', '.join(missing)}; it holds {', '.join(map(str, meta))}")
    for key in expected[:3]:
        values = meta[key]
        if len(np.atleast_1d(values)) not in (3, 4) or not np.isfinite(np.asarray(values, dtype=np.float64)).all():
            raise UnreadablePickle(f"{path}: {key} is {values!r}, expected a number for each channel")
        meta[key] = np.asarray(values).tolist()
    if np.shape(meta[matrix]) != shape:
        raise UnreadablePickle(f"{path}: {matrix} has the shape {np.shape(meta[matrix])}, expected {shape}")
    return meta
