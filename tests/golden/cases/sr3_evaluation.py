"""Metrics and pictures of SR3 against their recording."""

from __future__ import annotations

from evaluation.sr3 import pictures
from evaluation.sr3.metrics import psnr_8bit, ssim_8bit
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

COLUMNS = 3  # of the recorded grids


@checks("sr3_multiframe", names=["metrics_*"], functions=["image metrics*"])
def check_metrics_and_pictures(case: Case, judge: Judge) -> None:
    for number, tensor in case.group("in.sr.").items():
        result, truth = tensor.numpy(), case[f"in.hr.{number}"].numpy()
        judge.close(f"PSNR {number}", psnr_8bit(result, truth), case[f"out.psnr.{number}"], atol=1e-6)
        judge.close(f"SSIM {number}", ssim_8bit(result, truth), case[f"out.ssim.{number}"], atol=1e-6)
        if f"out.ssim_gray.{number}" in case:
            grey = ssim_8bit(result[..., 1], truth[..., 1])
            judge.close(f"SSIM of the green plane {number}", grey, case[f"out.ssim_gray.{number}"], atol=1e-6)
    for name in ("t2", "t3", "t4", "t9"):
        judge.equal(name, pictures.as_picture(case[f"in.{name}"], COLUMNS), case[f"out.{name}"])
    # The original also takes a single row of values.
    judge.equal("ramp", pictures.as_picture(case["in.ramp"].expand(2, -1))[0], case["out.ramp"])
    condition = pictures.as_picture(case["in.t9"])
    judge.equal("frames side by side", pictures.side_by_side(condition), case["out.png_t9"])
    grid = pictures.refinement_grid(case["in.t4"], COLUMNS)
    judge.equal("grid with frames around", grid, case["out.png_grid"])
    strip = pictures.strip(condition, case["in.strip_sr"].numpy(), case["in.strip_hr"].numpy())
    judge.equal("strip", strip, case["out.strip"])
