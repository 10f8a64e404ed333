"""How one kind of file that comes from elsewhere is read, what is put before it, and what came out."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fuzzing.mutations import mutated

Files = dict[str, bytes]  # name → content
MARKER = "fuzz_was_here"  # what hostile files try to leave behind

Change = Callable[[bytes, random.Random, bytes], bytes]


@dataclass(frozen=True)
class Reader:
    """How one kind of file is read.

    Attributes:
        name: of the kind.
        seeds: valid files; of those that belong together (an index and its data) all.
        read: reads them from a folder.
        errors: that it may raise.
        attacks: hostile files made by hand, each of which has to be refused or to do no harm.
        inside: changes a file behind its checksums.
        checked: the format has checksums, so that what is read without an error must be what was written.
    """

    name: str
    seeds: list[Files]
    read: Callable[[Path], Any]
    errors: tuple[type[BaseException], ...]
    attacks: list[Files] = field(default_factory=list)
    inside: Change | None = None
    checked: bool = False


def write(reader: Reader, folder: Path, number: int, draw: random.Random) -> Any:
    """Puts file ``number`` of a reader into ``folder``: the attacks first, then changed seeds.

    Returns:
        What a valid file would have been read as, or None where nothing is to be compared.
    """
    if number < len(reader.attacks):
        _put(folder, reader.attacks[number])
        return None
    which = draw.randrange(len(reader.seeds))
    files = dict(reader.seeds[which])
    name = draw.choice(sorted(files))
    other = draw.choice(list(draw.choice(reader.seeds).values()))
    behind = reader.inside is not None and draw.random() < 0.5
    if behind and reader.inside is not None:
        files[name] = reader.inside(files[name], draw, other)
    else:
        files[name] = mutated(files[name], draw, other)
    _put(folder, files)
    return which if reader.checked and not behind else None


def _put(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def fingerprint(value: Any) -> str:
    """The same for values that are equal to the bit."""
    digest = hashlib.sha256()
    seen: dict[int, Any] = {}  # a file may hold one list a billion times

    def take(item: Any) -> None:
        if isinstance(item, (Mapping, list, tuple)):
            if id(item) in seen:
                return
            seen[id(item)] = item
        digest.update(type(item).__name__.encode())
        if isinstance(item, torch.Tensor):
            item = item.numpy()
        if isinstance(item, np.ndarray):
            digest.update(repr((item.shape, str(item.dtype))).encode() + np.ascontiguousarray(item).tobytes())
        elif isinstance(item, Mapping):
            for key in item:
                take(key)
                take(item[key])
        elif isinstance(item, (list, tuple)):
            for part in item:
                take(part)
        else:
            digest.update(repr(item).encode())

    take(value)
    return digest.hexdigest()


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path
