"""Changes valid files: what a bad disk, a broken transfer and a stranger with intentions do to them."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

_EDGES = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**63,
    2**64 - 1,
)

Mutation = Callable[[bytearray, random.Random], None]


def mutated(data: bytes, draw: random.Random, other: bytes = b"") -> bytes:
    """``data`` after one to four random changes; parts of ``other`` may be spliced in."""
    content = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if other and draw.random() < 0.1:
            _splice(content, draw, other)
        else:
            draw.choice(_MUTATIONS)(content, draw)
    return bytes(content)


def mutated_inside_zip(data: bytes, draw: random.Random, other: bytes = b"") -> bytes:
    """A zip archive of which one entry is changed, with checksums that agree: what comes behind them is reached."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    victim = draw.randrange(len(entries))
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for index, (entry, content) in enumerate(entries):
            if index == victim:
                content = mutated(content, draw, other)
            info = zipfile.ZipInfo(entry.filename)
            info.compress_type, info.external_attr = entry.compress_type, entry.external_attr
            archive.writestr(info, content)
    return result.getvalue()


def mutated_inside_png(data: bytes, draw: random.Random, other: bytes = b"") -> bytes:
    """A PNG file of which one chunk is changed, with checksums that agree."""
    chunks, position = [], 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        chunks.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    victim = draw.randrange(len(chunks))
    result = bytearray(data[:8])
    for index, (kind, content) in enumerate(chunks):
        if index == victim:
            content = mutated(content, draw, other)
        result += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return bytes(result)


def _flip_bits(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 2, 8))):
        if content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _set_bytes(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 4, 16))):
        if content:
            content[draw.randrange(len(content))] = draw.randrange(256)


def _truncate(content: bytearray, draw: random.Random) -> None:
    del content[draw.randrange(len(content) + 1) :]


def _extend(content: bytearray, draw: random.Random) -> None:
    content += draw.randbytes(draw.choice((1, 16, 1000)))


def _delete(content: bytearray, draw: random.Random) -> None:
    start, stop = _range(content, draw)
    del content[start:stop]


def _repeat(content: bytearray, draw: random.Random) -> None:
    start, stop = _range(content, draw)
    content[stop:stop] = content[start:stop]


def _blank(content: bytearray, draw: random.Random) -> None:
    start, stop = _range(content, draw)
    content[start:stop] = draw.choice((b"\0", b"\xff", b"A")) * (stop - start)


def _number(content: bytearray, draw: random.Random) -> None:
    """Puts a number on the edge of what can be represented somewhere, most of all near the beginning."""
    form = draw.choice(("B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    width = struct.calcsize(form)
    if len(content) >= width:
        last = len(content) - width
        start = draw.randrange(min(last, 200) + 1 if draw.random() < 0.5 else last + 1)
        struct.pack_into(form, content, start, draw.choice(_EDGES) & (256**width - 1))


def _swap(content: bytearray, draw: random.Random) -> None:
    (a, b), (c, d) = sorted((_range(content, draw), _range(content, draw)))
    if b <= c:
        content[a:d] = content[c:d] + content[b:c] + content[a:b]


def _splice(content: bytearray, draw: random.Random, other: bytes) -> None:
    start, stop = _range(bytearray(other), draw)
    place = draw.randrange(len(content) + 1)
    content[place:place] = other[start:stop]


def _empty(content: bytearray, draw: random.Random) -> None:
    if draw.random() < 0.1:
        content.clear()


def _range(content: bytearray, draw: random.Random) -> tuple[int, int]:
    length = draw.choice((1, 4, 16, 64, 256, len(content) // 4))
    start = draw.randrange(len(content) + 1)
    return start, min(start + length, len(content))


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip_bits, _set_bytes, _truncate, _extend, _delete),
    *(_repeat, _blank, _number, _number, _swap, _empty),
)
