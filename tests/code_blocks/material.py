"""What the commands of the pages take for granted: places that a page names and a reader would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests import fabricated
from tests.fabricated.dng import Notes, write_dng
from tests.fabricated.photographs import scene

SIDE = 64


def raw_burst(folder: Path) -> None:
    """Three RAW frames of one scene."""
    folder.mkdir(parents=True)
    view = scene(SIDE + 4, SIDE + 4, seed=0)
    for number in range(3):
        part = view[number : number + SIDE, 2 * number : 2 * number + SIDE]
        notes = Notes(taken=("2024:05:06 07:08:09", f"{number:03d}"))
        write_dng(folder / f"{number}.dng", part, notes=notes, noise=(1e-3, 1e-6, number))


def photographs(folder: Path) -> None:
    """Two photographs."""
    fabricated.image_folder(folder, 256, 256)


def videos(folder: Path) -> None:
    """Extracted frames of two videos; by its name the second one is for validation."""
    for video in (0, 7):
        fabricated.image_folder(folder / f"video_{video}", 64, 64, count=5)


def score_files(folder: Path) -> None:
    """What `compute_score.py` writes for two noise levels and for RAW bursts."""
    from evaluation.common_utils.report import write_files
    from evaluation.common_utils.scores import BurstScore, Cost, Row, Scores
    from tests.evaluation_fixtures import fabricated as benchmark

    def row(name: str, better: float, level: float, free: bool) -> Row:
        draws = np.random.default_rng(0)
        values = 20 + better + 10 * draws.random(4)
        bursts = [
            BurstScore(f"b{i}", f"s{i % 2}", {"psnr": float(value)}, {}, {"noise level": level})
            for i, value in enumerate(values)
        ]
        return Row(name, name.replace(" ", "_"), tuple(bursts), Cost(), free)

    run = {"seed": 0, "device": "CPU", "first_burst": [8, 3, 64, 64]}
    for name, level in (("denoise_photos/noise_4", 4.0), ("denoise_photos/noise_8", 8.0), ("synburst_photos", 1.0)):
        rows = (row("aligned mean", 0, level, True), row("shipped", 2, level, False))
        write_files(Scores(benchmark(name=name), rows, {}, run), folder / name / "quickstart")


# Name on a page → what makes it.
PLACES: dict[str, Callable[[Path], None]] = {
    "my_burst": raw_burst,
    "MY_RAW_FILES": raw_burst,
    "FOLDER": photographs,
    "photos": photographs,
    "videos": videos,
    "scores": score_files,
}
# Folders of the repository that commands name; files can be added without changing the repository.
LINKED = ("pretrained_networks", "tests/golden")


def furnish(place: Path, text: str, root: Path) -> None:
    """Makes in ``place`` what ``text`` names and is not there yet: fabricated places, and links into the repository."""
    for name, make in PLACES.items():
        if name in text and not (place / name).exists():
            make(place / name)
    for folder in LINKED:
        if folder in text and not (place / folder).exists():
            (place / folder).mkdir(parents=True)
            for file in (root / folder).iterdir():
                (place / folder / file.name).symlink_to(file)
