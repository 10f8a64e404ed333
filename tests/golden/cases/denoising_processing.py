"""Recordings of the denoising bursts, end to end from the photograph."""

from __future__ import annotations

from typing import Any

import data.transforms as tfm
from data.boxes import image_size
from data.denoising_processing import DenoisingProcessing
from tests.golden.cases.replay import RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "data_and_evaluation"
TOLERANCE: dict[str, float] = {"rtol": 1e-5, "atol": 2e-6}


def recorded_transform(case: Case) -> tuple[tfm.Transform, list[Any]]:
    """The recorded transform and its recorded rolls: a brightness factor and, if present, a flip."""
    draws = case.meta.get("transform_draws", [])
    transforms: list[tfm.TransformBase] = []
    for kind, _ in draws:
        # The width of the jitter only matters for drawing; the factor itself is recorded.
        transforms.append(tfm.ToTensorAndJitter(0.0) if "uniform" in kind else tfm.RandomHorizontalFlip())
    transform = tfm.Transform(transforms or tfm.ToTensor())
    return transform, transform.roll(RecordedDraws(value for _, value in draws))


def recorded_params(case: Case, processing: DenoisingProcessing, roll: list[Any]) -> dict[str, Any]:
    positions, large = case["in.crop_positions"].tolist(), case["in.large_jitter"].tolist()
    motion = [(0, 0)]
    for (top, left), is_large in zip(positions[1:], large, strict=True):
        jitter = processing.max_jitter_large if is_large else processing.max_jitter_small
        reach = jitter * processing.pre_downsample_factor
        motion.append((left - reach, top - reach))
    # With a fixed level nothing was drawn and the processing reads its table.
    sigma_read, sigma_shot = processing._draw_noise(RecordedDraws(case.meta["noise_log10_uniforms"]))
    return {
        "transform": roll,
        "crop": tuple(positions[0]),
        "motion": motion,
        "white_level": 10 ** -float(case.meta["white_level_uniform"][0]),
        "sigma_read": sigma_read,
        "sigma_shot": sigma_shot,
        "noise": case["in.noise"],
    }


@checks(PART, names=["denoise_*"], functions=["data.processing.DenoisingProcessing*"])
def denoising(case: Case, judge: Judge) -> None:
    kwargs = {key: value for key, value in case.kwargs.items() if key != "transform"}
    transform, roll = recorded_transform(case)
    processing = DenoisingProcessing(**kwargs, transform=transform)
    frame = case["in.frame_u8"].numpy()
    params = recorded_params(case, processing, roll)
    drawn = processing.draw(image_size(frame), RecordedDrawsOfPositions(case))
    judge.equal("crop drawn from the recorded range", drawn["crop"], params["crop"])

    sample = processing.render(frame, params)
    clean = processing._clean_burst(frame, params) * params["white_level"]
    judge.close("clean", clean, case["out.clean"], **TOLERANCE)
    for key in ("burst", "frame_gt", "sigma_estimate"):
        judge.close(key, sample[key], case[f"out.{key}"], **TOLERANCE)
    judge.close("white_level", sample["meta_info"]["white_level"], case["out.white_level"], **TOLERANCE)
    shifts = case["out.shifts"]
    field = shifts[:, :, None, None].expand(*shifts.shape, *sample["burst"].shape[-2:])
    judge.close("shifts", sample["shifts"], field, **TOLERANCE)
    expected_keys = set(case.meta.get("output_keys", sample)) - {"dataset"}
    judge.equal("keys", sorted(sample), sorted(expected_keys))


class RecordedDrawsOfPositions(RecordedDraws):
    """The crop position is recorded; whatever else is drawn may take any value."""

    def __init__(self, case: Case) -> None:
        super().__init__(case["in.crop_positions"][0].tolist())

    def uniform(self, low: float, high: float) -> float:
        return low

    def chance(self, probability: float) -> bool:
        return False

    def integer(self, low: int, high: int) -> int:
        return super().integer(low, high) if self.values else low
