"""Linear camera RGB as a 16-bit TIFF, and as a linear DNG that raw developers open.

Adobe, Digital Negative Specification 1.4.0.0 (2012): photometric interpretation LinearRaw, for sensor colours that have
been demosaicked.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from restoration.burst import Capture
from restoration.exif import carried_over

_HEADER = b"II*\0\0\0\0\0"
_BYTE = 1
_RGB, _LINEAR_RAW = 2, 34892
_EXIF, _GPS = 34665, 34853
# Below it noise is stored: clipped, shadows would be lifted. LibRaw subtracts it without stretching the rest to white
# again, so developers that build on it show an image darker by 1.6 %.
DNG_BLACK = 1024
_WHITE = 65535
_D65 = 21
_FRACTION = 1_000_000

# CIE XYZ (D65) to linear sRGB (IEC 61966-2-1).
_XYZ_TO_RGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)


@dataclass(frozen=True)
class _Entry:
    """Of a TIFF directory: tag, type of the values (TIFF 6.0, section 2), their number, and their bytes."""

    number: int
    kind: int
    count: int
    content: bytes


def tiff_bytes(image: NDArray[np.uint16], capture: Capture, software: str) -> bytes:
    """A TIFF file of RGB [H, W, 3]."""
    return _file(image, [_short(262, _RGB), _short(274, 1)], capture, software)


def dng_bytes(image: NDArray[np.uint16], capture: Capture, software: str) -> bytes:
    """A linear DNG file.

    Args:
        image: linear camera RGB [H, W, 3] as the sensor lay, `DNG_BLACK` to 65535.
        capture: white balance, colour matrix and orientation are noted, not applied.
    """
    gains = np.array(capture.white_balance, np.float64)
    matrix = np.diag(1 / gains) @ np.linalg.inv(np.array(capture.camera_to_srgb, np.float64)) @ _XYZ_TO_RGB
    tags = [
        _short(262, _LINEAR_RAW),
        _short(274, capture.orientation),
        _Entry(50706, _BYTE, 4, bytes((1, 4, 0, 0))),
        _Entry(50707, _BYTE, 4, bytes((1, 1, 0, 0))),
        _text(50708, capture.camera or "unknown camera"),
        _short(50713, 1, 1),
        _short(50714, *(DNG_BLACK,) * 3),
        _short(50717, *(_WHITE,) * 3),
        _fractions(50721, matrix.reshape(-1)),
        _fractions(50728, 1 / gains, signed=False),
        _short(50778, _D65),
    ]
    return _file(image, tags, capture, software)


def _file(image: NDArray[np.uint16], tags: Sequence[_Entry], capture: Capture, software: str) -> bytes:
    """Header, pixels in one strip, EXIF directories, main directory."""
    height, width, channels = image.shape
    main, shot, place = carried_over(capture, software)
    content = bytearray(_HEADER) + np.ascontiguousarray(image, "<u2").tobytes()
    pointers = []
    for number, nested in ((_EXIF, shot), (_GPS, place)):
        if nested:
            content += bytes(len(content) % 2)
            pointers.append(_long(number, len(content)))
            content += _nested(nested, len(content))
    content += bytes(len(content) % 2)
    entries = [
        *tags,
        *pointers,
        *(_text(number, value) for number, value in main.items() if isinstance(value, str)),
        _long(254, 0),
        _long(256, width),
        _long(257, height),
        _short(258, *(16,) * channels),
        _short(259, 1),
        _long(273, len(_HEADER)),
        _short(277, channels),
        _long(278, height),
        _long(279, image.nbytes),
        _short(284, 1),
    ]
    content[4:8] = struct.pack("<I", len(content))
    content += _directory(entries, len(content))
    return bytes(content)


def _directory(entries: Sequence[_Entry], start: int) -> bytes:
    """A directory as it stands `start` bytes after the beginning of the file; long values follow it."""
    values = start + 2 + 12 * len(entries) + 4
    rows, behind = bytearray(struct.pack("<H", len(entries))), bytearray()
    for entry in sorted(entries, key=lambda entry: entry.number):
        rows += struct.pack("<HHI", entry.number, entry.kind, entry.count)
        if len(entry.content) <= 4:
            rows += entry.content.ljust(4, b"\0")
        else:
            rows += struct.pack("<I", values + len(behind))
            behind += entry.content + bytes(len(entry.content) % 2)
    return bytes(rows + bytes(4) + behind)


def _nested(tags: dict[int, Any], start: int) -> bytes:
    """A directory of EXIF tags, whose types Pillow knows."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in tags.items():
        directory[tag] = value
    return directory.tobytes(start)


def _short(number: int, *values: int) -> _Entry:
    return _Entry(number, 3, len(values), struct.pack(f"<{len(values)}H", *values))


def _long(number: int, value: int) -> _Entry:
    return _Entry(number, 4, 1, struct.pack("<I", value))


def _text(number: int, text: str) -> _Entry:
    content = text.encode("ascii", "replace") + b"\0"
    return _Entry(number, 2, len(content), content)


def _fractions(number: int, values: NDArray[np.float64], signed: bool = True) -> _Entry:
    parts = [part for value in values for part in (round(float(value) * _FRACTION), _FRACTION)]
    return _Entry(
        number, 10 if signed else 5, len(values), struct.pack(f"<{len(parts)}{'i' if signed else 'I'}", *parts)
    )
