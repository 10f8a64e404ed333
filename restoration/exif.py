"""What a file says about its shot, and the part of it that is carried over to the result.

Pillow reads the EXIF structure of JPEG, PNG, TIFF and of RAW formats that are TIFF inside (DNG, CR2, NEF, ARW ...).
EXIF data is never needed: where it is missing or damaged, less is known of the frame.
"""

from __future__ import annotations

import logging
import math
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ExifTags, Image

from restoration.burst import NOT_NOTED, Capture, Exposure

logger = logging.getLogger(__name__)

_MAKE, _MODEL, _SOFTWARE = 0x010F, 0x0110, 0x0131
_ORIENTATION, _DATE_TIME, _COLOUR_SPACE = 0x0112, 0x0132, 0xA001
_SECONDS, _F_NUMBER, _ISO = 33434, 33437, 34855
_TAKEN, _FRACTION = 0x9003, 0x9291
_NOISE_PROFILE = 51041
_EXIF, _GPS = int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo)
# Of the main directory: description, maker, model, date, artist, copyright. The rest describes how that file stores
# its pixels.
_CARRIED = (0x010E, _MAKE, _MODEL, _DATE_TIME, 0x013B, 0x8298)
# Notes of the maker hold addresses inside their own file; sizes and colours are those of another image.
_NOT_CARRIED = (0x927C, 0xA002, 0xA003, 0xA005, _COLOUR_SPACE)
_EXIF_NUMBERS = range(33434, 42241)
OWN_NAME = "BurstLab"  # of the program, in the files that it writes
_DAMAGED = (
    *(SyntaxError, ValueError, KeyError, TypeError, IndexError, EOFError, OSError, RuntimeError),
    *(struct.error, OverflowError, Image.DecompressionBombError),
)


@dataclass(frozen=True)
class ShotTags:
    """Of one file; None or empty where it does not say.

    Attributes:
        camera: maker and model.
        exposure: time, f-number, ISO.
        taken: `YYYY:MM:DD HH:MM:SS.fraction`, which sorts by time.
        orientation: 1 to 8.
        noise_profile: of DNG (tag 51041): shot and read variance for each colour, or one pair for all.
    """

    camera: str = ""
    exposure: Exposure = NOT_NOTED
    taken: str = ""
    orientation: int = 1
    noise_profile: tuple[float, ...] | None = None


def read_tags(path: Path) -> ShotTags:
    """What the EXIF data of a file says; nothing where it has none or it is damaged."""
    loaded = _loaded(path)
    if loaded is None:
        return ShotTags()
    main, shot = dict(loaded), _directory(loaded, _EXIF)
    # TIFF/EP, and so DNG, allows exposure and time in the main directory as well.
    known = {**{tag: main[tag] for tag in main if tag in _EXIF_NUMBERS}, **shot}
    maker, model = _text(main.get(_MAKE)), _text(main.get(_MODEL))
    camera = model if model.lower().startswith(maker.lower()) else f"{maker} {model}".strip()
    taken, fraction = _text(known.get(_TAKEN)) or _text(main.get(_DATE_TIME)), _text(known.get(_FRACTION))
    if not re.fullmatch(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", taken) or taken.startswith("0000"):
        taken = ""
    orientation = main.get(_ORIENTATION, 1)
    return ShotTags(
        camera,
        Exposure(_number(known.get(_SECONDS)), _number(known.get(_F_NUMBER)), _number(known.get(_ISO))),
        f"{taken}.{fraction or 0}" if taken else "",
        orientation if orientation in range(1, 9) else 1,
        _noise_profile(path),
    )


def is_own_result(path: Path) -> bool:
    """Whether the EXIF data of a file names this toolkit as the program that wrote it.

    Of a PNG file only what stands before its pixels counts, as in ours: the rest is found by decoding all of them.
    """
    loaded = _loaded(path, before_pixels=True)
    return loaded is not None and _text(loaded.get(_SOFTWARE)) == OWN_NAME


def carried_over(capture: Capture, software: str) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    """EXIF data for a picture: main, exposure and GPS directory of the file of the reference frame.

    What is known of camera and exposure otherwise fills in for a file whose EXIF data cannot be read (CR3). Orientation
    is left out: pictures are written upright.
    """
    loaded = _loaded(capture.source) if capture.source is not None else None
    main: dict[int, Any] = {}
    shot: dict[int, Any] = {}
    place: dict[int, Any] = {}
    if loaded is not None:
        stored = dict(loaded)
        main = dict(_sound((tag, stored[tag]) for tag in _CARRIED if tag in stored))
        shot = {tag: stored[tag] for tag in stored if tag in _EXIF_NUMBERS and tag not in (_EXIF, _GPS, 0x8773)}
        shot = dict(_sound((shot | _directory(loaded, _EXIF)).items()))
        shot = {tag: value for tag, value in shot.items() if tag not in _NOT_CARRIED and tag not in _CARRIED}
        place = dict(_sound(_directory(loaded, _GPS).items()))
    exposure = capture.exposure
    known = {_SECONDS: exposure.seconds, _F_NUMBER: exposure.f_number, _ISO: exposure.iso and round(exposure.iso)}
    shot = {tag: value for tag, value in known.items() if value} | shot
    if capture.camera and _MODEL not in main:
        main[_MODEL] = capture.camera
    return main | {_SOFTWARE: software}, shot, place


def exif_bytes(capture: Capture, software: str) -> bytes:
    """The EXIF data of :func:`carried_over` as a TIFF structure, for a PNG file."""
    main, shot, place = carried_over(capture, software)
    exif = Image.Exif()
    exif.update(main)
    exif.get_ifd(_EXIF).update({**shot, _COLOUR_SPACE: 1})
    if place:
        exif.get_ifd(_GPS).update(place)
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def _loaded(path: Path, before_pixels: bool = False) -> Image.Exif | None:
    """The EXIF data of a picture or of a RAW file that is TIFF inside; None where there is none that can be read."""
    exif = Image.Exif()
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            start = file.read(4)
            file.seek(0)
            if start[:2] in (b"II", b"MM"):
                exif.load_from_fp(file)
            else:
                with Image.open(file) as picture:
                    if before_pixels and picture.format == "PNG":
                        exif.load(picture.info.get("exif", b""))
                    else:
                        exif = picture.getexif()
            dict(exif)
            for number in (_EXIF, _GPS):  # read now: the file is closed afterwards
                _directory(exif, number)
            return exif
    except _DAMAGED as error:
        logger.debug("%s: no EXIF data can be read: %s", path, error)
        return None


def _directory(exif: Image.Exif, number: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(number))
    except _DAMAGED as error:
        logger.debug("EXIF directory %d cannot be read: %s", number, error)
        return {}


def _sound(tags: Any) -> Iterator[tuple[int, Any]]:
    """Tags whose values can be written again."""
    for tag, value in tags:
        parts = value if isinstance(value, tuple) else (value,)
        if all(isinstance(part, (str, bytes, int)) or _number(part) is not None for part in parts):
            yield tag, value


def _number(value: Any) -> float | None:
    """A finite number that is not negative, of a number, a fraction or the first of several."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.strip("\x00 ") if isinstance(value, str) else ""


def _noise_profile(path: Path) -> tuple[float, ...] | None:
    """The noise profile from the main directory, or from those of the images below it."""
    if path.suffix.lower() != ".dng":
        return None
    return next((image.noise_profile for image in _images(path) if image.noise_profile is not None), None)


def is_cut_off(path: Path) -> bool:
    """Whether a RAW file that is TIFF inside ends before its pixels do; False for other files."""
    return max((image.end for image in _images(path)), default=0) > path.stat().st_size


class _StoredImage(NamedTuple):
    """One image in a file: where its pixels end, and its noise profile."""

    end: int
    noise_profile: tuple[float, ...] | None


def _images(path: Path) -> list[_StoredImage]:
    """The images in a file that is TIFF inside; none where it is not."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            main: Any = file.pages.first
            return [_stored(page) for page in (main, *(main.pages or ()))]
    except (*_DAMAGED, tifffile.TiffFileError, AttributeError) as error:
        logger.debug("%s: its directories cannot be read: %s", path, error)
        return []


def _stored(page: Any) -> _StoredImage:
    ends = [start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=False)]
    tag = page.tags.get(_NOISE_PROFILE)
    values = tuple(float(value) for value in tag.value) if tag is not None else None
    return _StoredImage(max(ends, default=0), values)


def exposure_value(exposure: Exposure) -> float | None:
    """Light times gain: seconds · ISO / f²; None where time or ISO is not known. Frames alike have one value."""
    if not exposure.seconds or not exposure.iso:
        return None
    return exposure.seconds * exposure.iso / ((exposure.f_number or 1.0) ** 2)
