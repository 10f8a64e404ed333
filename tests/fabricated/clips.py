"""Video clips: REDS as its archives unpack, and real bursts as MATLAB 7.3 files."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from tests.fabricated.photographs import scene
from utils.image_io import write_image
from utils.ops.mosaic import unpack


def reds(
    root: Path,
    train: tuple[str, ...] = ("000", "001"),
    validation: tuple[str, ...] = ("000",),
    frames: int = 6,
    size: tuple[int, int] = (32, 40),
) -> Path:
    """``{train_sharp,val_sharp}/<clip>/<frame>.png``, each frame two pixels further to the right (really 720x1280)."""
    for part, clips in (("train_sharp", train), ("val_sharp", validation)):
        for number, clip in enumerate(clips):
            wide = scene(size[0], size[1] + 2 * frames, seed=10 * len(part) + number)
            for i in range(frames):
                picture = (wide[:, 2 * i : 2 * i + size[1]] * 255).astype(np.uint8)
                write_image(root / part / clip / f"{i:08d}.png", picture)
    return root


def sc_burst(root: Path, scenes: int = 1, frames: int = 6, size: tuple[int, int] = (12, 16)) -> Path:
    """``Scene<i>/<frame>.mat`` with a packed frame of ``size`` each; only the third file of a scene has real gains."""
    for number in range(1, scenes + 1):
        folder = root / f"Scene{number}"
        folder.mkdir(parents=True)
        for i in range(frames):
            packed = scene(*size, seed=number)[..., [0, 1, 1, 2]].transpose(2, 0, 1) * 1.2 - 0.1
            with h5py.File(folder / f"{i}.mat", "w") as file:
                file["im"] = unpack(packed).T  # as MATLAB stores it
                file["meta/ColorMatrix2"] = np.array([[1.0, 0, 0, 0, 1, 0, 0, 0, 1]])
                file["meta/AsShotNeutral"] = np.array([[0.5, 1.0, 0.625]] if i == 2 else [[1.0, 1.0, 1.0]])
                file["tag"] = np.array([[4e-4], [9e-6]])
                values = file.create_dataset("meta/UnknownTags/Value", (1, 8), dtype=h5py.ref_dtype)
                values[0, 7] = file["tag"].ref
    return root
