"""Where prepared frames of videos lie: folders of pictures, or one LMDB store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from admin.data_locations import MissingDataSet
from dataset.base_image_dataset import visible_entries
from dataset.lmdb_file import LmdbFile
from utils.image_io import UnreadableImage, decode_image, read_image

ENDINGS = {".jpg", ".jpeg", ".png", ".ppm", ".bmp"}

Listing = Mapping[str, Sequence[str]]


class FrameStore(Protocol):
    """Pictures by folder (``hr_128``), video and name."""

    def listing(self, folder: str) -> Listing:
        """Video → sorted names of its pictures.

        Raises:
            MissingDataSet: there is no such folder.
        """
        ...

    def read(self, folder: str, video: str, name: str) -> NDArray[np.uint8]:
        """uint8 [H, W, 3] RGB.

        Raises:
            UnreadableImage: it cannot be read.
        """
        ...


class FolderStore:
    """``<root>/<folder>/<video>/<name>``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def listing(self, folder: str) -> Listing:
        place = self._root / folder
        if not place.is_dir():
            raise MissingDataSet(
                f"{place} does not exist. Make it: python util_scripts/prepare_frames.py, with the sizes of the setting"
            )
        videos = [path for path in visible_entries(place) if path.is_dir()]
        return {video.name: [path.name for path in visible_entries(video) if is_picture(path)] for video in videos}

    def read(self, folder: str, video: str, name: str) -> NDArray[np.uint8]:
        return read_image(self._root / folder / video / name)


class LmdbStore:
    """One LMDB file; keys ``<folder>/<video>/<name>``, values are the bytes of PNG files.

    The original's keys lacked the video, so frames of different videos overwrote each other; such a store cannot be
    read.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._file = root, LmdbFile(root)

    def listing(self, folder: str) -> Listing:
        if not self._root.exists():
            raise MissingDataSet(f"{self._root} does not exist. Make it: util_scripts/prepare_frames.py --lmdb")
        found: dict[str, list[str]] = {}
        keys = list(self._file.keys())
        for key in keys:
            parts = key.split("/")
            if len(parts) == 3 and parts[0] == folder:
                found.setdefault(parts[1], []).append(parts[2])
        if not found:
            raise MissingDataSet(
                f"{self._root} has no keys {folder}/<video>/<frame> but {', '.join(keys[:3]) or 'none'}. "
                "Make it: python util_scripts/prepare_frames.py --lmdb"
            )
        return {video: sorted(names) for video, names in found.items()}

    def read(self, folder: str, video: str, name: str) -> NDArray[np.uint8]:
        key = f"{folder}/{video}/{name}"
        content = self._file.get(key)
        if content is None:
            raise UnreadableImage(f"{self._root} has no key {key}")
        return decode_image(content, f"{self._root}: {key}")


def open_store(datatype: str, root: Path) -> FrameStore:
    """The store of ``datatype`` img or lmdb.

    Raises:
        ValueError: another one.
    """
    if datatype == "img":
        return FolderStore(root)
    if datatype == "lmdb":
        return LmdbStore(root)
    raise ValueError(f"datatype = {datatype!r}: expected img (folders of pictures) or lmdb")


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its ending."""
    return path.suffix.lower() in ENDINGS
