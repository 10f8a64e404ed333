"""Downloads that are whole or not there: continued after an interruption, from several mirrors, checked.

A file grows as ``<name>.part`` and gets its name only when its length, its checksum and the caller's own check agree.
Beside it ``<name>.part.json`` says where the bytes come from, so that a partial file is never continued from a server
that holds another version of it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.atomic_write import write_text
from utils.progress import LiveLine

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20
_TIMEOUT = 30.0
_ATTEMPTS = 4  # of one source, as long as they bring the file forward


class DownloadFailed(OSError):
    """A file could not be fetched; names the file, every source with what went wrong, and the manual way."""


class _SourceFailed(Exception):
    """One source cannot give the file; the next one may."""


@dataclass(frozen=True)
class DriveFile:
    """A public file on Google Drive."""

    file_id: str

    def __str__(self) -> str:
        return f"https://drive.google.com/file/d/{self.file_id}/view"


Source = str | DriveFile
"""An ``https://`` address or a file on Google Drive."""


def download(
    sources: Sequence[Source],
    target: Path,
    *,
    sha256: str | None = None,
    check: Callable[[Path], object] | None = None,
) -> Path:
    """Fetches a file from the first source that gives it whole; does nothing if ``target`` is there.

    Args:
        sources: tried in this order.
        target: where the file belongs; missing folders are made.
        sha256: what the content must hash to.
        check: called with the complete file before it gets its name; raises ``ValueError`` or ``OSError`` if the
            content is not what it should be.

    Returns:
        ``target``.

    Raises:
        DownloadFailed: no source gives the file. What has arrived stays, and the next call goes on from there; a
            complete file of wrong content is removed.
    """
    target = Path(target)
    if target.is_file():
        return target
    if not sources:
        raise ValueError(f"{target}: no source is given")
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for source in sources:
        try:
            part = _fetch(source, target)
            _check(part, sha256, check)
        except _SourceFailed as error:
            failures.append(f"  {source}: {error}")
            logger.warning("%s: %s", source, error)
            continue
        part.replace(target)
        _state_file(target).unlink(missing_ok=True)
        return target
    raise DownloadFailed(
        f"{target.name} could not be fetched:\n" + "\n".join(failures) + f"\nRun the same again to go on, or fetch it "
        f"with a browser from {' or '.join(map(str, sources))} and save it as {target}"
    )


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(source: Source, target: Path) -> Path:
    """The complete but unchecked content in a file beside ``target``."""
    if isinstance(source, DriveFile):
        return _fetch_from_drive(source, target)
    part = _part_file(target)
    last: Exception | None = None
    for _ in range(_ATTEMPTS):
        before = _size(part)
        try:
            _HttpDownload(source, target).run()
            return part
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):  # asking again would not help
                raise _SourceFailed(f"the server answers {error.code} {error.reason}") from error
            last = error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, _DiskTooSmall):
                raise
            last = error
        if _size(part) == before:
            break
        logger.info("%s: interrupted (%s), going on from %s", target.name, last, _megabytes(_size(part)))
    raise _SourceFailed(f"{last} (after {_megabytes(_size(part))})") from last


class _DiskTooSmall(OSError):
    pass


class _HttpDownload:
    """One attempt to bring ``<target>.part`` to its end."""

    def __init__(self, url: str, target: Path) -> None:
        self.url, self.target, self.part, self.state = url, target, _part_file(target), _state_file(target)

    def run(self) -> None:
        """Fetches what is missing.

        Raises:
            OSError, http.client.HTTPException: the connection failed or ended early.
        """
        start = self._resumable_bytes()
        headers = {"User-Agent": "BurstLab", "Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": self._known()["validator"]}
        try:
            response = urllib.request.urlopen(urllib.request.Request(self.url, headers=headers), timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            if start == self._known()["size"]:
                return  # everything was there already
            self.part.unlink(missing_ok=True)
            raise OSError("the partial file does not fit the server's; starting anew") from error
        with response:
            size = self._total_size(response, start)
            if response.status != http.client.PARTIAL_CONTENT:
                start = 0  # another version, or a server that knows no ranges
            self._remember(response, size)
            self._check_room(size, start)
            self._receive(response, start, size)

    def _receive(self, response: Any, start: int, size: int | None) -> None:
        with self.part.open("ab" if start else "wb") as file, LiveLine() as line:
            done = start
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                of = f" of {_megabytes(size)} ({100 * done // size} %)" if size else ""
                line.update(f"{self.target.name}: {_megabytes(done)}{of}")
            file.flush()
            os.fsync(file.fileno())
        if size is not None and done != size:
            raise ConnectionError(f"the connection ended after {done} of {size} bytes")

    def _total_size(self, response: Any, start: int) -> int | None:
        if response.status == http.client.PARTIAL_CONTENT:
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != start:
                self.part.unlink(missing_ok=True)
                raise OSError(f"the server sends another part than asked: {response.headers.get('Content-Range')}")
            return int(found[2])
        length = response.headers.get("Content-Length")
        return int(length) if length is not None and length.isdigit() else None

    def _resumable_bytes(self) -> int:
        """Length of the partial file, if the server can say whether its file is still the same one."""
        known = self._known()
        usable = known.get("source") == self.url and isinstance(known.get("validator"), str)
        return _size(self.part) if usable else 0

    def _known(self) -> dict[str, Any]:
        try:
            known = json.loads(self.state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _remember(self, response: Any, size: int | None) -> None:
        etag = response.headers.get("ETag")
        weak = etag is None or etag.startswith("W/")  # says "means the same", not "the same bytes"
        validator = response.headers.get("Last-Modified") if weak else etag
        write_text(self.state, json.dumps({"source": self.url, "validator": validator, "size": size}))

    def _check_room(self, size: int | None, start: int) -> None:
        free = shutil.disk_usage(self.target.parent).free
        if size is not None and size - start > free:
            raise _DiskTooSmall(
                f"{self.target} needs {_megabytes(size - start)} more, but the disk has {_megabytes(free)} left"
            )


def download_drive_folder(folder_id: str, target: Path) -> Path:
    """Fetches all files of a public folder on Google Drive; files that are there already are left alone.

    Returns:
        ``target``.

    Raises:
        DownloadFailed: the folder or one of its files is not handed out.
    """
    page = f"https://drive.google.com/drive/folders/{folder_id}"
    target.mkdir(parents=True, exist_ok=True)
    try:
        fetched = _from_drive(lambda gdown: gdown.download_folder(id=folder_id, output=str(target), resume=True))
    except _SourceFailed as error:
        fetched, reason = None, str(error)
    else:
        reason = "Google Drive gave no file"
    if not fetched:
        raise DownloadFailed(
            f"{page} could not be fetched: {reason}. Try again later, or fetch it with a browser into {target}"
        )
    return target


def _fetch_from_drive(source: DriveFile, target: Path) -> Path:
    """gdown keeps and continues a partial file of its own beside the one it writes."""
    complete = target.with_name(f"{target.name}.drive.part")
    logger.info("%s: fetching from Google Drive", target.name)
    _from_drive(lambda gdown: gdown.download(id=source.file_id, output=str(complete), resume=True, quiet=False))
    if not complete.is_file():
        raise _SourceFailed("Google Drive gave no file; it may have been fetched too often today")
    return complete


def _from_drive(fetch: Callable[[Any], Any]) -> Any:
    """What ``fetch`` makes of the module gdown, with its many errors as `_SourceFailed`."""
    try:
        import gdown
        import gdown.exceptions
    except ImportError as error:
        raise _SourceFailed("the package gdown is missing: pip install 'gdown>=5.1'") from error
    # Their names differ between versions of gdown.
    refusals: tuple[type[Exception], ...] = tuple(
        value for value in vars(gdown.exceptions).values() if isinstance(value, type) and issubclass(value, Exception)
    )
    try:
        return fetch(gdown)
    except (OSError, *refusals) as error:  # type: ignore[misc]  # requests' errors are OSErrors
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise _SourceFailed(reason[0]) from error


def _check(part: Path, sha256: str | None, check: Callable[[Path], object] | None) -> None:
    try:
        if sha256 is not None and (found := file_sha256(part)) != sha256:
            raise ValueError(f"the file has the SHA-256 {found}, expected {sha256}")
        if check is not None:
            check(part)
    except (ValueError, OSError) as error:
        part.unlink(missing_ok=True)  # continuing it could only give the same again
        raise _SourceFailed(f"the file is complete but not what it should be: {error}") from error


def _part_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _state_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
