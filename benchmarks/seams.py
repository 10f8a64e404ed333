"""How far results that were joined from tiles are from those made in one piece: the largest and the mean difference.

python benchmarks/seams.py
python benchmarks/seams.py --networks classical burst_deblur_quickstart --json

Of a burst of bundled photographs, in linear values with white at 1; the tiles are the smallest that there are, so no
burst has more seams. The border of the image counts as well.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rich.table import Table

from benchmarks.restoration import silently
from restoration.burst import FloatImage, RawBurst
from restoration.networks import shipped_networks
from restoration.reading import read_burst
from restoration.restore import find_method
from restoration.sources import find_files
from restoration.tasks import CLASSICAL
from tests.fabricated.raw_bursts import write_raw_burst
from utils.log import configure_logging, output
from utils.script_parser import script_parser

_SMALLEST_TILES, _ONE_TILE = 1, 1 << 40  # bytes of memory


def main(arguments: Sequence[str] | None = None) -> None:
    parser = script_parser(__doc__)
    parser.add_argument("--networks", nargs="+", help="as --network of run_restoration.py; all that are shipped")
    parser.add_argument("--iso", type=int, default=1600)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--size", nargs=2, type=int, default=(448, 576), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    configure_logging("ERROR")
    burst = _burst(options)
    found = {name: seams(name, burst) for name in options.networks or [CLASSICAL, *shipped_networks()]}
    if options.json:
        output(json.dumps(found, indent=2))
        return
    table = Table("", "largest", "mean")
    for name, (largest, mean) in found.items():
        table.add_row(name, f"{largest:.1e}", f"{mean:.1e}")
    output(table)


def seams(network: str, burst: RawBurst) -> tuple[float, float]:
    """Largest and mean absolute difference of linear values between smallest tiles and one."""
    difference = np.abs(_restored(network, burst, _SMALLEST_TILES) - _restored(network, burst, _ONE_TILE))
    return float(difference.max()), float(difference.mean())


def _restored(network: str, burst: RawBurst, memory: int) -> FloatImage:
    method, _ = find_method(network, None)
    with tempfile.TemporaryDirectory() as folder:
        return method(burst, silently, memory, Path(folder)).image


def _burst(options: argparse.Namespace) -> RawBurst:
    with tempfile.TemporaryDirectory() as folder:
        write_raw_burst(
            Path(folder), options.frames, tuple(options.size), max_shift=20.0, max_degrees=1.0, iso=options.iso, photo=1
        )
        return read_burst(find_files([Path(folder)]), silently)


if __name__ == "__main__":
    main()
