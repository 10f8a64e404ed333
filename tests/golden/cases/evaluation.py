"""Saved predictions, reports, names and scoring protocols of the original evaluation scripts."""

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from evaluation.burst_denoise.benchmark import SRGB
from evaluation.common_utils.benchmark import Compared, Item, Protocol
from evaluation.common_utils.display_utils import generate_formatted_report
from evaluation.common_utils.encoding import LINEAR_14_BIT
from evaluation.common_utils.metrics import psnr, ssim
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.synburst.benchmark import LINEAR
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "data_and_evaluation"
CPU = torch.device("cpu")
TOLERANCE = {"psnr": 1e-3, "ssim": 1e-4}


@checks(PART, names=["saved_predictions*"], functions=["evaluation/*save_results.py and compute_score.py"])
def saved_predictions(case: Case, judge: Judge) -> None:
    for name, prediction in case.group("in.").items():
        steps, decoded = case[f"out.{name}_u16"].numpy(), case[f"out.{name}_decoded"]
        judge.equal(f"{name} encoded", LINEAR_14_BIT.encode(prediction), steps)
        judge.equal(f"{name} not stored", LINEAR_14_BIT.decode(LINEAR_14_BIT.encode(prediction)), decoded)
        with tempfile.TemporaryDirectory() as folder:
            saved = SavedPredictions(Path(folder), LINEAR_14_BIT)
            saved.save(name, prediction)
            as_they_read = np.asarray(cv2.imread(str(saved.path(name)), cv2.IMREAD_UNCHANGED))
            judge.equal(f"{name} in our file, read as they do", as_they_read.reshape(steps.shape), steps)
            judge.equal(f"{name} from our file", saved.load(name), decoded)
            saved.path(name).write_bytes(case[f"out.{name}_png_bytes"].numpy().tobytes())
            judge.equal(f"{name} from their file", saved.load(name), decoded)


@checks(PART, names=["report_and_names*"], functions=["generate_formatted_report*"])
def report_and_names(case: Case, judge: Judge) -> None:
    for index, report in enumerate(case.meta.get("reports", [])):
        scores = {name: {key: float(value) for key, value in row.items()} for name, row in report["scores"].items()}
        judge.equal(
            f"report {index}", generate_formatted_report(scores, table_name=report["table_name"]), report["text"]
        )
    for expected in case.meta.get("network_param", []):
        param = NetworkParam(**expected["kwargs"])
        judge.equal(f"unique name of {expected['kwargs']}", param.get_unique_name(), expected["unique_name"])
        judge.equal(f"display name of {expected['kwargs']}", param.get_display_name(), expected["display_name"])
    for kwargs in case.meta.get("network_param_assertion_errors", []):
        judge.equal(f"{kwargs} refused", _refused(kwargs), True)


@checks(PART, names=["evaluation_protocol*"], functions=["evaluation/*compute_score.py"])
def evaluation_protocol(case: Case, judge: Judge) -> None:
    images = {key.removesuffix(".pred") for key in case.group("in.") if key.endswith(".pred")}
    linear = sorted((key for key in images if key.startswith("synburst.")), key=lambda key: int(key.split(".")[1]))
    measured = [_scores(case, key, LINEAR) for key in linear]
    for metric, expected in case.meta.get("synburst_per_image", {}).items():
        judge.close(f"synburst {metric}", [scores[metric] for scores in measured], expected, atol=TOLERANCE[metric])
    if "synburst_report" in case.meta:
        means = {metric: sum(scores[metric] for scores in measured) / len(measured) for metric in TOLERANCE}
        name = case.meta["synburst_report"].split("\n")[2].split("|")[0].strip()
        judge.equal("synburst report", generate_formatted_report({name: means}), case.meta["synburst_report"])
    for mode, expected_scores in case.meta.get("denoise", {}).items():
        scores = _scores(case, mode, SRGB)
        for metric, expected in expected_scores.items():
            judge.close(f"{mode} {metric}", scores[metric], expected, atol=TOLERANCE[metric])


def _scores(case: Case, key: str, protocol: Protocol) -> dict[str, float]:
    info: dict[str, Any] = {"burst_name": key}
    if f"in.{key}.white_level" in case:
        info["white_level"] = case[f"in.{key}.white_level"]
    prediction, ground_truth = LINEAR_14_BIT.quantise(case[f"in.{key}.pred"]), case[f"in.{key}.gt"]
    compared = Compared(prediction, ground_truth[None], Item(prediction, ground_truth, info))
    if protocol.prepare is not None:
        compared = protocol.prepare(CPU)(compared)
    return {metric.key: float(metric.build(CPU)(compared)) for metric in (psnr(protocol), ssim(protocol))}


def _refused(kwargs: dict) -> bool:
    try:
        NetworkParam(**kwargs)
    except ValueError:
        return True
    return False
