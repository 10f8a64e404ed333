"""Read a RAW burst and see its noise: python -m examples.raw_noise [FOLDER]

FOLDER holds RAW files (needs rawpy and tifffile); without it a frame is made whose noise is known.
"""

import sys
from pathlib import Path

from data.handheld_bursts import handheld_burst
from dataset import SamplePhotos
from restoration.noise import estimate
from restoration.reading import read_burst
from restoration.sources import find_files
from utils.draws import Draws
from utils.log import output
from utils.progress import track

if __name__ == "__main__":
    if len(sys.argv) > 1:
        burst = read_burst(find_files([Path(sys.argv[1])]), track)
        reference, stated = burst.frames[burst.reference], burst.noise
        output(f"{len(burst.frames)} frames of {burst.size}, sharpest: {burst.names[burst.reference]}")
        output(f"{burst.capture.camera}, white balance {burst.capture.white_balance}, {burst.capture.exposure}")
        output(f"used for restoring: shot {stated.shot[1]:.3g}, read {stated.read[1]:.3g}")
    else:
        photo, _ = SamplePhotos("heldout").get_image(2)
        made = handheld_burst(photo, (256, 256), iso=800, frames=1, draws=Draws(3))
        reference = made.mosaics[0]  # [H, W], linear, black 0, white 1
        output(f"true: shot {made.shot:.3g}, read {made.read:.3g}")
    seen = estimate(reference)
    output(f"seen: shot {seen.shot[1]:.3g}, read {seen.read[1]:.3g}  (variance = shot * signal + read)")
