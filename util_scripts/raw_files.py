"""RAW files of the cameras of BurstSR as arrays and plain numbers, and their meta-data as the data set stores it."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from data.raw_image_processing import convert_to_rggb
from utils.atomic_write import write_bytes
from utils.raw_files import UnreadableRaw, opened_raw

EXPOSURE_TIME, F_NUMBER, ISO, NOISE_PROFILE = 33434, 33437, 34855, 0xC761
_NAMES = {EXPOSURE_TIME: "ExposureTime", F_NUMBER: "FNumber", ISO: "ISOSpeedRatings", NOISE_PROFILE: "Tag 0xC761"}
_CANON_UNIT = 1024.0  # of the white balance that Canon files hold, and so the data set


@dataclass(frozen=True)
class RawFile:
    """A RAW image, brought to start on red.

    Attributes:
        path: the file.
        mosaic: sensor values as stored, uint16 [2h, 2w], R G / G B.
        black_level: for R, G, G, B.
        cam_wb, daylight_wb: white balance gains for R, G, G, B; green is 1.
        color_matrix, rgb_xyz_matrix: 3x4 and 4x3, as rawpy gives them.
        exif: tag number → values; fractions as floats.
    """

    path: Path
    mosaic: NDArray[np.uint16]
    black_level: list[int]
    cam_wb: list[float]
    daylight_wb: list[float]
    color_matrix: NDArray[Any]
    rgb_xyz_matrix: NDArray[Any]
    exif: dict[int, list[float]]


def read_raw_file(path: Path) -> RawFile:
    """Opens a Bayer RAW file (DNG, CR2, …).

    Raises:
        UnreadableRaw: it cannot be opened, has no Bayer pattern, or lacks exposure time, f-number or ISO.
    """
    try:
        with opened_raw(path) as raw:
            mosaic = convert_to_rggb(raw, four_channel_output=False).astype(np.uint16)
            black = [int(value) for value in _rggb(raw.black_level_per_channel)]
            camera, daylight = _green_is_one(raw.camera_whitebalance), _green_is_one(raw.daylight_whitebalance)
            matrices = np.array(raw.color_matrix), np.array(raw.rgb_xyz_matrix)
    except UnreadableRaw:
        raise
    except ValueError as error:
        raise UnreadableRaw(f"{path} cannot be read as a RAW file: {error}") from error
    exif = _read_exif(path)
    missing = [_NAMES[tag] for tag in (EXPOSURE_TIME, F_NUMBER, ISO) if tag not in exif]
    if missing:
        raise UnreadableRaw(f"{path} has no EXIF tag {', '.join(missing)}; training needs it to compare brightnesses")
    return RawFile(path, mosaic, black, camera, daylight, *matrices, exif)


def write_phone_meta(path: Path, raw: RawFile, crop_info: dict[str, Any]) -> None:
    """The ``meta_info.pkl`` of a frame of the phone."""
    _write_meta(path, raw, "Image", {"cam_wb": raw.cam_wb, "color_matrix": raw.color_matrix}, crop_info)


def write_camera_meta(path: Path, raw: RawFile, crop_info: dict[str, Any]) -> None:
    """The ``meta_info.pkl`` of a ground truth; its white balance counts in 1/1024."""
    gains = [_CANON_UNIT * gain for gain in raw.cam_wb]
    _write_meta(path, raw, "EXIF", {"cam_wb": gains, "rgb_xyz_matrix": raw.rgb_xyz_matrix}, crop_info)


class _Tag:
    """An EXIF tag as exifread 2.3 pickles it: the published data set holds such objects, and readers expect them."""

    def __init__(self, tag: int, values: Sequence[Any]) -> None:
        self.printable, self.tag, self.field_type = ", ".join(map(str, values)), tag, 12
        self.field_offset, self.field_length, self.values = 0, 8 * len(values), list(values)


_Tag.__module__, _Tag.__qualname__, _Tag.__name__ = "exifread.classes", "IfdTag", "IfdTag"


def _write_meta(path: Path, raw: RawFile, group: str, own: dict[str, Any], crop_info: dict[str, Any]) -> None:
    tags = {}
    for number, values in raw.exif.items():
        # exifread gives doubles as one-element tuples, and readers of the noise profile rely on it.
        stored = [(value,) for value in values] if number == NOISE_PROFILE else values
        tags[f"{group} {_NAMES[number]}"] = _Tag(number, stored)
    meta = {
        "black_level": raw.black_level,
        "daylight_wb": raw.daylight_wb,
        **own,
        "exif_data": tags,
        "im_preview": None,
        "crop_info": crop_info,
    }
    # The class is found under its published name while it is written, whether or not exifread is installed.
    classes: Any = types.ModuleType("exifread.classes")
    classes.IfdTag = _Tag
    with patch.dict(sys.modules, {"exifread": types.ModuleType("exifread"), "exifread.classes": classes}):
        content = pickle.dumps(meta, protocol=4)
    write_bytes(path, content)


def _rggb(values: Sequence[float]) -> list[float]:
    """R, G, G, B of rawpy's R, G, B, G; where the second green is not given (0) it equals the first."""
    red, green, blue, second = values
    return [red, green, second or green, blue]


def _green_is_one(gains: Sequence[float]) -> list[float]:
    red, green, second, blue = _rggb(gains)
    if green <= 0:
        raise ValueError(f"the white balance {list(gains)} has no green")
    return [red / green, 1.0, second / green, blue / green]


def _read_exif(path: Path) -> dict[int, list[float]]:
    """The tags of :data:`_NAMES`, from the main directory or the EXIF directory of the TIFF structure."""
    import tifffile

    found: dict[int, list[float]] = {}
    try:
        with tifffile.TiffFile(path) as file:
            main = file.pages.first.tags
            nested = main.get(34665)
            exif = nested.value if nested is not None and isinstance(nested.value, dict) else {}
            for number in _NAMES:
                tag = main.get(number)
                value = tag.value if tag is not None else exif.get(tifffile.TIFF.EXIF_TAGS.get(number, _NAMES[number]))
                if value is not None:
                    found[number] = _numbers(value, is_fraction=number in (EXPOSURE_TIME, F_NUMBER))
    except (tifffile.TiffFileError, OSError, ValueError, ArithmeticError) as error:
        raise UnreadableRaw(f"{path}: its EXIF data cannot be read: {error}") from error
    return found


def _numbers(value: Any, is_fraction: bool) -> list[float]:
    if is_fraction:
        numerator, denominator = value
        return [numerator / denominator]
    return list(value) if isinstance(value, (tuple, list, np.ndarray)) else [value]
