"""Where prepared frames go: folders of PNG files, or one LMDB store. Keys are ``<folder>/<video>/<name>``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from dataset.lmdb_file import import_lmdb
from utils.atomic_write import write_bytes

_MAP_SIZE = 2**40  # most bytes that a store may grow to; only what is used takes space


class Sink(Protocol):
    """Takes the bytes of PNG files."""

    def __contains__(self, key: str) -> bool: ...

    def write(self, pictures: dict[str, bytes]) -> None:
        """Stores the pictures of one clip."""
        ...

    def close(self) -> None: ...


class FolderSink:
    """``<root>/<key>``; a file is there whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __contains__(self, key: str) -> bool:
        return (self._root / key).is_file()

    def write(self, pictures: dict[str, bytes]) -> None:
        for key, content in pictures.items():
            write_bytes(self._root / key, content)

    def close(self) -> None:
        """Nothing is open."""


class LmdbSink:
    """An LMDB store; a clip is there whole or not at all. ``length`` counts the pictures of a size, as published."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._store: Any = import_lmdb().open(str(root), map_size=_MAP_SIZE)

    def __contains__(self, key: str) -> bool:
        with self._store.begin() as transaction:
            return transaction.get(key.encode()) is not None

    def write(self, pictures: dict[str, bytes]) -> None:
        with self._store.begin(write=True) as transaction:
            for key, content in pictures.items():
                transaction.put(key.encode(), content)

    def close(self) -> None:
        with self._store.begin(write=True) as transaction:
            count = sum(key.startswith(b"hr_") for key in transaction.cursor().iternext(values=False))
            transaction.put(b"length", str(count).encode())
        self._store.close()
