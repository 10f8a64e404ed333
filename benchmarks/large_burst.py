"""Time and memory that a burst as large as a camera's takes.

python benchmarks/large_burst.py
python benchmarks/large_burst.py --network deeprep_quickstart --megapixels 12 --frames 8 --memory 4GB --json

The burst is made in memory from an enlarged bundled photograph, with shifts up to 60 pixels and turns up to 2 degrees.
The peak is that of the whole process, frames included.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

from data.handheld_bursts import handheld_burst
from dataset import SamplePhotos
from restoration.burst import Capture, Noise, RawBurst
from restoration.memory import parse_memory
from restoration.restore import find_method
from restoration.tasks import CLASSICAL
from utils.draws import Draws
from utils.host_memory import peak_bytes
from utils.log import configure_logging, output
from utils.progress import track
from utils.script_parser import script_parser

_ISO = 1600
_PHOTO = 4  # the largest


def main(arguments: Sequence[str] | None = None) -> None:
    parser = script_parser(__doc__)
    parser.add_argument("--network", default=CLASSICAL, help="as --network of run_restoration.py")
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--memory", type=parse_memory, default=parse_memory("4GB"), help="as --memory, default 4GB")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    configure_logging("INFO")
    burst = _burst(options.megapixels, options.frames)
    before = _peak()
    method, _ = find_method(options.network, None)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        restored = method(burst, track, options.memory, Path(folder))
    found = {
        "size": restored.image.shape[:2],
        "frames": len(restored.used),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_gb": round(_peak(), 2),
        "peak_before_gb": round(before, 2),
    }
    output(json.dumps(found) if options.json else ", ".join(f"{key} {value}" for key, value in found.items()))


def _burst(megapixels: float, frames: int) -> RawBurst:
    """Frames of 3 : 4."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5) // 2 * 2
    width = height * 4 // 3 // 2 * 2
    enlarged = cv2.resize(SamplePhotos("train").get_image(_PHOTO)[0], (width, width), interpolation=cv2.INTER_CUBIC)
    photo = np.asarray(enlarged, np.uint8)
    made = handheld_burst(photo, (height, width), _ISO, frames, draws=Draws(12))
    noise = Noise((made.shot,) * 3, (made.read,) * 3)
    names = tuple(f"frame_{index}" for index in range(frames))
    return RawBurst(tuple(made.mosaics), names, 0, noise, Capture(white_balance=made.white_balance))


def _peak() -> float:
    """Largest memory of this process so far, in GB of 1024^3 bytes."""
    return (peak_bytes() or 0) / 2**30


if __name__ == "__main__":
    main()
