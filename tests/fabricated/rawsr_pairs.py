"""Pairs of RawSR in the published layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from utils.image_io import write_image


def write_pair(folder: Path, name: str, scale: int = 2, size: tuple[int, int] = (21, 26)) -> None:
    """A pair of which every value says where it lies: mosaic and ground truth by row and column."""
    height, width = size
    for part in ("TrainingSet", "GT"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    np.save(folder / "TrainingSet" / f"{name}.npy", (rows / 100 + columns / 10_000).astype(np.float32))
    write_image(
        folder / "ISP" / f"{name}.png",
        np.stack([rows + 0 * columns, 0 * rows + columns, rows + columns], -1).astype(np.uint8),
    )
    rows, columns = np.arange(scale * height)[:, None] // scale, np.arange(scale * width) // scale
    truth = np.stack([rows / 100 + columns / 10_000] * 3, axis=-1)
    np.save(folder / "GT" / f"{name[:-4]}.npy", truth.astype(np.float64))


def rawsr_sets(root: Path, size: tuple[int, int] = (21, 26)) -> Path:
    """``rawsr_dir`` with the sets x2 and x4: two training pairs and one test pair each."""
    for scale in (2, 4):
        for split, names in (("Training", ("a0000", "a0001")), ("Testing", ("b0000",))):
            for name in names:
                write_pair(root / f"x{scale}" / split, name, scale, size)
    return root
