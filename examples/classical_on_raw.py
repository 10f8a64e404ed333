"""The training-free method on a synthetic RAW burst: how near it comes to the truth, and what the burst is worth.

python -m examples.classical_on_raw
"""

import numpy as np
import torch

from data.handheld_bursts import handheld_burst
from dataset import SamplePhotos
from models.classical.robust_rows import RobustJointDemosaicking
from models.loss.psnr import PSNR
from utils.draws import Draws
from utils.log import output
from utils.ops.mosaic import pack

if __name__ == "__main__":
    photo, _ = SamplePhotos("heldout").get_image(1)
    burst = handheld_burst(photo, (96, 96), iso=1600, frames=5, max_shift=6, max_rotation=0.5, draws=Draws(1))
    mosaics = np.roll(burst.mosaics, 2, axis=0)  # the method restores the middle frame, here that is frame 0
    packed = torch.from_numpy(pack(mosaics))[None]  # [1, T, 4, H/2, W/2]
    deviation = (burst.shot * packed.clamp(min=0) + burst.read).sqrt()
    truth = torch.from_numpy(burst.truth).permute(2, 0, 1)[None]  # [1, 3, H, W], linear sensor colours

    method, psnr = RobustJointDemosaicking(), PSNR(boundary_ignore=8)
    for frames in (1, 3, 5):
        kept = slice(2 - frames // 2, 3 + frames // 2)
        image, aux = method(packed[:, kept], deviation[:, kept])
        used = int(aux["aligned"].sum())
        output(f"{frames} frames, {used} of them used: {psnr(image, truth):.2f} dB")
