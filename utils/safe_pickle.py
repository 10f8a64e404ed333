"""Reads the meta-data pickles of the burst data sets without being able to run anything.

A pickle may name any function and have it called. The files of the data sets need no more than a dozen names, so every
name is looked up in a table of inert stand-ins here; a name outside the table ends the reading. Stand-ins only collect
what they are given: arrays and tensors are made afterwards, from checked types, shapes and plain bytes.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import pickletools
import re
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from utils.file_reading import read_file

# Booleans, integers, floating point and complex numbers of fixed size.
_NUMBER_TYPE = re.compile("[biufc][1-9][0-9]?")
# Text of a fraction. Powers of ten are left out: a few characters of them are a number of gigabytes.
_RATIO = re.compile(r"\s*[+-]?[0-9]+([.][0-9]*|/[0-9]+)?\s*")

_PathLike = str | os.PathLike[str]


class UnreadablePickle(ValueError):
    """A meta-data file is missing, damaged or of an unexpected kind; names the file."""


class RefusedPickle(UnreadablePickle):
    """A pickle names a function or class that the data sets do not need; nothing of it was run."""


class IfdTag:
    """One EXIF tag as exifread stores it: an inert holder of the attributes below.

    ``values`` is a list of ints, Fractions or one-element tuples of floats, or text; ``printable`` is the text shown
    to people.
    """

    __slots__ = ("field_length", "field_offset", "field_type", "printable", "tag", "values")

    values: Any
    printable: str

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise ValueError(f"an EXIF tag holds {type(state).__name__} where its attributes were expected")
        for name in self.__slots__:
            if name in state:
                setattr(self, name, _finished(state[name], {}))

    def __repr__(self) -> str:
        return f"IfdTag({getattr(self, 'printable', '')!r})"


def read_pickle(path: _PathLike) -> Any:
    """The content of a meta-data pickle: plain Python values, numpy arrays, torch tensors and :class:`IfdTag`.

    Raises:
        RefusedPickle: it names anything that is not on the list; nothing of it was run.
        UnreadablePickle: the file is missing, cut off, damaged, or its arrays do not fit their own description.
        OSError: the disk or the network failed, which may pass; names the file.
    """
    data = read_file(path, UnreadablePickle)
    unpickler = _AllowListUnpickler(data, str(path))
    try:
        _check_memory_places(data)
        return _finished(unpickler.load(), {})
    except UnreadablePickle:
        raise
    # What the C unpickler and the stand-ins raise for a stream that makes no sense.
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        RecursionError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise UnreadablePickle(
            f"{path} ({len(data)} bytes) is damaged or no meta-data file: {type(error).__name__}: {error}; "
            "fetch it again"
        ) from error


def _check_memory_places(data: bytes) -> None:
    """The table of remembered values is as long as the highest place that a stream names: gigabytes for five bytes."""
    for opcode, place, _ in pickletools.genops(data):
        if opcode.name.endswith("PUT") and place is not None and place >= len(data):
            raise ValueError(f"it remembers a value at place {place}, but has no more than {len(data)} bytes")


class _AllowListUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(io.BytesIO(data))
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[f"{module}.{name}"]
        except KeyError:
            raise RefusedPickle(
                f"{self._name} wants to use {module}.{name}, which meta-data of the known data sets never does. "
                "Nothing was run. Fetch the file again from its source, and do not open it with other tools"
            ) from None


class _Function:
    """A callable that a pickle can call but not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("the stream tries to change a function")


class _Dtype:
    """Type of an array's values; only booleans and numbers of fixed size become a numpy type."""

    __slots__ = ("_byte_order", "_code")

    def __init__(self, code: Any, align: Any = False, copy: Any = True) -> None:
        self._code, self._byte_order = code, "="

    def __setstate__(self, state: Any) -> None:
        self._byte_order = state[1]

    def finished(self) -> np.dtype:
        known = isinstance(self._code, str) and _NUMBER_TYPE.fullmatch(self._code)
        if not known or self._byte_order not in ("<", ">", "=", "|"):
            raise ValueError(f"an array has values of type {self._code!r}, expected numbers")
        kind: np.dtype[Any] = np.dtype(self._byte_order + self._code)
        return kind


class _Array:
    """An array that is still description and bytes."""

    __slots__ = ("_buffer", "_dtype", "_order", "_shape")

    def __init__(self, buffer: Any = b"", dtype: Any = None, shape: Any = (0,), order: Any = "C") -> None:
        self._buffer, self._dtype, self._shape, self._order = buffer, dtype, shape, order

    def __setstate__(self, state: Any) -> None:
        _, self._shape, self._dtype, is_fortran, self._buffer = state
        self._order = "F" if is_fortran else "C"

    def finished(self) -> np.ndarray:
        if not isinstance(self._dtype, _Dtype) or not isinstance(self._buffer, (bytes, bytearray)):
            raise ValueError("an array is not described by a type and bytes")
        if self._order not in ("C", "F"):
            raise ValueError(f"an array has the memory order {self._order!r}")
        values = np.frombuffer(self._buffer, self._dtype.finished())
        return values.reshape(self._shape, order=self._order).copy()


def _empty_array(kind: Any, shape: Any, code: Any) -> _Array:
    return _Array()  # description and bytes follow by __setstate__


def _numpy_scalar(dtype: Any, buffer: Any = b"") -> Any:
    return _Array(buffer, dtype, ()).finished()[()]


def _ratio(numerator: Any, denominator: Any = 1) -> Fraction | float:
    """An EXIF fraction, given as ``'1/50'`` or as two integers. Cameras write x/0 for "not known": NaN here."""
    for part in (numerator, denominator):
        if isinstance(part, str) and not _RATIO.fullmatch(part):
            raise ValueError(f"{part[:20]!r} is no fraction")
    try:
        return Fraction(numerator) / Fraction(denominator)
    except ZeroDivisionError:
        return float("nan")


def _latin1(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes are written in the encoding {encoding!r}; expected latin1")
    return text.encode("latin1")


def _storage(data: Any) -> Any:
    """The values of a tensor. The bytes are a torch file of their own, and a pickle again: only weights_only is
    safe."""
    import torch

    if not isinstance(data, bytes):
        raise ValueError("a tensor's values are not bytes")
    try:
        return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, AssertionError):
        # torch's own message advises weights_only=False, the one thing not to do here.
        raise ValueError("the values of a tensor are damaged or hold more than numbers; they were not opened") from None


def _tensor(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any = False,
    hooks: Any = None,
    metadata: Any = None,
) -> Any:
    import torch

    if not isinstance(storage, torch.TypedStorage):
        raise ValueError(f"a tensor is made from {type(storage).__name__}")
    values = torch.empty(0, dtype=storage.dtype).set_(storage)
    if math.prod(size) > values.numel():
        raise ValueError(f"a tensor of shape {tuple(size)} is made from {values.numel()} values")
    return values.as_strided(size, stride, offset).clone()


def _not_callable(*arguments: Any) -> Any:
    raise ValueError("numpy.ndarray may only be named, not called")


def _allowed() -> dict[str, Any]:
    array, scalar, buffer = _Function(_empty_array), _Function(_numpy_scalar), _Function(_Array)
    table: dict[str, Any] = {
        "exifread.classes.IfdTag": IfdTag,
        "exifread.utils.Ratio": _Function(_ratio),
        "numpy.ndarray": _Function(_not_callable),
        "numpy.dtype": _Function(_Dtype),
        "torch._utils._rebuild_tensor_v2": _Function(_tensor),
        "torch.storage._load_from_bytes": _Function(_storage),
        "collections.OrderedDict": _Function(OrderedDict),
        "_codecs.encode": _Function(_latin1),
    }
    for core in ("numpy.core", "numpy._core"):  # the name changed with numpy 2
        table[f"{core}.multiarray._reconstruct"] = array
        table[f"{core}.multiarray.scalar"] = scalar
        table[f"{core}.numeric._frombuffer"] = buffer
    return table


_ALLOWED = _allowed()


def _finished(value: Any, done: dict[int, Any]) -> Any:
    """``value`` with arrays in the place of their descriptions. ``done`` keeps shared objects shared and ends
    cycles."""
    if id(value) in done:
        return done[id(value)][1]
    result: Any = value
    if isinstance(value, (_Array, _Dtype)):
        result = value.finished()
    elif isinstance(value, dict):
        done[id(value)] = (value, value)
        for key in list(value):
            value[key] = _finished(value[key], done)
    elif isinstance(value, list):
        done[id(value)] = (value, value)
        value[:] = [_finished(item, done) for item in value]
    elif isinstance(value, tuple):
        result = tuple(_finished(item, done) for item in value)
    done[id(value)] = (value, result)  # keeps the key alive: an id may be used again
    return result
