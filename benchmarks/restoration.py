"""How well methods restore whole RAW bursts, from DNG files to sRGB: bundled photographs, a shaking hand, sensor noise.

python benchmarks/restoration.py
python benchmarks/restoration.py --networks classical deeprep_quickstart --iso 6400 --misfit

Bursts are written as DNG files (tests/fabricated/raw_bursts.py) and go the way of run_restoration.py. PSNR in sRGB
against the scene of the reference frame, larger results averaged to its size, without a border of 16 pixels; the mean
over the photographs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from rich.table import Table

from models.classical.super_resolution import AlignedMeanUpsampling
from restoration.adapters import ADAPTERS
from restoration.burst import FloatImage, RawBurst
from restoration.develop import linear_srgb, plain_reference
from restoration.reading import read_burst
from restoration.restore import find_method
from restoration.sources import find_files
from tests.fabricated.raw_bursts import Scene, write_raw_burst
from utils.log import configure_logging, output
from utils.ops.srgb import linear_to_srgb
from utils.script_parser import script_parser

BORDER = 16
ROWS_WITHOUT_METHOD = ("reference frame", "aligned mean")
Item = TypeVar("Item")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = script_parser(__doc__)
    parser.add_argument("--networks", nargs="+", default=["classical"], help="as --network of run_restoration.py")
    parser.add_argument("--iso", nargs="+", type=int, default=[100, 400, 1600, 6400])
    parser.add_argument("--photos", nargs="+", type=int, default=[0, 1], help="numbers of held-out photographs")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--shift", type=float, default=20.0, help="largest, in pixels")
    parser.add_argument("--misfit", action="store_true", help="the last frame shows something else")
    options = parser.parse_args(arguments)
    configure_logging("ERROR")
    torch.manual_seed(0)
    rows: dict[str, list[str]] = {name: [] for name in (*ROWS_WITHOUT_METHOD, *options.networks)}
    for iso in options.iso:
        found: dict[str, list[float]] = {name: [] for name in rows}
        seconds: dict[str, float] = dict.fromkeys(rows, 0.0)
        for photo in options.photos:
            burst, scene = _burst(options, photo, iso)
            for name in rows:
                started = time.perf_counter()
                image = _restored(name, burst)
                seconds[name] += time.perf_counter() - started
                found[name].append(psnr(image, burst, scene))
        for name, values in found.items():
            rows[name].append(f"{np.mean(values):.2f} ({seconds[name] / len(options.photos):.1f} s)")
    output(_table(options.iso, rows))


def psnr(image: FloatImage, burst: RawBurst, scene: Scene) -> float:
    """In sRGB, dB; `image` is camera RGB on the grid of the scene or finer."""
    shown, truth = (_display(values) for values in (linear_srgb(image, burst.capture), scene))
    height, width = burst.size
    factor = shown.shape[0] // height
    shown = shown.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
    inner = slice(BORDER, -BORDER)
    return float(-10 * np.log10(np.square(shown - truth[:height, :width])[inner, inner].mean()))


def _burst(options: argparse.Namespace, photo: int, iso: int) -> tuple[RawBurst, Scene]:
    with tempfile.TemporaryDirectory() as folder:
        files = write_raw_burst(
            Path(folder),
            options.frames,
            (options.size, options.size),
            max_shift=options.shift,
            max_degrees=2.0,
            iso=iso,
            misfit=options.frames - 1 if options.misfit else None,
            photo=photo,
            seed=photo,
        )
        return read_burst(find_files([Path(folder)]), silently, files.paths[0].name), files.scene


def _restored(name: str, burst: RawBurst) -> FloatImage:
    if name == "reference frame":
        return plain_reference(burst).image
    if name == "aligned mean":
        return ADAPTERS["sr"].restore(AlignedMeanUpsampling(1, burst.size[0] // 4), burst.reference_first())
    with tempfile.TemporaryDirectory() as folder:
        method, _ = find_method(name, None)
        return method(burst, silently, 2 << 30, Path(folder)).image


def silently(iterable: Iterable[Item], description: str) -> Iterator[Item]:
    """A progress that nobody sees."""
    return iter(iterable)


def _display(linear: FloatImage) -> FloatImage:
    return linear_to_srgb(torch.from_numpy(np.clip(linear, 0, 1).astype(np.float32))).numpy()


def _table(speeds: Sequence[int], rows: dict[str, list[str]]) -> Table:
    table = Table("PSNR (dB)", *(f"ISO {iso}" for iso in speeds))
    for name, values in rows.items():
        table.add_row(name, *values)
    return table


if __name__ == "__main__":
    main()
