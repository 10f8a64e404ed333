"""A burst of noisy pictures in, one good picture out: python -m examples.restore_burst [FOLDER]

FOLDER holds the frames, RAW files or pictures; without it a burst is made of a bundled photograph.
"""

import sys
from pathlib import Path

import numpy as np

from admin.environment import env_settings
from dataset import SamplePhotos
from restoration.output import Wanted
from restoration.restore import Choice, restore
from utils.image_io import write_image
from utils.log import output


def made_up_burst(folder: Path) -> Path:
    """Four frames of a cat, each moved by a pixel more than the one before, with noise of 15 levels."""
    photo, _ = SamplePhotos("heldout").get_image(0)
    draws = np.random.default_rng(0)
    for number in range(4):
        frame = photo[40 + number : 168 + number, 120 - number : 248 - number]
        noisy = frame + draws.normal(0, 15, frame.shape)
        write_image(folder / f"{number}.png", noisy.round().clip(0, 255).astype(np.uint8))
    return folder


if __name__ == "__main__":
    out = Path(env_settings().workspace_dir) / "examples"
    frames = Path(sys.argv[1]) if len(sys.argv) > 1 else made_up_burst(out / "frames")
    # Other choices: network="deeprep_quickstart", task="sr" (RAW files only), reference="2.png".
    written = restore([frames], Choice(network="classical"), Wanted(out / "restored.png", comparison=True))
    output("Look at " + ", ".join(map(str, written)))
