"""A burst on disk and an earlier result, for tests of the command."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

import restoration.restore
import run_restoration
from restoration.burst import Progress, RawBurst, Restored
from restoration.develop import plain_reference
from tests.fabricated.dng import Notes, write_dng
from tests.test_rawsr_real import scene

OLD = b"an earlier result"
SIDE = 64


@dataclass
class Place:
    """Where a test of the command happens.

    Attributes:
        frames: the folder of the burst.
        out: file that is asked for.
        arguments: beside input and `--out`.
        given: inputs, if not the folder.
    """

    frames: Path
    out: Path
    arguments: list[str] = field(default_factory=list)
    given: list[Path] = field(default_factory=list)

    def run(self) -> int:
        inputs = self.given or [self.frames]
        return run_restoration.main([*map(str, inputs), "--out", str(self.out), *self.arguments])


def as_reference(burst: RawBurst, progress: Progress, memory_bytes: int, work_folder: Path) -> Restored:
    """Stands for a method where none is under test."""
    return plain_reference(burst)


@pytest.fixture(name="place")
def burst_and_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Three good frames, and an earlier result that must survive every failure."""
    monkeypatch.chdir(tmp_path)
    frames, out = tmp_path / "frames", tmp_path / "results" / "photo.png"
    frames.mkdir()
    out.parent.mkdir()
    for path in (out, out.with_name("photo_linear.dng")):
        path.write_bytes(OLD)
    view = scene(np.arange(float(SIDE)), np.arange(float(SIDE)))
    for number in range(3):
        write_dng(frames / f"{number}.dng", view, notes=Notes(taken=("2024:05:06 07:08:09", f"{number:03d}")))
    return Place(frames, out)


@pytest.fixture(name="without_method")
def plain_method(monkeypatch: pytest.MonkeyPatch) -> None:
    found = restoration.restore.find_method

    def find(network: str, task: str | None) -> object:
        return (as_reference, task or "jdd") if network == "stub" else found(network, task)

    monkeypatch.setattr(restoration.restore, "find_method", find)


def content(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:  # not Path.open, which some tests replace
                found[str(path.relative_to(folder))] = file.read()
    return found


def pictures(place: Place, ending: str, kind: type = np.uint8, sides: tuple[int, ...] = (64, 64, 64)) -> None:
    for path in place.frames.iterdir():
        path.unlink()
    for number, side in enumerate(sides):
        white = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
        cv2.imwrite(str(place.frames / f"{number}{ending}"), np.full((side, side, 3), white // 3 or 0.3, kind))
