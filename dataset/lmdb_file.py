"""LMDB files, read page by page without the LMDB library.

The library maps the file into memory and follows whatever numbers stand in it: a damaged file ends the interpreter.
Here every number is checked before it is used, and a damaged page is an error. Written for the files that the library
writes on 64-bit little-endian machines (format version 1); writing is left to it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from utils.commands import MissingPackage

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_HEADER = 16  # bytes at the beginning of every page: number, padding, flags, end of pointers, end of free space
_BRANCH, _LEAF, _OVERFLOW, _META = 0x01, 0x02, 0x04, 0x08
_ON_OVERFLOW_PAGES = 0x01
_NO_PAGE = 2**64 - 1
_PAGE_SIZES = (512, 1 << 16)
_DEEPEST = 32
_ONLY_LARGEST_VALUE = 1 << 31  # bytes; frames of a video have a few million


class DamagedLmdb(ValueError):
    """An LMDB file is damaged or no LMDB file; names it."""


class _Node(NamedTuple):
    key: bytes
    flags: int
    size: int  # of the value, on leaves
    child: int  # page, on branches
    place: int  # of the value inside its page


class LmdbFile:
    """An LMDB file to read from. Safe to hand to loader workers: each opens the file for itself, once.

    Args:
        path: the folder that LMDB calls a file (``data.mdb`` and ``lock.mdb``), or a single file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._pages: _Pages | None = None

    def get(self, key: str) -> bytes | None:
        """The value of a key; None if there is none.

        Raises:
            DamagedLmdb: the file is damaged.
            FileNotFoundError: there is no such file.
            OSError: the disk or the network failed.
        """
        pages, wanted = self._opened(), key.encode()
        number = pages.root
        for _ in range(_DEEPEST):
            if number == _NO_PAGE:
                return None
            page, flags, count = pages.page(number)
            # The first key of a branch stands for everything below the second one.
            low, high = 1 if flags & _BRANCH else 0, count
            while low < high:
                middle = (low + high) // 2
                if pages.node(number, page, flags, middle).key <= wanted:
                    low = middle + 1
                else:
                    high = middle
            if low == 0:
                return None
            node = pages.node(number, page, flags, low - 1)
            if flags & _LEAF:
                return pages.value(number, page, node) if node.key == wanted else None
            number = node.child
        raise pages.damaged(number, "the tree is too deep")

    def keys(self) -> Iterator[str]:
        """All keys, in their order in the file.

        Raises:
            DamagedLmdb: the file is damaged; or a key is no text.
        """
        pages = self._opened()
        left = pages.count  # a page may be visited once: else they form a loop
        waiting = [] if pages.root == _NO_PAGE else [pages.root]
        while waiting:
            number = waiting.pop()
            left -= 1
            if left < 0:
                raise pages.damaged(number, "pages point to one another in a circle")
            page, flags, count = pages.page(number)
            nodes = [pages.node(number, page, flags, index) for index in range(count)]
            if flags & _BRANCH:
                waiting += [node.child for node in reversed(nodes)]
                continue
            for node in nodes:
                try:
                    yield node.key.decode()
                except UnicodeDecodeError as error:
                    raise pages.damaged(number, f"a key is no text: {node.key[:40]!r}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_pages": None}

    def _opened(self) -> _Pages:
        if self._pages is None or self._pages.process != os.getpid():  # forked processes would share one position
            self._pages = _Pages(self.path / "data.mdb" if self.path.is_dir() else self.path)
        return self._pages


class _Pages:
    """The pages of the newest state of a file."""

    def __init__(self, path: Path) -> None:
        self._path, self.process = path, os.getpid()
        # Read at given places, never mapped: a file that shrinks is an error then, and not the end of the process.
        self._file = path.open("rb", buffering=0)
        self.length = os.fstat(self._file.fileno()).st_size
        self.size = _PAGE_SIZES[0]
        first = self._meta(0)
        self.size = first[0]
        newest = max(first, self._meta(self.size), key=lambda meta: meta[2])
        self.root = newest[1]
        self.count = -(-self.length // self.size)

    def damaged(self, number: int, cause: str) -> DamagedLmdb:
        return DamagedLmdb(f"{self._path} is damaged in page {number}: {cause}; write or fetch it again")

    def page(self, number: int) -> tuple[bytes, int, int]:
        """The bytes of a page of the tree, its flags, and how many nodes it has."""
        page = self._read(number, number * self.size, self.size)
        stored, _, flags, lower, upper = struct.unpack_from("<QHHHH", page)
        if stored != number or flags & (_BRANCH | _LEAF | _OVERFLOW | _META) not in (_BRANCH, _LEAF):
            raise self.damaged(number, "it is no page of the tree")
        if not _HEADER <= lower <= upper <= self.size:
            raise self.damaged(number, "its length is impossible")
        return page, flags, (lower - _HEADER) // 2

    def node(self, number: int, page: bytes, flags: int, index: int) -> _Node:
        """Entry ``index`` of a page."""
        (start,) = struct.unpack_from("<H", page, _HEADER + 2 * index)
        if not _HEADER <= start <= self.size - 8:
            raise self.damaged(number, "an entry lies outside")
        low, high, node_flags, key_size = struct.unpack_from("<HHHH", page, start)
        place = start + 8 + key_size
        if place > self.size:
            raise self.damaged(number, "a key is cut off")
        key, size = page[start + 8 : place], low | high << 16
        child = size | node_flags << 32 if flags & _BRANCH else 0
        return _Node(key, node_flags, size, child, place)

    def value(self, number: int, page: bytes, node: _Node) -> bytes:
        """The value of an entry of a leaf."""
        if node.flags & ~_ON_OVERFLOW_PAGES:
            raise self.damaged(number, "a key has several values, or a table of its own")
        if node.flags == 0:
            if node.place + node.size > self.size:
                raise self.damaged(number, "a value is cut off")
            return page[node.place : node.place + node.size]
        if node.place + 8 > self.size:
            raise self.damaged(number, "the place of a value is cut off")
        (first,) = struct.unpack_from("<Q", page, node.place)
        start = first * self.size
        header = self._read(first, start, _HEADER)
        stored, _, flags, pages = struct.unpack("<QHHI", header)
        if stored != first or not flags & _OVERFLOW or _HEADER + node.size > pages * self.size:
            raise self.damaged(first, "it does not hold the value that it should")
        if node.size > _ONLY_LARGEST_VALUE:
            raise self.damaged(first, f"a value has {node.size} bytes")
        return self._read(first, start + _HEADER, node.size)

    def _meta(self, start: int) -> tuple[int, int, int]:
        """Page size, root of the tree and number of the transaction in one of the two first pages."""
        page = self._read(0, start, 152)
        magic, version = struct.unpack_from("<II", page, _HEADER)
        if magic != _MAGIC or version != _VERSION:
            raise DamagedLmdb(
                f"{self._path} is no LMDB file of a known version, or is damaged; write or fetch it again"
            )
        size, root, transaction = (
            *struct.unpack_from("<I", page, 40),
            *struct.unpack_from("<Q", page, 128),
            *struct.unpack_from("<Q", page, 144),
        )
        if not _PAGE_SIZES[0] <= size <= _PAGE_SIZES[1] or size & (size - 1):
            raise DamagedLmdb(f"{self._path} is damaged: its pages have {size} bytes; write or fetch it again")
        return size, root, transaction

    def _read(self, number: int, start: int, count: int) -> bytes:
        if start + count > self.length:
            raise self.damaged(number, f"it lies behind the end of the file ({self.length} bytes)")
        self._file.seek(start)
        data = self._file.read(count)
        if len(data) != count:
            raise self.damaged(number, "the file is cut off")
        return data


def import_lmdb() -> Any:
    """The LMDB library, with which files are written.

    Raises:
        utils.commands.MissingPackage: it is not installed; says how to get it.
    """
    try:
        import lmdb
    except ImportError as error:
        raise MissingPackage("writing LMDB files needs the package lmdb: pip install lmdb") from error
    return lmdb
