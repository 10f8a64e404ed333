"""Some rows of the arrays in an ``.npz`` file, without holding the whole arrays in memory."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

# What numpy and zipfile raise for files that make no sense.
ARRAY_ERRORS = (
    *(ValueError, EOFError, OSError, MemoryError, SyntaxError, tokenize.TokenError, NotImplementedError),
    *(KeyError, TypeError, RuntimeError, OverflowError, zipfile.BadZipFile, zlib.error),
)
# Deflate makes at most so many bytes of one.
_MOST_GROWTH = 1100
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class WrongArrays(ValueError):
    """An ``.npz`` file is damaged or holds other arrays than expected; names file, found and expected."""


class NpzRows:
    """The arrays of an ``.npz`` file whose first axis counts items, read a few items at a time.

    ``numpy.load`` would unpack an array whole, several gigabytes for the published test sets. Nothing is unpickled.

    Args:
        path: the file.
        keys: the arrays that must be there.

    Raises:
        WrongArrays: the file is damaged, an array is missing or holds no real numbers, or their first axes differ.

    Attributes:
        shapes: key → shape of the whole array.
    """

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self.path = path
        self.shapes: dict[str, tuple[int, ...]] = {}
        with self._archive() as archive:
            found = sorted(name.removesuffix(".npy") for name in archive.namelist())
            missing = [key for key in keys if key not in found]
            if missing:
                raise WrongArrays(
                    f"{path} holds the arrays {', '.join(found) or '(none)'}, but {', '.join(missing)} missing; "
                    f"expected {', '.join(keys)}. Is it the right file?"
                )
            for key in keys:
                self.shapes[key] = self._header(archive, key)[0]
        lengths = {key: shape[:1] for key, shape in self.shapes.items()}
        if len(set(lengths.values())) != 1 or () in lengths.values():
            raise WrongArrays(f"{path}: the arrays hold different numbers of items: {self.shapes}")

    def __len__(self) -> int:
        """How many items there are."""
        return next(iter(self.shapes.values()))[0]

    def read(self, key: str, start: int, stop: int) -> NDArray[np.float32]:
        """Items ``start … stop-1`` of an array as float32.

        Raises:
            WrongArrays: the file is damaged or ends too early.
        """
        with self._archive() as archive:
            shape, fortran_order, dtype = self._header(archive, key)
            try:
                with archive.open(f"{key}.npy") as file:
                    if fortran_order:  # items do not lie one after the other
                        return np.lib.format.read_array(file, allow_pickle=False)[start:stop].astype(np.float32)
                    _read_header(file)
                    item_bytes = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
                    file.seek(start * item_bytes, 1)
                    data = file.read((stop - start) * item_bytes)
                    rows = np.frombuffer(data, dtype).reshape(stop - start, *shape[1:])
            except ARRAY_ERRORS as error:
                raise WrongArrays(f"{self.path}: array {key!r} is damaged: {error}; fetch the file again") from error
        return rows.astype(np.float32)

    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except ARRAY_ERRORS as error:
            raise WrongArrays(f"{self.path} is damaged or no .npz file: {error}; fetch it again") from error

    def _header(self, archive: zipfile.ZipFile, key: str) -> tuple[tuple[int, ...], bool, np.dtype]:
        try:
            with archive.open(f"{key}.npy") as file:
                shape, fortran_order, dtype = _read_header(file)
            entry = archive.getinfo(f"{key}.npy")
            there = min(entry.file_size, _MOST_GROWTH * entry.compress_size)
            # Of objects the file holds pickles, whose length says nothing; they are refused below.
            if not dtype.hasobject and math.prod(shape) * dtype.itemsize > there:
                raise ValueError(f"it states the shape {shape} and has {there} bytes at most")
        except ARRAY_ERRORS as error:
            raise WrongArrays(f"{self.path}: array {key!r} is damaged: {error}; fetch the file again") from error
        if dtype.kind not in "fiu":
            raise WrongArrays(f"{self.path}: array {key!r} has values of type {dtype}, expected real numbers")
        return shape, fortran_order, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type at the beginning of an ``.npy`` stream."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADER_READERS:
        raise ValueError(f"unknown .npy version {version}")
    return _HEADER_READERS[version](file)
