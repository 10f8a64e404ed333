"""Image files: the only place that decodes and encodes them.

Two conventions meet here. Ordinary pictures (8 bit) are RGB arrays. The 16-bit PNG files of the burst data sets
and of saved predictions were written by OpenCV without channel conversion, and are read and written the same way:
an array (R, G, B) stands in the file as (B, G, R), and a packed Bayer array (R, G, G, B) is an RGBA file whose alpha
carries the blue plane. Other readers therefore see the channels reversed; Pillow cannot read such files at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.atomic_write import write_bytes
from utils.file_reading import read_file
from utils.image_completeness import claims_too_much, is_cut_off
from utils.png_text import with_note

PathLike = str | os.PathLike[str]


class UnreadableImage(ValueError):
    """An image file is missing, cut off, no image, or not of the expected bit depth or channels; names the file."""


def read_image(path: PathLike) -> NDArray[np.uint8]:
    """Reads a picture as uint8 ``[H, W, 3]`` RGB, 0..255, as it is stored (mostly sRGB).

    Grey pictures get three equal channels, alpha is dropped, 16 bits are reduced to 8, and an orientation noted in the
    EXIF data is applied.

    Raises:
        UnreadableImage: the file is missing, cut off or not an image.
        OSError: the disk or the network failed, which may pass; names the file.
    """
    # Not cv2.imread: it cannot open every path (non-ASCII ones on Windows) and reports a missing file like a broken
    # one.
    return decode_image(read_file(path, UnreadableImage), path)


def decode_image(data: bytes, name: PathLike) -> NDArray[np.uint8]:
    """Like :func:`read_image` for the bytes of an image file; ``name`` is named in errors."""
    image = _decode(data, cv2.IMREAD_COLOR, name)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image), dtype=np.uint8)  # in place


def read_stored_picture(path: PathLike) -> NDArray[np.unsignedinteger[Any]]:
    """Reads a picture with the bits that it has: uint8 or uint16 ``[H, W, 3]`` RGB, not turned.

    Grey pictures get three equal channels, alpha is dropped. For files that other programs may open; see
    :func:`read_png16` for the channel order of the burst data sets.

    Raises:
        UnreadableImage: the file is missing, cut off, not an image, or has values other than 8 or 16 bit integers.
        OSError: the disk or the network failed, which may pass; names the file.
    """
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = _decode(read_file(path, UnreadableImage), flags, path)
    if image.dtype not in (np.uint8, np.uint16):
        raise UnreadableImage(f"{path} has values of type {image.dtype}, expected 8 or 16 bit integers")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(image.dtype, copy=False)


def read_png16(path: PathLike, channels: int | None = None, white: int | None = None) -> NDArray[np.uint16]:
    """Reads a 16-bit PNG as uint16 in OpenCV channel order: ``[H, W]`` or ``[H, W, channels]``.

    Args:
        channels: how many channels the file must have; None takes any.
        white: the largest value that can be; None takes any.

    Raises:
        UnreadableImage: the file is missing, cut off, has not 16 bits or not ``channels`` channels, or larger values.
        OSError: the disk or the network failed, which may pass; names the file.
    """
    image = _decode(read_file(path, UnreadableImage), cv2.IMREAD_UNCHANGED, path)
    if image.dtype != np.uint16:
        raise UnreadableImage(
            f"{path} has {image.dtype.itemsize * 8} bits per value, expected a 16-bit PNG; fetch or write it again"
        )
    found = 1 if image.ndim == 2 else image.shape[2]
    if channels is not None and found != channels:
        raise UnreadableImage(f"{path} has {found} channels, expected {channels}; is it the right kind of file?")
    if white is not None and image.max() > white:
        raise UnreadableImage(f"{path} has values up to {image.max()}, expected at most {white}: wrong bit depth")
    return image


def write_png16(path: PathLike, image: NDArray[np.uint16], notes: Mapping[str, str] | None = None) -> None:
    """Writes uint16 ``[H, W]`` or ``[H, W, 1, 3 or 4]`` as PNG in OpenCV channel order; see the module's text.

    The file appears whole or not at all; missing folders are made. ``notes`` are texts that it carries, by key
    (:func:`utils.png_text.note_of` finds them again).

    Raises:
        ValueError: another type or shape, or a path that does not end in ``.png``.
    """
    if image.dtype != np.uint16:
        raise ValueError(f"{path}: got {image.dtype} values, a 16-bit PNG takes uint16")
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{path}: a 16-bit PNG must be named .png")
    encoded = _encoded(path, image, (1, 3, 4), ".png")
    for key, text in (notes or {}).items():
        encoded = with_note(encoded, key, text)
    write_bytes(path, encoded)


def write_image(path: PathLike, image: NDArray[np.uint8]) -> None:
    """Writes a picture, uint8 ``[H, W, 3]`` RGB or ``[H, W]`` grey, in the format that the file's ending names.

    The file appears whole or not at all; missing folders are made.

    Raises:
        ValueError: another type or shape, or an ending that names no image format.
    """
    _encode(path, _as_stored(path, image), channels=(1, 3))


def write_jpeg(path: PathLike, image: NDArray[np.uint8], quality: int = 95, subsampling: str = "4:4:4") -> None:
    """Writes a picture like :func:`write_image`, as JPEG.

    Args:
        path: ends in ``.jpg`` or ``.jpeg``.
        quality: 1 to 100.
        subsampling: of the colours: ``4:4:4`` (none), ``4:2:2`` or ``4:2:0``.

    Raises:
        ValueError: another type or shape, quality, subsampling or ending.
    """
    if subsampling not in _SUBSAMPLING or not 1 <= quality <= 100:
        known = ", ".join(_SUBSAMPLING)
        raise ValueError(f"{path}: JPEG quality {quality}, subsampling {subsampling}; give 1 to 100 and one of {known}")
    if Path(path).suffix.lower() not in (".jpg", ".jpeg"):
        raise ValueError(f"{path}: a JPEG must be named .jpg or .jpeg")
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SUBSAMPLING[subsampling]]
    write_bytes(path, _encoded(path, _as_stored(path, image), channels=(1, 3), ending=".jpeg", options=options))


_SUBSAMPLING = {
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}


def encode_png(image: NDArray[np.uint8] | NDArray[np.uint16], name: PathLike) -> bytes:
    """The bytes of a PNG file of a picture ``[H, W, 3]`` RGB or ``[H, W]`` grey, 8 or 16 bit, as any program reads it.

    Args:
        name: named in errors.

    Raises:
        ValueError: another type or shape.
    """
    return _encoded(name, _as_stored(name, image, (np.uint8, np.uint16)), channels=(1, 3), ending=".png")


def _decode(data: bytes, flags: int, name: PathLike) -> np.ndarray:
    if not data:
        raise UnreadableImage(f"{name} is empty; fetch or write it again")
    if is_cut_off(data):
        raise UnreadableImage(f"{name} is cut off after {len(data)} bytes; fetch or write it again")
    if claims_too_much(data):
        raise UnreadableImage(f"{name} has {len(data)} bytes, far too few for the size that it states; fetch it again")
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error as error:
        raise UnreadableImage(f"{name} cannot be decoded: {error}") from error
    if image is None:
        raise UnreadableImage(f"{name} is damaged or no image ({len(data)} bytes)")
    return image


def _as_stored(
    name: PathLike, image: NDArray[Any], types: tuple[type[np.unsignedinteger[Any]], ...] = (np.uint8,)
) -> np.ndarray:
    """A picture with its channels in OpenCV's order."""
    if image.dtype not in types:
        expected = " or ".join(f"{kind.__name__} (0..{np.iinfo(kind).max})" for kind in types)
        raise ValueError(f"{name}: got {image.dtype} values, a picture takes {expected}")
    if image.ndim == 3 and image.shape[2] == 3 and image.size:
        return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return image


def _encode(path: PathLike, image: np.ndarray, channels: tuple[int, ...]) -> None:
    write_bytes(path, _encoded(path, image, channels, Path(path).suffix))


def _encoded(
    path: PathLike, image: np.ndarray, channels: tuple[int, ...], ending: str, options: Sequence[int] = ()
) -> bytes:
    found = 1 if image.ndim == 2 else image.shape[-1]
    if image.ndim not in (2, 3) or found not in channels or image.size == 0:
        raise ValueError(
            f"{path}: cannot write an image of shape {image.shape}; expected [H, W, C] with C one of {channels}"
        )
    try:
        done, encoded = cv2.imencode(ending, image, list(options))
    except cv2.error as error:
        raise ValueError(f"{path}: the ending {ending!r} names no image format that can be written") from error
    if not done:
        raise ValueError(f"{path}: an image of shape {image.shape} cannot be written as {ending!r}")
    return encoded.tobytes()
