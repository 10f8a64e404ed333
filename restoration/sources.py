"""Which files are the frames of a burst: RAW files, or rendered pictures where there are none."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from restoration.burst import RestorationError
from restoration.exif import is_own_result
from utils.raw_files import RAW_ENDINGS

logger = logging.getLogger(__name__)

RENDERED_ENDINGS = frozenset({".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp"})
_MOST_NAMED = 5

FileState = tuple[str, int, int]


def file_state(path: Path) -> FileState:
    """Absolute path, size in bytes and time of the last change in nanoseconds: another one once the file is another.

    Raises:
        OSError: it cannot be looked at.
    """
    stored = path.stat()
    return str(path.resolve()), stored.st_size, stored.st_mtime_ns


def is_raw(path: Path) -> bool:
    """Whether the ending is one of RAW files."""
    return path.suffix.lower() in RAW_ENDINGS


def find_files(inputs: Sequence[Path], written: Collection[Path] = ()) -> list[Path]:
    """The frames that are meant by folders and files, every one once, by name (`a2` before `a10`).

    In a folder with RAW files rendered pictures are passed over: cameras store both of one shot. So are files that this
    toolkit wrote, results of earlier runs; given by name, they are taken.

    Args:
        inputs: files, or folders whose files are meant; folders inside are not looked into.
        written: files that the command itself writes, which are never frames.

    Raises:
        RestorationError: a file or folder is missing, cannot be opened, or holds nothing that could be a frame; RAW
            files and pictures are given together.
    """
    own = {path.resolve() for path in written}
    found: dict[Path, Path] = {}
    for given in inputs:
        for path in _of_folder(given) if given.is_dir() else [_checked(given)]:
            if path.resolve() not in own:
                found.setdefault(path.resolve(), path)
    if not found:
        raise RestorationError(f"{_listed(inputs)}: no frames (the only images are those that this command writes)")
    files = sorted(found.values(), key=natural_order)
    if len({is_raw(path) for path in files}) > 1:
        raw, rendered = next(filter(is_raw, files)), next(path for path in files if not is_raw(path))
        raise RestorationError(f"{raw} is a RAW file and {rendered} a rendered picture; a burst is one or the other")
    return files


def natural_order(path: Path) -> tuple[list[str | int], str]:
    """Numbers in names count as numbers."""
    parts: list[str | int] = []
    for index, part in enumerate(re.split(r"(\d+)", path.name.lower())):
        parts.append(int(part) if index % 2 else part)
    return parts, str(path)


def _checked(path: Path) -> Path:
    if not path.exists():
        raise RestorationError(f"{path} does not exist")
    if path.suffix.lower() not in RAW_ENDINGS | RENDERED_ENDINGS:
        raise RestorationError(
            f"{path}: the ending {path.suffix or '(none)'} is none of RAW files or pictures "
            "(.dng, .cr2, .nef, .arw, ..., .png, .tif, .jpg)"
        )
    return path


def _of_folder(folder: Path) -> list[Path]:
    try:
        entries = [Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise RestorationError(f"{folder} cannot be opened: {error.strerror or error}") from error
    files = [path for path in entries if not path.is_dir()]
    images = [path for path in files if path.suffix.lower() in RAW_ENDINGS | RENDERED_ENDINGS]
    if not images:
        raise RestorationError(f"{folder} holds no RAW files or pictures{_what_else(files)}")
    own = sorted((path for path in images if is_own_result(path)), key=natural_order)
    if own:
        images = [path for path in images if path not in own]
        names = _listed([path.name for path in own])
        if not images:
            raise RestorationError(
                f"{folder} holds no frames, only results of BurstLab: {names}; given by name, they are taken"
            )
        logger.info("%s: results of BurstLab are passed over: %s (given by name, they are taken)", folder, names)
    raws = [path for path in images if is_raw(path)]
    rendered = [path for path in images if not is_raw(path)]
    if raws and rendered:
        logger.info("%s: %d RAW files are taken, %d pictures passed over", folder, len(raws), len(rendered))
    return raws or rendered


def _what_else(files: Sequence[Path]) -> str:
    if not files:
        return "; it is empty"
    return f"; it holds {_listed(sorted(path.name for path in files))}"


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(str, names[:_MOST_NAMED])) + more
