"""Reads checkpoints of TensorFlow (V2 format, "tensor bundle") without TensorFlow.

``<prefix>.index`` is a sorted table in LevelDB's format: variable name → entry message with type, shape and place.
``<prefix>.data-00000-of-00001`` holds the values, little-endian and row-major. Every checksum that a read passes is
verified. Nothing in such a file can run code.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from util_scripts.crc32c import masked_crc32c

_MAGIC = 0xDB4775248B80FB57
_FOOTER_LENGTH = 48
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class DamagedBundle(ValueError):
    """A checkpoint is damaged, cut off, or uses something that weights do not need; names the file."""


@dataclass(frozen=True)
class Entry:
    """Where a variable lies: shard number, offset and size in bytes, with its masked checksum."""

    dtype: np.dtype
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class TensorBundle:
    """The variables of a checkpoint.

    Args:
        prefix: path without ``.index``; a folder means the newest checkpoint that its file ``checkpoint`` names.

    Attributes:
        prefix: path of the checkpoint without ending.
        entries: what it holds, by name.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        DamagedBundle: the index is damaged.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = find_prefix(prefix)
        path = self.prefix.with_name(f"{self.prefix.name}.index")
        try:
            table = _read_table(path.read_bytes())
            header = _fields(table.pop(b""))
            self._shards = int(header.get(1, [1])[0])
            if int(header.get(2, [0])[0]) != 0:
                raise ValueError("it is big-endian")
            self.entries = {name.decode(): _entry(value) for name, value in table.items()}
        except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
            raise DamagedBundle(f"{path} is no readable TensorFlow checkpoint: {error}") from error

    def read(self, name: str) -> NDArray[np.generic]:
        """The values of a variable.

        Raises:
            KeyError: there is no such variable.
            FileNotFoundError: the file with the values is not there.
            DamagedBundle: the checksum does not agree, or the file is cut off.
        """
        entry = self.entries[name]
        path = self.prefix.with_name(f"{self.prefix.name}.data-{entry.shard:05d}-of-{self._shards:05d}")
        with path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        if len(data) != entry.size or masked_crc32c(data) != entry.checksum:
            raise DamagedBundle(f"{path}: the values of {name} are damaged or cut off; fetch the file again")
        values = np.frombuffer(data, entry.dtype)
        if values.size != int(np.prod(entry.shape, dtype=np.int64)):
            raise DamagedBundle(f"{path}: {name} has {values.size} values, its shape is {entry.shape}")
        return values.reshape(entry.shape)


def find_prefix(path: Path) -> Path:
    """The prefix of a checkpoint that was given as prefix, as one of its files, or as its folder.

    Raises:
        FileNotFoundError: there is none.
    """
    candidates = [path]
    if path.is_dir():
        note = path / "checkpoint"
        named = _named_by(note) if note.is_file() else None
        candidates = [path / named] if named else sorted(entry.with_suffix("") for entry in path.glob("*.index"))
    elif path.suffix in (".index", ".meta") or path.suffix.startswith(".data-"):
        candidates = [path.with_suffix("")]
    found = [candidate for candidate in candidates if candidate.with_name(f"{candidate.name}.index").is_file()]
    if len(found) != 1:
        which = f"several checkpoints ({', '.join(p.name for p in found)}): name one" if found else "no checkpoint"
        raise FileNotFoundError(f"{path}: {which}. A TensorFlow checkpoint is NAME.index beside NAME.data-00000-of-...")
    return found[0]


def _named_by(note: Path) -> str | None:
    for line in note.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model_checkpoint_path":
            return Path(value.strip().strip('"')).name  # the folder may have been moved
    return None


def _read_table(data: bytes) -> dict[bytes, bytes]:
    if len(data) < _FOOTER_LENGTH or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("it does not end as such a file does; is it cut off?")
    footer, position = data[-_FOOTER_LENGTH:], 0
    _, position = _varint(footer, position)  # offset and size of the meta-index, which is empty
    _, position = _varint(footer, position)
    table: dict[bytes, bytes] = {}
    for _, handle in _entries(_block(data, footer[position:])):
        table.update(_entries(_block(data, handle)))
    return table


def _block(data: bytes, handle: bytes) -> bytes:
    offset, position = _varint(handle, 0)
    size, _ = _varint(handle, position)
    end = offset + size
    if end + 5 > len(data):
        raise ValueError("a block lies behind its end; it is cut off")
    if data[end] != 0:
        raise ValueError(f"a block is compressed (type {data[end]}), which TensorFlow does not do by default")
    if struct.unpack_from("<I", data, end + 1)[0] != masked_crc32c(data[offset : end + 1]):
        raise ValueError("the checksum of a block does not agree; fetch the file again")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0]
    end, position, key = len(block) - 4 - 4 * restarts, 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _entry(message: bytes) -> Entry:
    fields = _fields(message)
    if 7 in fields:
        raise ValueError("a variable is stored in slices, which is not supported")
    number = int(fields.get(1, [0])[0])
    if number not in _DTYPES:
        raise ValueError(f"a variable has the type number {number}; known are {', '.join(map(str, _DTYPES))}")
    dimensions = _fields(bytes(fields[2][0])).get(2, []) if 2 in fields else []
    shape = tuple(int(_fields(bytes(d)).get(1, [0])[0]) for d in dimensions)
    shard, offset, size, checksum = (int(fields.get(field, [0])[0]) for field in (3, 4, 5, 6))
    return Entry(np.dtype(_DTYPES[number]), shape, shard, offset, size, checksum)


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protocol-buffer message by number."""
    fields: dict[int, list[int | bytes]] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, position = _varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            form, length = ("<Q", 8) if kind == _FIXED64 else ("<I", 4)
            value = int(struct.unpack_from(form, message, position)[0])
            position += length
        elif kind == _BYTES:
            length, position = _varint(message, position)
            value = message[position : position + length]
            position += length
        else:
            raise ValueError(f"field {number} has the unknown wire type {kind}")
        fields.setdefault(number, []).append(value)
    return fields


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number that starts at ``position``, 7 bits a byte, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
