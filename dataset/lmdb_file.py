"""LMDB files, opened once in every process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class LmdbFile:
    """An LMDB file to read from. Safe to hand to loader workers: each opens the file for itself, once.

    Args:
        path: the folder that LMDB calls a file (``data.mdb`` and ``lock.mdb``), or a single file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def get(self, key: str) -> bytes | None:
        """The value of a key; None if there is none.

        Raises:
            OSError: the file cannot be opened, or is damaged.
            ImportError: the package lmdb is not installed.
        """
        with self._transaction() as transaction:
            return transaction.get(key.encode("ascii"))

    def keys(self) -> Iterator[str]:
        """All keys, in their order in the file."""
        with self._transaction() as transaction:
            for key in transaction.cursor().iternext(values=False):
                yield bytes(key).decode("ascii")

    def _transaction(self) -> Any:
        return _environment(str(self.path.resolve())).begin()


def import_lmdb() -> Any:
    """The module.

    Raises:
        ImportError: it is not installed; says how to get it.
    """
    try:
        import lmdb
    except ImportError as error:
        raise ImportError("LMDB files need the package lmdb: pip install lmdb") from error
    return lmdb


_opened: dict[str, tuple[int, Any]] = {}  # path → process and environment


def _environment(path: str) -> Any:
    """The opened file. LMDB refuses a second opening in one process, and the use of one from before a fork."""
    process, environment = _opened.get(path, (0, None))
    if process == os.getpid():
        return environment
    if environment is not None:
        environment.close()  # inherited: forgotten here, the parent's stays open
    lmdb = import_lmdb()
    try:
        options = {"readonly": True, "lock": False, "readahead": False, "meminit": False}
        environment = lmdb.open(path, subdir=Path(path).is_dir(), **options)
    except lmdb.Error as error:
        raise OSError(f"{path} is no LMDB file or is damaged: {error}") from error
    _opened[path] = (os.getpid(), environment)
    return environment
