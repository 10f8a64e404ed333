"""Notes inside PNG files, as international text chunks (PNG specification, 3rd edition, section 11.3.3.4)."""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_ENDS = len(_SIGNATURE) + 4 + 4 + 13 + 4  # IHDR comes first: length, type, 13 bytes, checksum


def with_note(png: bytes, key: str, text: str) -> bytes:
    """A PNG file with a note; decoders that do not ask for it see the same picture.

    Args:
        png: the file.
        key: 1 to 79 printable ASCII characters.
        text: any.

    Raises:
        ValueError: no PNG file, or another key.
    """
    if not (0 < len(key) < 80 and key.isascii() and key.isprintable()):
        raise ValueError(f"{key!r} cannot be the key of a note: 1 to 79 printable ASCII characters")
    if not png.startswith(_SIGNATURE) or png[12:16] != b"IHDR":
        raise ValueError("a note was to be put into something that is no PNG file")
    # Neither compressed nor in a named language.
    content = b"iTXt" + key.encode() + b"\0\0\0\0\0" + text.encode()
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:_HEADER_ENDS] + chunk + png[_HEADER_ENDS:]


def note_of(png: bytes, key: str) -> str | None:
    """The note of that key as :func:`with_note` writes it; None if there is none before the picture begins."""
    start = b"iTXt" + key.encode() + b"\0\0\0\0\0"
    place = len(_SIGNATURE) if png.startswith(_SIGNATURE) else len(png)
    while place + 12 <= len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        chunk = png[place + 4 : place + 8 + length]
        if chunk.startswith(b"IDAT"):
            break
        if chunk.startswith(start):
            return chunk[len(start) :].decode(errors="replace")
        place += 12 + length
    return None
