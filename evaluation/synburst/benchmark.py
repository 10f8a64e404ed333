"""RAW burst super-resolution of synthetic bursts: the SyntheticBurst validation set, or bundled photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from data.postprocessing_functions import SimplePostProcess
from dataset.synthetic_burst_val_set import SyntheticBurstVal
from evaluation.common_utils.benchmark import MOTION, NOISE_LEVEL, Benchmark, BurstData
from evaluation.common_utils.metrics import SSIM_FOOTNOTE, linear_protocol, lpips, psnr, ssim
from evaluation.common_utils.properties import camera_noise, motion_of
from evaluation.common_utils.super_resolution import BASELINES, BORDER, ENCODING, call_super_resolution
from evaluation.synburst.photos import PhotoRawBursts
from utils.suggestions import unknown_name_message

PACKAGE = "evaluation.synburst"

# Test set -> (name of the benchmark, title, bursts).
DATA: dict[str, tuple[str, str, Callable[[], BurstData]]] = {
    "synburst": ("synburst", "RAW burst super-resolution, SyntheticBurst validation set", SyntheticBurstVal),
    "photos": ("synburst_photos", "RAW burst super-resolution, held-out bundled photographs", PhotoRawBursts),
}

LINEAR = linear_protocol(BORDER)


def view(image: torch.Tensor, info: Mapping[str, Any]) -> np.ndarray:
    """Linear sensor RGB [3, H, W] through the camera pipeline of its burst: uint8 [H, W, 3] sRGB."""
    picture = np.asarray(SimplePostProcess(return_np=True).process(image.cpu(), info))
    return np.ascontiguousarray(picture[:, :, ::-1])


def synburst_benchmark(data: str = "synburst") -> Benchmark:
    """The benchmark on one of the test sets.

    Args:
        data: `synburst`, or `photos` for bursts made from bundled photographs.

    Raises:
        ValueError: another test set.
    """
    if data not in DATA:
        raise ValueError(unknown_name_message("test set of synburst", data, DATA))
    name, title, bursts = DATA[data]
    return Benchmark(
        name=name,
        title=title,
        data=bursts,
        call=call_super_resolution,
        metrics=(psnr(LINEAR), ssim(LINEAR), lpips(LINEAR)),
        view=view,
        encoding=ENCODING,
        baselines=BASELINES,
        per_frame_info=("shifts",),
        footnotes=(SSIM_FOOTNOTE,),
        properties={NOISE_LEVEL: camera_noise, MOTION: motion_of},
    )


# Arguments of the scripts.
ARGUMENTS = {"--data": {"choices": list(DATA), "default": "synburst", "help": "the test set (default: %(default)s)"}}
