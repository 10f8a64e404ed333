"""Fetches archives of data sets, unpacks them where the data set expects them, and checks what came out."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from admin.data_locations import LOCATIONS
from utils.archives import check_zip, unpacked
from utils.atomic_write import write_text
from utils.downloads import DriveFile, Source, download

logger = logging.getLogger(__name__)

_DRIVE_FILE = re.compile(r"Google Drive file ([\w-]{20,})")
_SEARCH_DEPTH = 3


def listed_sources(key: str) -> list[Source]:
    """The places in ``admin.data_locations`` from which one file can be fetched: direct links and Drive files."""
    sources: list[Source] = []
    for text in LOCATIONS[key].sources:
        drive = _DRIVE_FILE.fullmatch(text)
        if drive is not None:
            sources.append(DriveFile(drive[1]))
        elif re.fullmatch(r"https://\S+\.(zip|npz)", text):
            sources.append(text)
    return sources


def fetch_and_merge(
    sources: Sequence[Source],
    archive: Path,
    folder: Path,
    find: Callable[[Path], Path],
) -> None:
    """Fetches a zip archive and moves the entries of one of its folders into ``folder``; does nothing the second time.

    The archive is kept, and ``<archive>.unpacked`` beside it notes that it was unpacked. Entries that ``folder`` has
    already stay as they are: they were moved there whole.

    Args:
        sources: see ``utils.downloads.download``.
        archive: where the zip file belongs.
        folder: made if it is not there.
        find: from the folder of everything unpacked to the one whose entries are wanted.

    Raises:
        utils.downloads.DownloadFailed: it cannot be fetched.
        utils.archives.UnsafeArchive: it is damaged or would write elsewhere.
        ValueError: what ``find`` raises where something else is inside.
    """
    done = archive.with_name(f"{archive.name}.unpacked")
    if done.is_file():
        logger.info("%s: already unpacked (remove %s to do it again)", archive.name, done)
        return
    download(sources, archive, check=check_zip)
    # Beside the folder and not in it: renaming needs one file system, and data sets list what their folder holds.
    with unpacked(archive, archive.parent) as content:
        inner = find(content)
        folder.mkdir(parents=True, exist_ok=True)
        moved = merge_folders(inner, folder)
    write_text(done, f"{moved} entries moved into {folder}\n")
    logger.info("%s: %d entries moved into %s", archive.name, moved, folder)


def merge_folders(source: Path, target: Path) -> int:
    """Renames the entries of ``source`` into ``target``, except those that ``target`` has; returns how many."""
    moved = 0
    for entry in sorted(source.iterdir()):
        if not (target / entry.name).exists():
            shutil.move(entry, target / entry.name)
            moved += 1
    return moved


def folder_with(content: Path, *names: str) -> Path:
    """The folder nearest to ``content``, at most three levels down, that has all of these entries.

    Raises:
        ValueError: there is none; names what was found instead.
    """
    level = [content]
    for _ in range(_SEARCH_DEPTH + 1):
        for folder in level:
            if all((folder / name).exists() for name in names):
                return folder
        level = [entry for folder in level for entry in sorted(folder.iterdir()) if entry.is_dir()]
    found = ", ".join(sorted(entry.name for entry in content.iterdir())[:8]) or "nothing"
    raise ValueError(f"the archive has no folder with {', '.join(names)}, but {found}; has it changed?")
