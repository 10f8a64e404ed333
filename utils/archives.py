"""Unpacks zip archives of strangers: nothing is written outside the folder, and the folder is whole or not there."""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from utils.progress import track

# Image archives hardly shrink; deflate reaches 1000 only on runs of one value. Small files may: they do no harm.
MAX_RATIO = 200
_SMALL = 16 << 20
_COPY_BUFFER = 1 << 20
_TEMPORARY = ".unpacking"


# What zipfile and its decoders raise for archives that make no sense.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(NotImplementedError, ValueError, RuntimeError, OverflowError),
)


class UnsafeArchive(ValueError):
    """An archive is damaged or would do more than fill its folder; names archive, entry and reason."""


def unpack_zip(
    archive: str | os.PathLike[str], folder: Path, check: Callable[[Path], Path | None] | None = None
) -> Path:
    """Unpacks into a new folder; does nothing if the folder is there.

    Args:
        archive: a zip file.
        folder: must not exist, or is taken as unpacked already.
        check: called with the folder of all files before it gets its name; raises if something is missing. It may
            return one of the folders inside: then only that one is kept (archives often wrap everything in a folder).

    Returns:
        ``folder``.

    Raises:
        FileNotFoundError: there is no such archive.
        UnsafeArchive: it is damaged, holds links, absolute or climbing paths, or unpacks to suspiciously much.
        OSError: the disk is full or cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        return folder
    with unpacked(archive, folder.parent) as temporary:
        kept = check(temporary) if check is not None else None
        (kept or temporary).rename(folder)
    return folder


@contextmanager
def unpacked(archive: str | os.PathLike[str], place: Path) -> Iterator[Path]:
    """The content of an archive in a temporary folder inside ``place``, from which parts can be renamed away.

    Raises:
        The same as :func:`unpack_zip`.
    """
    archive = Path(archive)
    place.mkdir(parents=True, exist_ok=True)
    temporary = place / f"{archive.name}{_TEMPORARY}"
    shutil.rmtree(temporary, ignore_errors=True)  # of an earlier try
    try:
        with _opened(archive) as file:
            entries = file.infolist()
            _check_entries(archive, entries)
            _check_room(archive, entries, place)
            temporary.mkdir()
            for entry in track(entries, f"Unpacking {archive.name}"):
                _extract(archive, file, entry, temporary)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    if not archive.is_file():
        raise FileNotFoundError(f"{archive}: no such archive")
    with _damage_named(archive, "or no zip archive"):
        file = zipfile.ZipFile(archive)
    with file:
        yield file


@contextmanager
def _damage_named(archive: Path, where: str) -> Iterator[None]:
    """Inside, whatever is raised for a damaged archive names it; a full or failing disk stays an ``OSError``."""
    try:
        yield
    except UnsafeArchive:
        raise
    except _DAMAGE as error:
        raise UnsafeArchive(f"{archive} is damaged {where} ({error}); fetch it again") from error
    except OSError as error:
        # zipfile jumps to places before the file; bz2 words damage without a number.
        if error.errno not in (None, errno.EINVAL, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
            raise
        raise UnsafeArchive(f"{archive} is damaged {where} ({error}); fetch it again") from error


def check_zip(archive: str | os.PathLike[str]) -> None:
    """Reads the table of contents and refuses what :func:`unpack_zip` would refuse; unpacks nothing.

    Raises:
        FileNotFoundError, UnsafeArchive: as :func:`unpack_zip`.
    """
    with _opened(Path(archive)) as file:
        _check_entries(Path(archive), file.infolist())


def _check_entries(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        reason = _objection(entry)
        name = entry.filename.rstrip("/").casefold()
        if reason is None and name in seen:
            reason = "occurs twice"
        if reason is not None:
            raise UnsafeArchive(f"{archive} is refused: its entry {entry.filename!r} {reason}. Nothing was unpacked")
        seen.add(name)


def _objection(entry: zipfile.ZipInfo) -> str | None:
    name = entry.filename
    mode = entry.external_attr >> 16
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or "\\" in name or ":" in name:
        return "is an absolute path or a path of Windows"
    if ".." in PurePosixPath(name).parts or not PurePosixPath(name).parts:
        return "climbs out of the folder"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.file_size > _SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return f"grows from {entry.compress_size} to {entry.file_size} bytes"
    return None


def _check_room(archive: Path, entries: list[zipfile.ZipInfo], place: Path) -> None:
    # Many small bombs make a large one: what all of them grow to counts as well.
    size, packed = sum(entry.file_size for entry in entries), archive.stat().st_size
    if size > _SMALL and size > MAX_RATIO * packed:
        raise UnsafeArchive(f"{archive} is refused: it grows from {packed} to {size} bytes. Nothing was unpacked")
    free = shutil.disk_usage(place).free
    if size > free:
        raise OSError(f"{archive} needs {size / 1e9:.1f} GB in {place}, but {free / 1e9:.1f} GB are left")


def _extract(archive: Path, file: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    with _damage_named(archive, f"at {entry.filename!r}"):
        target = folder.joinpath(*PurePosixPath(entry.filename).parts)
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # Reads at most the announced size, and compares the checksum of the archive at the end.
        with file.open(entry) as source, target.open("xb") as sink:
            shutil.copyfileobj(source, sink, _COPY_BUFFER)
    if target.stat().st_size != entry.file_size:
        raise UnsafeArchive(f"{archive} is damaged: {entry.filename!r} is cut off; fetch it again")
