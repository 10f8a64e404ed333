"""Recordings of the synthetic RAW bursts, stage by stage and end to end."""

from __future__ import annotations

import math
from typing import Any

import cv2
import torch

from data import camera_pipeline as camera
from data import synthetic_burst_generation as synthesis
from data.boxes import image_size
from data.processing import SyntheticBurstProcessing
from tests.golden.cases.denoising_processing import recorded_transform
from tests.golden.cases.replay import RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "data_and_evaluation"
FLOAT: dict[str, float] = {"rtol": 1e-5, "atol": 1e-6}
FROM_RECORDED_LEVELS = 0.0005  # share of values that may differ by one level, starting from the recorded 8 bits
FROM_OWN_LEVELS = 0.002  # the same where our own truncation to 8 bits comes first
OPENCV_5 = int(cv2.__version__.split(".")[0]) >= 5


def motions_of(affine: torch.Tensor) -> list[synthesis.Motion]:
    """Rows of tx, ty, theta, shear_x, shear_y, scale_x, scale_y."""
    return [
        synthesis.Motion((tx, ty), theta, (shear_x, shear_y), (scale_x, scale_y))
        for tx, ty, theta, shear_x, shear_y, scale_x, scale_y in affine.tolist()
    ]


def recorded_params(case: Case) -> dict[str, Any]:
    steps = case.kwargs.get("image_processing_params") or {}
    params: dict[str, Any] = {
        "rgb2cam": case["in.rgb2cam"],
        "gains": tuple(case["in.gains"].tolist()),
        "smoothstep": bool(steps.get("smoothstep", True)),
        "gamma": bool(steps.get("gamma", True)),
        "noise_levels": tuple(case["in.noise_levels"].tolist()),
        "motions": motions_of(case["in.affine"]),
    }
    if "in.noise" in case:
        params["noise"] = case["in.noise"]
    return params


def judge_frames(
    judge: Judge,
    what: str,
    frames: torch.Tensor,
    case: Case,
    key: str,
    white: float = 1.0,
    share: float = FROM_RECORDED_LEVELS,
) -> None:
    """8-bit frames against the recording of this OpenCV, or within what the versions differ by."""
    levels = (frames * (255.0 / white)).round()
    expected = (case[f"out.{key}"] * (255.0 / white)).round()
    other_opencv = f"alt.cv4.{key}_u8"
    if OPENCV_5:
        judge.few_steps(what, levels, expected, share=share)
    elif other_opencv in case:
        judge.equal(f"{what} of OpenCV 4", levels, case[other_opencv].permute(0, 3, 1, 2))
    else:
        judge.few_steps(f"{what} (OpenCV 4 against 5)", levels, expected, share=0.07)


def judge_flow(judge: Judge, actual: torch.Tensor, expected: torch.Tensor, interpolation: str) -> None:
    if interpolation == "lanczos":  # the recorded position map was Lanczos-resized with replicated borders
        actual, expected = actual[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4]
    judge.close("flow_vectors", actual, expected, atol=3e-4)


def judge_meta_info(judge: Judge, meta: dict[str, Any], case: Case) -> None:
    judge.close("cam2rgb", meta["cam2rgb"], case["out.cam2rgb"], atol=5e-6)
    expected = case.meta["meta_info"]
    judge.equal("meta_info keys", sorted(meta), sorted(expected))
    for key, value in expected.items():
        if value is not None:
            judge.close(f"meta_info {key}", float(meta[key]), float(value), rtol=1e-12)


@checks(PART, names=["get_tmat*"], functions=["data.synthetic_burst_generation.get_tmat*"])
def get_tmat(case: Case, judge: Judge) -> None:
    for i, (h, w, tx, ty, theta, shear_x, shear_y, scale_x, scale_y) in enumerate(case["in.params"].tolist()):
        matrix = synthesis.get_tmat((int(h), int(w)), (tx, ty), theta, (shear_x, shear_y), (scale_x, scale_y))
        judge.close(f"matrix {i}", matrix, case["out.tmat"][i], atol=1e-9)


@checks(PART, names=["rgb2rawburst*"], functions=["data.synthetic_burst_generation.rgb2rawburst*"])
def rgb2rawburst(case: Case, judge: Judge) -> None:
    kwargs, params = case.kwargs, recorded_params(case)
    burst_params = kwargs.get("burst_transformation_params")
    image = case["in.image_u8"].permute(2, 0, 1).float() / 255
    for i, motion in enumerate(params["motions"]):
        judge.close(f"matrix {i}", motion.matrix((image.shape[1], image.shape[2])), case["in.tmat"][i], atol=1e-9)

    _, linear, burst_rgb, flow, meta = synthesis.rgb2rawburst(image, **kwargs, params=params)
    judge.close("linear", linear, case["out.linear"], **FLOAT)
    judge.few_steps("linear_u8", (linear * 255).byte().permute(1, 2, 0), case["out.linear_u8"], share=0.002)
    judge_flow(judge, flow, case["out.flow_vectors"], kwargs.get("interpolation_type", "bilinear"))
    judge_meta_info(judge, meta, case)
    judge_inverse_camera(case, judge, image, params)

    # From here on from the recorded 8-bit image, so that a level lost in truncation does not spread.
    border, factor = synthesis.border_crop_of(burst_params), kwargs.get("downsample_factor", 1)
    frames = synthesis.render_frames(
        case["out.linear_u8"].numpy(), params["motions"], factor, border, kwargs.get("interpolation_type", "bilinear")
    )
    if "out.warped_u8" in case:
        whole = synthesis.render_frames(case["out.linear_u8"].numpy(), params["motions"], downsample_factor=1)
        key = "out.warped_u8" if OPENCV_5 else "alt.cv4.warped_u8"
        judge.few_steps("warped", whole.permute(0, 2, 3, 1), case[key], share=0.0005)
    judge.equal("shape of burst_rgb", tuple(burst_rgb.shape), tuple(case["out.burst_rgb"].shape))
    judge_frames(judge, "burst_rgb", frames / 255, case, "burst_rgb")
    judge.close("mosaic", camera.mosaic(case["out.burst_rgb"]), case["out.mosaic"], **FLOAT)
    judge.close("burst", synthesis.mosaic_with_noise(case["out.burst_rgb"], params), case["out.burst"], **FLOAT)
    check_draw(judge, case, params)


def judge_inverse_camera(case: Case, judge: Judge, image: torch.Tensor, params: dict[str, Any]) -> None:
    stages = {
        "stage1_invert_smoothstep": camera.invert_smoothstep,
        "stage2_gamma_expansion": camera.gamma_expansion,
        "stage3_ccm": lambda x: camera.apply_ccm(x, params["rgb2cam"]),
        "stage4_safe_invert_gains": lambda x: camera.safe_invert_gains(x, *params["gains"]),
    }
    for name, stage in stages.items():
        if f"out.{name}" in case:
            judge.close(name, stage(image), case[f"out.{name}"], **FLOAT)
            image = case[f"out.{name}"]


def check_draw(judge: Judge, case: Case, params: dict[str, Any]) -> None:
    """Handed the recorded motion draw by draw, ours are the recorded motions."""
    kwargs = case.kwargs
    limits = kwargs.get("burst_transformation_params") or {}
    draws: list[float] = []
    for motion in params["motions"][1:]:
        if limits.get("max_translation", 0.0) > 0.01:
            draws += motion.translation
        scale_x, scale_y = motion.scale
        draws += [motion.theta, *motion.shear, math.log(scale_y / scale_x), math.log(scale_x)]
    drawn = synthesis.draw_motions(
        kwargs["burst_size"], kwargs.get("downsample_factor", 1), limits, RecordedDraws(draws)
    )
    flat = [[*m.translation, m.theta, *m.shear, *m.scale] for m in drawn]
    judge.close("motions", flat, case["in.affine"], atol=1e-9)


@checks(PART, names=["single2lrburst*"], functions=["data.synthetic_burst_generation.single2lrburst*"])
def single2lrburst(case: Case, judge: Judge) -> None:
    image = case["in.image_u8"]
    photo = image.permute(2, 0, 1).float()
    inputs: dict[str, tuple[Any, float]] = {
        "numpy_u8": (image.numpy(), 255.0),
        "float255": (0.9 * photo + 3.3, 255.0),
        "float01": (photo / 255, 1.0),
    }
    motions = motions_of(case["in.affine"])
    for name, (value, white) in inputs.items():
        frames, flow = synthesis.single2lrburst(value, **case.kwargs, motions=motions)
        judge.few_steps(f"{name} in 8 bits", synthesis._to_8_bits(value)[0], case[f"out.{name}_u8"], share=0.002)
        from_recorded = synthesis.single2lrburst(case[f"out.{name}_u8"].numpy(), **case.kwargs, motions=motions)[0]
        judge_frames(judge, name, from_recorded * (white / 255), case, name, white)
        judge.equal(f"{name} range", bool(frames.max() > 2), white == 255)
        judge_flow(judge, flow, case["out.flow_vectors"], case.kwargs.get("interpolation_type", "bilinear"))


@checks(PART, names=["syn_processing*"], functions=["data.processing.SyntheticBurstProcessing*"])
def synthetic_burst_processing(case: Case, judge: Judge) -> None:
    kwargs = {key: value for key, value in case.kwargs.items() if key != "transform"}
    transform, roll = recorded_transform(case)
    processing = SyntheticBurstProcessing(**kwargs, transform=transform)
    frame = case["in.frame_u8"].numpy()
    crop_draws = [value for _, value in case.meta["crop_draws"]]
    box = processing.draw(
        frame.shape[:2], CropDraws([value for _, value in case.meta["transform_draws"]] + crop_draws)
    )["box"]
    params = {**recorded_params(case), "transform": roll, "box": box}

    judge.close("crop", processing._crop(frame, params), case["out.crop"], atol=2e-6)
    sample = processing.render(frame, params)
    judge.close("frame_gt", sample["frame_gt"], case["out.frame_gt"], **FLOAT)
    judge_meta_info(judge, sample["meta_info"], case)
    judge.equal("keys", sorted(sample), sorted(set(case.meta["output_keys"]) - {"dataset"}))
    linear = synthesis.unprocess(case["out.crop"], params)
    border, factor = processing._border, processing.downsample_factor
    frames = synthesis.render_frames(linear, params["motions"], factor, border, processing.interpolation_type)
    judge_frames(judge, "burst_rgb", frames, case, "burst_rgb", share=FROM_OWN_LEVELS)
    judge.close("burst", synthesis.mosaic_with_noise(case["out.burst_rgb"], params), case["out.burst"], **FLOAT)
    flow = synthesis.flow_vectors(image_size(case["out.crop"]), params["motions"], factor, border)
    judge_flow(judge, flow, case["out.flow_vectors"], processing.interpolation_type)


class CropDraws(RecordedDraws):
    """The recorded draws of transform and crop; what is drawn after them may take any value."""

    def uniform(self, low: float, high: float) -> float:
        return super().uniform(low, high) if self.values else (low + high) / 2

    def normal(self, mean: float, standard_deviation: float) -> float:
        return mean
