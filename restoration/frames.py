"""One frame from its file: pixels on the scale black 0, white 1, and what the camera notes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from restoration.burst import Capture, Exposure, FloatImage, RestorationError, Triple
from restoration.exif import ShotTags, is_cut_off, read_tags
from restoration.sources import is_raw
from utils.image_io import UnreadableImage, read_stored_picture
from utils.ops.srgb import srgb_to_linear
from utils.raw_files import UnreadableRaw, read_sensor_image

_LEAST_SIDE = 32


@dataclass(frozen=True)
class Frame:
    """A frame before it is known whether it belongs to the burst.

    Attributes:
        path: its file.
        pixels: as in `RawBurst.frames`.
        capture: what its camera notes.
        taken: sorts by time; empty where unknown.
        noise_profile: as DNG stores it; None where it does not.
    """

    path: Path
    pixels: FloatImage
    capture: Capture
    taken: str
    noise_profile: tuple[float, ...] | None


def read_frame(path: Path) -> Frame:
    """Reads a RAW file or a rendered picture.

    Raises:
        RestorationError: it cannot be read, is not from a Bayer sensor, or too small; names the file.
    """
    try:
        with path.open("rb") as file:  # LibRaw words neither a missing file nor one that may not be read
            if not file.read(1):
                raise RestorationError(f"{path} is empty (0 bytes); copy it again from the camera")
        frame = _read_raw(path) if is_raw(path) else _read_rendered(path)
    except (UnreadableRaw, UnreadableImage) as error:
        raise RestorationError(str(error)) from error
    except OSError as error:
        raise RestorationError(f"{path} cannot be read: {error.strerror or error}") from error
    if min(frame.pixels.shape[:2]) < _LEAST_SIDE:
        height, width = frame.pixels.shape[:2]
        raise RestorationError(f"{path} shows {height} x {width} pixels; a frame has at least {_LEAST_SIDE} on a side")
    return frame


def _read_raw(path: Path) -> Frame:
    if is_cut_off(path):  # LibRaw says so on stderr, in words of its own
        raise RestorationError(
            f"{path} is cut off after {path.stat().st_size} bytes, before its pixels end; copy it again from the camera"
        )
    image = read_sensor_image(path, clip=False)
    tags = read_tags(path)
    exposure = tags.exposure
    taken = tags.taken
    if image.shot is not None:
        seconds, f_number, iso = image.shot.seconds, image.shot.f_number, image.shot.iso
        exposure = Exposure(exposure.seconds or seconds, exposure.f_number or f_number, exposure.iso or iso)
        taken = taken or (image.shot.taken.strftime("%Y:%m:%d %H:%M:%S.0") if image.shot.taken else "")
    matrix = np.linalg.inv(image.rgb2cam)
    rows = [_triple(row) for row in matrix]
    capture = Capture(
        tags.camera,
        (float(image.red_gain), 1.0, float(image.blue_gain)),
        (rows[0], rows[1], rows[2]),
        image.orientation,
        exposure,
        path,
    )
    return Frame(path, image.mosaic, capture, taken, tags.noise_profile)


def _read_rendered(path: Path) -> Frame:
    picture = read_stored_picture(path)
    white = np.float32(np.iinfo(picture.dtype).max)
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    encoded = torch.from_numpy(picture[:height, :width].astype(np.float32) / white)
    tags: ShotTags = read_tags(path)
    capture = replace(Capture(), camera=tags.camera, orientation=tags.orientation, exposure=tags.exposure, source=path)
    return Frame(path, np.asarray(srgb_to_linear(encoded).numpy(), np.float32), capture, tags.taken, None)


def _triple(values: np.ndarray) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
