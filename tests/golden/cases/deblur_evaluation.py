"""The metrics of the deblurring benchmark and the pictures of a run against their recordings."""

from __future__ import annotations

import torch

from evaluation.deblur import metrics
from evaluation.deblur.grey_levels import ENCODING, stored_as_8_bit, to_stored
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from utils.strips import deblurring_strip

PART = "burst_deblur"
SIMILARITIES = {
    "psnr_255": metrics.psnr,
    "ssim_255": metrics.ssim,
    "psnr_legacy": metrics.legacy_psnr,
    "ssim_legacy": metrics.legacy_ssim,
}


def _planes(image: torch.Tensor) -> torch.Tensor:
    return image.permute(2, 0, 1)[None].float()


@checks(PART, names=["metrics_*"], functions=["evaluation metrics*"])
def check_metrics(case: Case, judge: Judge) -> None:
    for index in sorted(case.group("in.label.")):
        label, frame = _planes(case[f"in.label.{index}"]), _planes(case[f"in.frame.{index}"])
        stored = ENCODING.quantise(to_stored(_planes(case[f"in.pred_float.{index}"])))
        prediction = stored_as_8_bit(stored)
        for name, similarity in SIMILARITIES.items():
            what, kind = name.split("_")
            for key, image in ((f"{name}.{index}", prediction), (f"{what}_frame_{kind}.{index}", frame)):
                if f"out.{key}" in case:
                    judge.close(key, similarity(image, label)[0], case[f"out.{key}"], atol=1e-6)


@checks(PART, names=["summary_strip_*"], functions=["summary strip*"])
def check_summary_strip(case: Case, judge: Judge) -> None:
    strip = deblurring_strip(case["in.target"][0], case["in.pred"][0], case["in.burst"][0])
    judge.equal("out.image", strip, case["out.image"])
