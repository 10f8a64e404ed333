"""RAW burst super-resolution of real bursts: the BurstSR validation set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dataset.burstsr_dataset import CanonImage, get_burstsr_val_set
from evaluation.common_utils.benchmark import Benchmark, Compared, Protocol
from evaluation.common_utils.metrics import SSIM_FOOTNOTE, lpips, psnr, ssim
from evaluation.common_utils.super_resolution import BASELINES, BORDER, ENCODING, call_super_resolution
from models.alignment.pwcnet import PWCNet
from models.loss.spatial_color_alignment import AlignmentNet, SpatialColorAlignment

PACKAGE = "evaluation.burstsr"
SR_FACTOR = 4


class BurstSRValidation:
    """The BurstSR validation set as benchmark items: frames 0, 1, 2, …, black level subtracted."""

    def __init__(self) -> None:
        self._samples = get_burstsr_val_set()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]:
        """`(burst [14, 4, 80, 80] packed RGGB, ground truth [3, 640, 640] in the brightness of the burst, info)`.

        `info`: `burst_name`, `scene` (the sequence), `meta_info_burst`, `meta_info_gt`.
        """
        sample = self._samples[index]
        info = {key: sample[key] for key in ("burst_name", "meta_info_burst", "meta_info_gt")}
        return sample["burst"], sample["frame_gt"], {**info, "scene": self._samples.dataset.get_scene(index)}


def aligned_by(alignment_net: AlignmentNet) -> Callable[[Compared], Compared]:
    """Brings a (stored) prediction onto the grid and into the colours of the ground truth.

    Args:
        alignment_net: flow network, on the device of the compared images.
    """
    alignment = SpatialColorAlignment(alignment_net, SR_FACTOR)

    def prepare(compared: Compared) -> Compared:
        burst = compared.item.burst[None].to(compared.prediction.device)
        prediction, valid = alignment(compared.prediction, compared.ground_truth, burst)
        return replace(compared, prediction=prediction, valid=valid)

    return prepare


ALIGNED = Protocol(
    name="burstsr_aligned_border40",
    space="linear sensor space after alignment in space (PWC-Net) and colour",
    border=BORDER,
    mask="pixels where the alignment can be trusted",
    prepare=lambda device: aligned_by(PWCNet().to(device)),
)
ALIGNED_EVERYWHERE = replace(ALIGNED, mask="all pixels")


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """Linear sensor RGB [3, H, W] as the phone's colours: uint8 [H, W, 3] sRGB."""
    return np.asarray(CanonImage.generate_processed_image(image.cpu(), info["meta_info_burst"], return_np=True))


def burstsr_benchmark() -> Benchmark:
    """The benchmark on the BurstSR validation set."""
    return Benchmark(
        name="burstsr",
        title="RAW burst super-resolution, BurstSR validation set",
        data=BurstSRValidation,
        call=call_super_resolution,
        metrics=(psnr(ALIGNED), ssim(ALIGNED), lpips(ALIGNED_EVERYWHERE)),
        view=view,
        encoding=ENCODING,
        baselines=BASELINES,
        footnotes=(SSIM_FOOTNOTE,),
        pixels_compare=False,
    )
