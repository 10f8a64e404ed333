"""Checkpoint files: tensors and plain values, written whole or not at all, read without running any code.

Files of the original DBSR and DeepRep systems hold objects of five classes of theirs. They are read through inert
stand-ins, whose attributes become plain values, so that every checkpoint looks the same to the rest of the house.
"""

from __future__ import annotations

import os
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from utils.atomic_write import atomic_write


class CheckpointError(Exception):
    """A checkpoint file cannot be used; names the file, what is wrong with it and the way out."""


class DamagedCheckpoint(CheckpointError):
    """A checkpoint file is incomplete or damaged, or is none; an earlier one may be good."""


class _StandIn:
    """Holds the attributes of an object whose class is not needed."""


class _ConstructorStandIn(_StandIn):
    pass


class _SettingsStandIn(_StandIn):
    pass


class _EnvironmentStandIn(_StandIn):
    pass


class _AverageMeterStandIn(_StandIn):
    pass


class _StatValueStandIn(_StandIn):
    pass


# Every class of the original systems that a checkpoint of theirs names. Nothing may be added that does something.
_STAND_INS: list[tuple[type[_StandIn], str]] = [
    (_ConstructorStandIn, "admin.model_constructor.NetConstructor"),
    (_SettingsStandIn, "admin.settings.Settings"),
    (_EnvironmentStandIn, "admin.local.EnvironmentSettings"),
    (_AverageMeterStandIn, "admin.stats.AverageMeter"),
    (_StatValueStandIn, "admin.stats.StatValue"),
]


# What torch's reader raises for files that end early or are something else depends on where they break off.
_READER_ERRORS = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError),
    *(AssertionError, ArithmeticError, struct.error, MemoryError, RecursionError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),
)


def save_checkpoint(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Writes a checkpoint atomically: tensors and plain values (None, numbers, text, lists, tuples, dicts) only.

    Raises:
        TypeError: something else is in it; names where.
        OSError: the file cannot be written.
    """
    _check_plain(content, "checkpoint")
    with atomic_write(path) as file:
        torch.save(dict(content), file)


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a ``.pth`` or ``.pth.tar`` file on the CPU. Runs no code from the file.

    In files of the original systems ``constructor`` (module, function, args, kwargs), ``stats`` and ``settings`` come
    out as plain values, as in ours. A bare state dict comes out as it is.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedCheckpoint: the file is damaged or no checkpoint.
        CheckpointError: it names a class that is not allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint file")
    try:
        _verify_checksums(path)
        with torch.serialization.safe_globals(list(_STAND_INS)):
            content = torch.load(path, map_location="cpu", weights_only=True)
        plain = _plain(content)
    except pickle.UnpicklingError as error:
        # torch's own text advises to switch the protection off: it is not handed on.
        raise _worded(path, error) from None
    except _READER_ERRORS as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(content, Mapping):
        raise DamagedCheckpoint(
            f"{path} holds a {type(content).__name__}, not the dict of a checkpoint or a state dict"
        )
    return {str(key): value for key, value in plain.items()}


def _verify_checksums(path: Path) -> None:
    """torch writes a checksum of every tensor and looks at none: a flipped bit would become a weight.

    Raises:
        zipfile.BadZipFile: a checksum does not agree.
    """
    if not zipfile.is_zipfile(path):
        return  # written by torch before 1.6, which had no checksums
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.CRC != 0:  # 0 where torch was told not to write any
                with archive.open(entry) as file:
                    while file.read(1 << 20):
                        pass


def _worded(path: Path, error: pickle.UnpicklingError) -> CheckpointError:
    text = str(error)
    refused = re.search(r"GLOBAL (\S+)", text) or re.search(r"Unsupported (?:class|global):? (\S+)", text)
    if refused is None:
        return _damaged(path, text.partition("WeightsUnpickler error:")[2].strip() or "not written by torch.save")
    return CheckpointError(
        f"{path} is refused: it names {refused.group(1)}, and a checkpoint may hold only tensors and plain values. "
        "Get the file from a source you trust, or convert it where it was made."
    )


def _damaged(path: Path, cause: str) -> DamagedCheckpoint:
    return DamagedCheckpoint(
        f"{path} cannot be read as a checkpoint ({cause.strip().splitlines()[0][:200]}). "
        "It is damaged, incomplete or something else; copy or download it again, or use an earlier one."
    )


def _plain(value: Any, done: dict[int, Any] | None = None) -> Any:
    """Stand-ins become dicts; containers are followed, except the state dicts of tensors, which stay as they are.

    ``done`` keeps shared objects shared: a hostile file may hold one list a billion times.
    """
    done = {} if done is None else done
    if id(value) not in done:
        done[id(value)] = (value, _made_plain(value, done))  # keeps the key alive: an id may be used again
    return done[id(value)][1]


def _made_plain(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, _ConstructorStandIn):
        stored = vars(value)
        return {
            "module": stored.get("fun_module"),
            "function": stored.get("fun_name"),
            "args": tuple(_plain(item, done) for item in stored.get("args", ())),
            "kwargs": _plain(stored.get("kwds", {}), done),
        }
    if isinstance(value, (_AverageMeterStandIn, _StatValueStandIn)):
        kind = "AverageMeter" if isinstance(value, _AverageMeterStandIn) else "StatValue"
        return {"kind": kind, **vars(value)}
    if isinstance(value, _StandIn):
        return {name: _plain(item, done) for name, item in vars(value).items()}
    if isinstance(value, dict) and not all(isinstance(item, torch.Tensor) for item in value.values()):
        return {key: _plain(item, done) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item, done) for item in value)
    return value


def _check_plain(value: Any, where: str) -> None:
    if value is None or isinstance(value, torch.Tensor) or type(value) in (bool, int, float, str):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if type(key) not in (str, int):
                raise TypeError(f"{where}: key {key!r} is a {type(key).__name__}; keys are text or whole numbers")
            _check_plain(item, f"{where}[{key!r}]")
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):
            _check_plain(item, f"{where}[{index}]")
    else:
        raise TypeError(f"{where} is a {type(value).__name__}; a checkpoint may hold only tensors and plain values")
