"""Photographs, and the data sets that are folders of photographs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image_io import write_image


def scene(height: int, width: int, seed: int, cell: int = 12) -> NDArray[np.float32]:
    """Smooth random colours ``[height, width, 3]`` in 0.05..0.95 with details of about ``cell`` pixels."""
    draws = np.random.default_rng(seed)
    coarse = draws.uniform(0.05, 0.95, (height // cell + 3, width // cell + 3, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0.05, 0.95).astype(np.float32)


def photograph(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A scene as uint8 RGB."""
    return (scene(height, width, seed) * 255).astype(np.uint8)


def zurich(root: Path, size: int = 448, train: int = 2, test: int = 2, complete: bool = False) -> Path:
    """Zurich RAW to RGB: ``{train,test}/canon/<i>.jpg`` for the first images of each split (really 448x448).

    Args:
        complete: the other images of the list are there as well, as hard links to the first ones.
    """
    for split, count, full, first_seed in (("train", train, 46839, 0), ("test", test, 1204, 1000)):
        _write(root, (f"{split}/canon/{i}.jpg" for i in range(count)), size, size, first_seed)
        folder = root / split / "canon"
        for i in range(count, full if complete else count):
            (folder / f"{i}.jpg").hardlink_to(folder / f"{i % count}.jpg")
    return root


def openimages(root: Path, height: int = 680, width: int = 700, count: int = 2) -> Path:
    """OpenImages: ``train/<16 hexadecimal digits>.jpg`` (real ones have a longer side of 1024 pixels, mostly)."""
    return _write(root, (f"train/{i:016x}.jpg" for i in range(count)), height, width, first_seed=2000)


def image_folder(root: Path, height: int = 96, width: int = 128, count: int = 2) -> Path:
    """A folder of one's own photographs."""
    return _write(root, (f"photo_{i}.png" for i in range(count)), height, width, first_seed=3000)


def _write(root: Path, names: Iterable[str], height: int, width: int, first_seed: int) -> Path:
    for seed, name in enumerate(names, start=first_seed):
        write_image(root / name, photograph(height, width, seed))
    return root
