"""RAW files of cameras (CR2, NEF, ARW, DNG …) as a mosaic that starts on red, and a rendered image of the same pixels.

rawpy (LibRaw) is imported where a file is read: nothing else needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from utils.ops.srgb import linear_to_srgb
from utils.suggestions import unknown_name_message

FloatImage = NDArray[np.float32]

# fmt: off
RAW_ENDINGS = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw",
    ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw", ".x3f",
})
# fmt: on

# How the reference is rendered: LibRaw's options beside linear 16-bit values.
RENDERINGS: dict[str, dict[str, Any]] = {
    # As the mosaic is: nothing brightened, white where the sensor says.
    "camera": {"use_camera_wb": True, "no_auto_bright": True, "adjust_maximum_thr": 0.0},
    # As the original renders, in 16 bits: daylight white balance, brightened until 1 % of the pixels are white.
    "daylight": {},
}
# The original's own reading of a file; see `read_raw_as_original`.
ORIGINAL = "original"

# Linear sRGB to CIE XYZ (D65).
_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)

# LibRaw's orientation codes → quarter turns counter-clockwise, and → orientation of TIFF and EXIF.
_QUARTER_TURNS = {0: 0, 3: 2, 5: 1, 6: 3}
_EXIF_ORIENTATION = {0: 1, 1: 2, 3: 3, 2: 4, 4: 5, 6: 6, 7: 7, 5: 8}
_EPOCH_YEAR = 1970


class UnreadableRaw(ValueError):
    """A RAW file is missing, damaged, or lacks something that is needed; names the file."""


@dataclass(frozen=True)
class SensorImage:
    """What the sensor has seen, and the camera's colours.

    Attributes:
        mosaic: [H, W] linear, black 0 and white 1, black level subtracted, no white balance; starts on red (R G / G B).
            Even sides.
        red_gain, blue_gain: white balance of the camera; green is 1.
        rgb2cam: 3x3 matrix from linear sRGB to white-balanced sensor colours, whose rows sum to one.
        orientation: of TIFF and EXIF, 1 to 8.
        shot: what LibRaw knows of the exposure, for formats whose EXIF only it can read.
    """

    mosaic: FloatImage
    red_gain: float
    blue_gain: float
    rgb2cam: NDArray[np.float64]
    orientation: int = 1
    shot: Shot | None = None


@dataclass(frozen=True)
class Shot:
    """How a frame was exposed; None where the file does not say.

    Attributes:
        seconds, f_number, iso: the exposure.
        taken: date and time, to the second.
    """

    seconds: float | None
    f_number: float | None
    iso: float | None
    taken: datetime | None


@dataclass(frozen=True)
class RawPhoto:
    """What a network that takes a mosaic and a rendered image needs of a RAW file.

    Attributes:
        mosaic: [H, W] linear, 0..1, black level subtracted, no white balance; starts on red (R G / G B). Even sides.
        reference: [H, W, 3] the same pixels rendered, RGB, sRGB curve, 0..1.
        quarter_turns: how often the result has to be turned counter-clockwise to stand upright.
        rendering: a key of `RENDERINGS`, or `original`.
    """

    mosaic: FloatImage
    reference: FloatImage
    quarter_turns: int
    rendering: str


def read_sensor_image(path: Path, clip: bool = True) -> SensorImage:
    """Reads sensor values as they are, whatever the Bayer order, with the camera's white balance and colour matrix.

    Daylight's white balance where the file notes none.

    Args:
        clip: to 0..1. Otherwise noise goes below black, so that a mean of frames is not brighter than the scene.

    Raises:
        UnreadableRaw: it cannot be opened, is not from a Bayer sensor, or has no colour matrix.
    """
    with opened_raw(path) as raw:
        mosaic, _ = _sensor_values(path, raw, clip)
        gains = raw.camera_whitebalance if _has_camera_white_balance(raw) else raw.daylight_whitebalance
        if min(gains[:3]) <= 0:
            raise UnreadableRaw(f"{path} has no white balance")
        red, green, blue = gains[:3]
        orientation = _EXIF_ORIENTATION.get(raw.sizes.flip, 1)
        return SensorImage(mosaic, red / green, blue / green, _rgb_to_camera(path, raw), orientation, _shot(raw))


def read_raw_photo(path: Path, rendering: str = "camera") -> RawPhoto:
    """Reads sensor values as they are, whatever the Bayer order, and lets LibRaw render the same pixels.

    A row or a column is cut at the top or left where the sensor does not start on red, and at the other side where a
    side would be odd. Nothing is turned: interpolation would change the mosaic. White is the sensor's, not the largest
    value of the image. A camera that notes no white balance is rendered at daylight.

    Args:
        rendering: a key of `RENDERINGS`.

    Raises:
        UnreadableRaw: it cannot be opened, or is not from a Bayer sensor.
        ValueError: unknown rendering.
    """
    if rendering not in RENDERINGS:
        raise ValueError(unknown_name_message("rendering of RAW files", rendering, RENDERINGS))
    with opened_raw(path) as raw:
        mosaic, part = _sensor_values(path, raw, clip=True)
        turns = _QUARTER_TURNS.get(raw.sizes.flip, 0)
        options = dict(RENDERINGS[rendering])
        if not _has_camera_white_balance(raw):
            options["use_camera_wb"] = False
        linear = raw.postprocess(gamma=(1, 1), output_bps=16, user_flip=0, **options)
        if linear.shape[:2] != raw.raw_image_visible.shape:
            raise UnreadableRaw(
                f"{path} is rendered with {linear.shape[:2]} pixels, its sensor has {raw.raw_image_visible.shape}"
            )
        reference = encoded_reference(linear[part], 65535)
    return RawPhoto(mosaic, reference, turns, rendering)


def read_raw_as_original(path: Path) -> RawPhoto:
    """Reads a RAW file as the published RawSR did, for comparison with its results.

    LibRaw renders the file twice, upright. The mosaic is taken from the first, demosaicked rendering as if every
    camera were RGGB: on others, and on turned images, its values are interpolated and not measured. Its white level is
    the largest value of the image where that is above 75 % of the sensor's. The reference is linear with 8 bits, at
    daylight and brightened, before it gets its curve.

    Raises:
        UnreadableRaw: it cannot be opened.
    """
    with opened_raw(path) as raw:
        import rawpy

        colors = raw.postprocess(
            gamma=(1, 1),
            user_wb=[1.0, 1.0, 1.0, 1.0],
            output_bps=16,
            output_color=rawpy.ColorSpace.raw,
            demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
            no_auto_bright=True,
            no_auto_scale=False,
        )
    with opened_raw(path) as raw:
        linear = raw.postprocess(gamma=(1, 1))
    height, width = (size // 2 * 2 for size in colors.shape[:2])
    mosaic = remosaicked(colors[:height, :width])
    return RawPhoto(mosaic, encoded_reference(linear[:height, :width], 255), 0, ORIGINAL)


def remosaicked(colors: NDArray[np.integer[Any]]) -> FloatImage:
    """The RGGB mosaic [H, W], 0..1, of 16-bit RGB values [H, W, 3]: every pixel keeps one of its colours."""
    mosaic = np.empty(colors.shape[:2], np.float32)
    for row, column, color in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = colors[row::2, column::2, color]
    return mosaic / np.float32(65535)


def encoded_reference(linear: NDArray[np.integer[Any]], white: int) -> FloatImage:
    """Linear integers 0..white with the sRGB curve, float32 0..1."""
    values = torch.from_numpy(np.asarray(linear, np.float32) / np.float32(white))
    return np.asarray(linear_to_srgb(values).numpy(), np.float32)


@contextmanager
def opened_raw(path: Path) -> Iterator[Any]:
    """The file as rawpy opens it, inside a ``with``.

    Raises:
        UnreadableRaw: it cannot be read, or rawpy is not installed.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnreadableRaw(f"{path}: RAW files need the package rawpy: pip install 'rawpy>=0.22'") from error
    try:
        with rawpy.imread(str(path)) as raw:
            yield raw
    except (rawpy.LibRawError, OSError) as error:
        # LibRaw's own errors carry bytes.
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise UnreadableRaw(f"{path} cannot be read as a RAW file: {reason}") from error


def _has_camera_white_balance(raw: Any) -> bool:
    return bool(min(raw.camera_whitebalance[:3]) > 0)


def _rgb_to_camera(path: Path, raw: Any) -> NDArray[np.float64]:
    """From linear sRGB to white-balanced sensor colours, rows summing to one.

    Known cameras have a matrix from XYZ in LibRaw; DNG files may bring the way back, from sensor colours to sRGB.
    """
    matrix = np.asarray(raw.rgb_xyz_matrix, np.float64)[:3] @ _RGB_TO_XYZ
    if not matrix.any():
        back = np.asarray(raw.color_matrix, np.float64)[:, :3]
        matrix = np.linalg.inv(back) if abs(np.linalg.det(back)) > 1e-6 else back
    if np.abs(matrix.sum(axis=1)).min() < 1e-6:
        raise UnreadableRaw(f"{path} has no colour matrix")
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True), np.float64)


def _shot(raw: Any) -> Shot | None:
    """LibRaw writes 0, and the start of the epoch, where it does not know."""
    known = getattr(raw, "other", None)  # rawpy before 0.24 does not hand it over
    if known is None:
        return None
    taken = known.timestamp if known.timestamp and known.timestamp.year > _EPOCH_YEAR else None
    return Shot(known.shutter_speed or None, known.aperture or None, known.iso_speed or None, taken)


def _sensor_values(path: Path, raw: Any, clip: bool) -> tuple[FloatImage, tuple[slice, slice]]:
    """The mosaic from its first red pixel on, and where it lies in the visible image."""
    _check_bayer(path, raw)
    sensor, colors = raw.raw_image_visible, raw.raw_colors_visible[:2, :2]
    top, left = _red_corner(path, raw, colors)
    height, width = ((size - start) // 2 * 2 for size, start in zip(sensor.shape, (top, left), strict=True))
    if min(height, width) < 2:
        raise UnreadableRaw(f"{path} shows {sensor.shape[0]} x {sensor.shape[1]} pixels, which is no image")
    part = (slice(top, top + height), slice(left, left + width))
    mosaic = _normalised(path, raw, sensor[part], np.roll(colors, (-top, -left), axis=(0, 1)))
    return np.clip(mosaic, 0.0, 1.0, out=mosaic) if clip else mosaic, part


def _check_bayer(path: Path, raw: Any) -> None:
    """Other sensors by name: X-Trans has cells of 6 x 6 pixels, Foveon and linear DNG have all colours in every one."""
    pattern = raw.raw_pattern
    if pattern is not None and pattern.shape == (6, 6):
        raise UnreadableRaw(f"{path} is not from a Bayer sensor but from an X-Trans sensor (cells of 6 x 6 pixels)")
    if pattern is None or raw.raw_image_visible.ndim != 2:
        raise UnreadableRaw(
            f"{path} is not from a Bayer sensor (pattern none): every pixel has all colours, as of a Foveon sensor "
            "or in a linear DNG"
        )


def _red_corner(path: Path, raw: Any, colors: NDArray[np.integer[Any]]) -> tuple[int, int]:
    """Row and column, 0 or 1, of the first red pixel."""
    letters = raw.color_desc.decode("ascii", "replace")
    # A damaged file may name colours that it does not describe.
    pattern = "".join(letters[index : index + 1] or "?" for index in colors.reshape(-1))
    if pattern not in ("RGGB", "BGGR", "GRBG", "GBRG") or raw.raw_pattern.shape != (2, 2):
        raise UnreadableRaw(f"{path} is not from a Bayer sensor (pattern {pattern})")
    return divmod(pattern.index("R"), 2)


def _normalised(path: Path, raw: Any, sensor: NDArray[np.uint16], colors: NDArray[np.integer[Any]]) -> FloatImage:
    """(value - black) / (white - black); black per colour."""
    black = raw.black_level_per_channel
    mosaic = np.empty(sensor.shape, np.float32)
    for row in (0, 1):
        for column in (0, 1):
            level = black[colors[row, column]]
            if raw.white_level <= level:
                raise UnreadableRaw(f"{path}: its white level {raw.white_level} is not above its black level {level}")
            cell = sensor[row::2, column::2].astype(np.float32)
            mosaic[row::2, column::2] = (cell - level) / np.float32(raw.white_level - level)
    return mosaic
