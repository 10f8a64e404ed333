"""Recordings of the original burst synthesis, stage by stage, each from the recorded stage before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from data import deblur_original as original
from data.deblur_alignment import estimate_homography, warp_by_homography
from data.deblur_bursts import draw_noise_levels
from data.deblur_original import OriginalDeblurBursts
from tests.golden.cases.replay import RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "burst_deblur"
# Rounding of ties differs between versions of OpenCV.
BLUR_STEPS: dict[str, float] = {"share": 0.15, "step": 1.0}


def _image(case: Case, key: str) -> np.ndarray:
    return case[key].numpy()


def _indices(case: Case, prefix: str) -> list[str]:
    """What follows the prefix, in the order of the numbers."""
    found = {key.removeprefix(prefix).split(".")[0] for key in case.tensors if key.startswith(prefix)}
    return sorted(found, key=int)


@checks(PART, names=["motion_kernel_*"], functions=["motion kernel*"])
def check_motion_kernel(case: Case, judge: Judge) -> None:
    for recorded in case.meta["cases"]:
        index, size = recorded["index"], recorded["size"]
        draws = RecordedDraws(case[f"in.draws.{index}"].flatten().tolist())
        cells = original.draw_walk(recorded["kernel_lvl"], draws, size)
        judge.equal(f"{index}: draws left", len(draws.values), 0)
        judge.equal(f"{index}: support", np.array(cells), case[f"out.support.{index}"])
        judge.close(f"{index}: value", 1 / len(cells), case[f"out.value.{index}"], atol=1e-12)
        if f"out.kernel.{index}" in case:
            kernel = np.zeros((size, size))
            for row, column in cells:
                kernel[row, column] = 1 / len(cells)
            judge.close(f"{index}: kernel", kernel, case[f"out.kernel.{index}"], atol=1e-12)


@checks(PART, names=["noise_gamma_*"], functions=["add noise*"])
def check_noise_and_gamma(case: Case, judge: Judge) -> None:
    image = _image(case, "in.img")
    for index in _indices(case, "in.noise."):
        noisy = original.add_noise(image, _image(case, f"in.noise.{index}"))
        judge.few_steps(f"noisy {index}", noisy, case[f"out.noisy.{index}"], share=1e-4)
    gammas = case["in.gammas"].tolist()
    tables = {"linear": original.to_linear_table, "gamma": original.to_display_table}
    for name, table in tables.items():
        judge.equal(f"table to {name}", np.stack([table(g) for g in gammas]), case[f"out.table_to_{name}"])
    linear = original.to_linear_table(gammas[0])[image]
    judge.equal("img_linear", linear, case["out.img_linear"])
    round_trip = original.to_display_table(gammas[0])[linear]
    judge.equal("img_round_trip", round_trip, case["out.img_round_trip"])
    greys = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    judge.equal("identity_noise", original.add_noise(greys, np.zeros(greys.shape)), case["out.identity_noise"])


class _UnitDraws(RecordedDraws):
    """Recorded draws of 0..1, scaled to the range that is asked for."""

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * float(self.values.pop(0))


@checks(PART, names=["noise_levels_*"], functions=["noise level chain*"])
def check_noise_levels(case: Case, judge: Judge) -> None:
    for index in _indices(case, "in.unit."):
        draws = _UnitDraws(case[f"in.unit.{index}"].flatten().tolist())
        start = float(case[f"in.noise_lvl.{index}"])
        levels, chain = (start, start, start), []
        while draws.values:
            first, levels = draw_noise_levels(levels, draws)
            chain.append((first, levels))
        judge.close(f"levels {index}", np.array(chain), case[f"out.levels.{index}"], rtol=1e-9)


class _BurstDraws(RecordedDraws):
    """The recorded draws of a burst in the order of consumption; noise comes as fields, so seeds are not asked."""

    def __init__(self, case: Case, motion: bool) -> None:
        values: list[Any] = []
        for frame in _indices(case, "in.f"):
            keys = ("gamma", "draws") if motion else ("gamma", "sigma", "ksize")
            # Our levels of a frame are drawn together.
            for key in ("level1", "level2", *keys):
                values += case[f"in.f{frame}.{key}"].flatten().tolist()
        super().__init__(values)

    def seed(self) -> int:
        return 0


@checks(PART, names=["burst_motion*", "burst_gauss*"], functions=["burst synthesis*"])
def check_burst(case: Case, judge: Judge) -> None:
    kwargs, target = case.kwargs, _image(case, "in.img")
    motion, align = kwargs["motion_blur_boolean"], kwargs["homo_align"]
    engine = OriginalDeblurBursts(160, kwargs["length"], kwargs["kernel_lvl"], kwargs["noise_lvl"], motion, align)
    draws = _BurstDraws(case, motion)
    drawn = engine.draw(target.shape[:2], draws)["frames"]
    judge.equal("draws left", len(draws.values), 0)
    for frame, params in zip(_indices(case, "in.f"), drawn, strict=True):
        judge.equal(f"f{frame}: gamma", params["gamma"], float(case[f"in.f{frame}.gamma"]))
        _judge_levels(case, judge, frame)
        _judge_stages(case, judge, frame, params, target)


def _judge_levels(case: Case, judge: Judge, frame: str) -> None:
    """The recorded levels lie in the ranges that ours are drawn from."""
    before = f"in.f{int(frame) - 1}.level2"
    start = case[before] if before in case else torch.full((3,), float(case.kwargs["noise_lvl"]))
    first, second = case[f"in.f{frame}.level1"], case[f"in.f{frame}.level2"]
    for name, ratio, low, high in (("level1", first / start, 2, 5), ("level2", second / first, 0.1, 0.5)):
        judge.equal(f"f{frame}: {name} in range", bool(((ratio >= low) & (ratio <= high)).all()), True)


def _judge_stages(case: Case, judge: Judge, frame: str, params: dict[str, Any], target: np.ndarray) -> None:
    def stage(name: str) -> np.ndarray:
        return _image(case, f"out.f{frame}.{name}")

    def judged(name: str, actual: np.ndarray, **steps: float) -> None:
        judge.few_steps(f"f{frame}: {name}", actual, stage(name), **(steps or {"share": 0.0}))

    gamma = params["gamma"]
    judged("noisy1", original.add_noise(target, _image(case, f"in.f{frame}.noise1")))
    judged("linear", original.to_linear_table(gamma)[stage("noisy1")])
    last = "blurred"
    if "cells" in params:
        judged("blurred", original.blur_by_walk(stage("linear"), params["cells"]), **BLUR_STEPS)
    else:
        blurred = original.blur_vertically(stage("linear"), params["sigma"], params["length"])
        judged("blurred", blurred, **BLUR_STEPS)
        judged("median", original.median(stage("blurred")))
        last = "median"
    if f"out.f{frame}.aligned" in case:
        warp = estimate_homography(target, stage("blurred"))
        _judge_warp(judge, f"f{frame}", warp, stage("warp"), translation=0.1)
        _judge_warped(judge, f"f{frame}", warp_by_homography(stage("blurred"), stage("warp")), stage("aligned"))
        last = "aligned"
    judged("gamma_img", original.to_display_table(gamma)[stage(last)])
    burst = original.add_noise(stage("gamma_img"), _image(case, f"in.f{frame}.noise2"))
    judge.few_steps(f"f{frame}: burst", burst, case["out.burst"][int(frame)], share=0.0)


def _judge_warp(judge: Judge, name: str, warp: Any, expected: np.ndarray, translation: float) -> None:
    if warp is None:
        judge.equal(f"{name}: alignment", "failed", "found")
        return
    parts: dict[str, tuple[Any, float]] = {
        "linear part": (np.s_[:2, :2], 5e-3),
        "translation": (np.s_[:2, 2], translation),
        "last row": (np.s_[2, :], 5e-5),
    }
    for part, (entries, atol) in parts.items():
        judge.close(f"{name}: {part} of the warp", warp[entries], expected[entries], atol=atol)


def _judge_warped(judge: Judge, name: str, image: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(image.astype(float) - expected)
    judge.close(f"{name}: mean difference with the recorded warp", difference.mean(), 0.0, atol=0.3)
    judge.close(f"{name}: share off by more than 1", (difference > 1).mean(), 0.0, atol=0.02)


@checks(PART, names=["homography_*"], functions=["homography alignment*"])
def check_homography(case: Case, judge: Judge) -> None:
    for index in _indices(case, "in.target."):
        target, image = _image(case, f"in.target.{index}"), _image(case, f"in.image.{index}")
        expected, aligned = _image(case, f"out.warp.{index}"), _image(case, f"out.aligned.{index}")
        warp = estimate_homography(target, image)
        _judge_warp(judge, index, warp, expected, translation=0.15)
        _judge_warped(judge, index, warp_by_homography(image, expected), aligned)
        if warp is not None:
            own = np.abs(warp_by_homography(image, warp).astype(float) - aligned).mean()
            judge.close(f"{index}: mean difference with the own warp", own, 0.0, atol=1.0)
