"""Tells a whole PNG or JPEG file from one that was cut off, and pictures from files that only claim to be large.

Some OpenCV versions hand back a half-decoded picture (grey or black from some row on) for a file that ends too
early. Trained on or scored, nobody would notice, so the file's own structure is followed to its end marker first.
"""

from __future__ import annotations

import re
import struct

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
_JPEG_END = 0xD9
_JPEG_SCAN = 0xDA
# Inside a scan 0xFF is followed by 0x00 (a plain 0xFF), a restart marker or fill bytes; anything else ends the scan.
_JPEG_NEXT_MARKER = re.compile(rb"\xff(?![\x00\xd0-\xd7\xff])", re.DOTALL)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BMP_START = b"BM"
# Pixels that a byte of a file can stand for. Deflate reaches 1032 bytes a byte, JPEG 512 pixels, of one value each.
_MOST_PIXELS_PER_BYTE = 1100
_HARMLESS = 1 << 24


def claims_too_much(data: bytes) -> bool:
    """True for a PNG, JPEG or BMP file that is far too small for the size that it states.

    The decoder would fill gigabytes before it notices, or hand them out as a picture.
    """
    pixels = _claimed_pixels(data)
    return pixels > _HARMLESS and pixels > _MOST_PIXELS_PER_BYTE * len(data)


def _claimed_pixels(data: bytes) -> int:
    """What the header states; 0 where it cannot be found."""
    if data.startswith(_PNG_SIGNATURE) and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return int(width * height)
    if data.startswith(_BMP_START) and len(data) >= 26:
        width, height = struct.unpack_from("<ii", data, 18)
        return int(abs(width * height))
    if data.startswith(_JPEG_START):
        position = len(_JPEG_START)
        while position + 9 <= len(data) and data[position] == 0xFF:
            if data[position + 1] in _JPEG_FRAMES:
                height, width = struct.unpack_from(">HH", data, position + 5)
                return int(width * height)
            fill = data[position + 1] == 0xFF
            position += 1 if fill else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0


def is_cut_off(data: bytes) -> bool:
    """True if ``data`` starts like a PNG or JPEG file but ends before that format's end marker.

    Files of other formats are never called cut off: their decoders notice it themselves.
    """
    if data.startswith(_PNG_SIGNATURE):
        return not _png_ends(data)
    if data.startswith(_JPEG_START):
        return not _jpeg_ends(data)
    return False


def _png_ends(data: bytes) -> bool:
    """Follows the chunks (length, type, content, check sum) to IEND."""
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        position += 12 + length
        if kind == b"IEND":
            return position <= len(data)
    return False


def _jpeg_ends(data: bytes) -> bool:
    """Follows the segments to the end marker. A thumbnail in a segment has an end marker too, so a search is not
    enough."""
    position = len(_JPEG_START)
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            return False
        marker = data[position + 1]
        if marker == _JPEG_END:
            return True
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _JPEG_SCAN:
            following = _JPEG_NEXT_MARKER.search(data, position)
            if following is None:
                return False
            position = following.start()
    return False
