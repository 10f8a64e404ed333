"""Decoded photographs one behind the other in few large files: nothing to decode, nothing to open.

A folder of packed images holds

* ``index.json``: ``{"version": 1, "name": NAME, "images": [[SHARD, OFFSET, HEIGHT, WIDTH, NAME], ...]}``,
* ``shard_00000.npy``, ``shard_00001.npy``, ...: one-dimensional uint8 arrays in NumPy's format. The image of an entry
  is elements ``OFFSET`` to ``OFFSET + 3 * HEIGHT * WIDTH`` of its shard: rows from the top, pixels from the left, RGB.

Any program that maps a file into memory can read that. ``util_scripts/pack_images.py`` writes it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from dataset.base_image_dataset import BaseImageDataset
from utils.atomic_write import write_bytes
from utils.image_io import PathLike, UnreadableImage

logger = logging.getLogger(__name__)

_VERSION = 1
_INDEX = "index.json"


class PackedImages(BaseImageDataset):
    """Photographs that were packed by :func:`pack_images`.

    Shards are mapped into memory when they are first read, in every worker anew; the operating system keeps one copy
    of what is in use.

    Args:
        root: the folder.

    Raises:
        UnreadableImage: the folder holds no packed images, or not all of them; names the way out.
    """

    def __init__(self, root: PathLike) -> None:
        index_file = Path(root) / _INDEX
        try:
            index = json.loads(index_file.read_bytes())
            if index["version"] != _VERSION:
                raise UnreadableImage(f"{index_file} has version {index['version']}, this program reads {_VERSION}")
            name, self._entries = str(index["name"]), [_Entry(*entry) for entry in index["images"]]
        except (FileNotFoundError, NotADirectoryError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise UnreadableImage(
                f"{index_file} is not there or no index of packed images ({type(error).__name__}: {error}); "
                "pack images with util_scripts/pack_images.py"
            ) from error
        super().__init__(name, root)
        self.image_list = [entry.name for entry in self._entries]
        self._shards: dict[int, NDArray[np.uint8]] = {}

    def get_image(self, im_id: int, info: dict[str, Any] | None = None) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """As every image data set; the array shows the file itself, but what is written to it stays in memory."""
        entry = self._entries[im_id]
        size = 3 * entry.height * entry.width
        shard = self._shard(entry.shard)
        if entry.offset + size > len(shard):
            raise UnreadableImage(
                f"{_shard_file(self.root, entry.shard)} is too short for image {entry.name}: pack the images again"
            )
        image = shard[entry.offset : entry.offset + size].reshape(entry.height, entry.width, 3)
        return image, self.get_image_info(im_id) if info is None else info

    def _shard(self, number: int) -> NDArray[np.uint8]:
        if number not in self._shards:
            path = _shard_file(self.root, number)
            try:
                self._shards[number] = np.load(path, mmap_mode="c", allow_pickle=False)
            except (FileNotFoundError, ValueError, EOFError) as error:
                raise UnreadableImage(f"{path} is not there or damaged ({error}): pack the images again") from error
        return self._shards[number]

    def __getstate__(self) -> dict[str, Any]:
        # Workers map the shards themselves: a mapping that is sent to another process becomes a copy.
        return self.__dict__ | {"_shards": {}}


class _Entry:
    """Where an image lies."""

    __slots__ = ("height", "name", "offset", "shard", "width")

    def __init__(self, shard: int, offset: int, height: int, width: int, name: str) -> None:
        self.shard, self.offset, self.height, self.width, self.name = shard, offset, height, width, name


def pack_images(
    images: Iterable[tuple[str, NDArray[np.uint8]]], folder: PathLike, name: str, shard_bytes: int = 2**30
) -> int:
    """Writes images (name, uint8 [H, W, 3] RGB) so that :class:`PackedImages` reads them; returns how many.

    The index is written last: a folder without one is not complete.

    Args:
        folder: is made; must not hold packed images.
        name: of the data set.
        shard_bytes: a shard is closed when it is at least that large.

    Raises:
        FileExistsError: the folder holds packed images.
    """
    folder = Path(folder)
    if (folder / _INDEX).exists():
        raise FileExistsError(f"{folder} holds packed images already: remove it, or pack into another folder")
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[list[Any]] = []
    for number, shard in enumerate(_shards(images, shard_bytes)):
        mapped = open_memmap(_shard_file(folder, number), "w+", np.uint8, (sum(image.size for _, image in shard),))
        offset = 0
        for image_name, image in shard:
            mapped[offset : offset + image.size] = np.ascontiguousarray(image).ravel()
            entries.append([number, offset, *image.shape[:2], image_name])
            offset += image.size
        mapped.flush()
        logger.info("%s: %d images", _shard_file(folder, number), len(shard))
    index = {"version": _VERSION, "name": name, "images": entries}
    write_bytes(folder / _INDEX, json.dumps(index).encode())
    return len(entries)


def _shards(
    images: Iterable[tuple[str, NDArray[np.uint8]]], shard_bytes: int
) -> Iterator[list[tuple[str, NDArray[np.uint8]]]]:
    shard: list[tuple[str, NDArray[np.uint8]]] = []
    size = 0
    for one in images:
        shard.append(one)
        size += one[1].size
        if size >= shard_bytes:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _shard_file(folder: Path, number: int) -> Path:
    return folder / f"shard_{number:05d}.npy"
