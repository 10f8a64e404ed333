"""Recordings of the processing of real bursts."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from admin.tensordict import TensorDict
from data.processing import BurstSRProcessing
from dataset.burstsr_dataset import BurstSRDataset
from tests.golden.cases.replay import RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "data_and_evaluation"
FLOAT: dict[str, float] = {"rtol": 1e-6, "atol": 1e-7}


@checks(PART, names=["burstsr_processing*"], functions=["data.processing.BurstSRProcessing*"])
def burstsr_processing(case: Case, judge: Judge) -> None:
    frame_ids, burst_name = recorded_input(case.meta["description"])
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(case.folder / "burstsr_sample.zip") as archive:
            archive.extractall(folder)
        dataset = BurstSRDataset(root=next(Path(folder).rglob("val")).parent, split="val")
        burst_id = dataset.burst_list.index(burst_name)
        for name, record in case.meta["cases"].items():
            frames, gt, meta_info = dataset.get_burst(burst_id, frame_ids)
            data = TensorDict(
                frames=frames, gt=gt, dataset=dataset.get_name(), burst_name=burst_name, meta_info=meta_info
            )
            check_record(name, record, data, case, judge)


def recorded_input(description: str) -> tuple[list[int], str]:
    """Frame ids and burst of a description such as 'frames 0, 1, 2 and the canon image of burst 0008_0000'."""
    ids, name = re.search(r"frames ([\d, ]+?) and .*?burst (\w+)", description).groups()  # type: ignore[union-attr]
    return [int(i) for i in ids.split(",")], name


def check_record(name: str, record: Mapping[str, Any], data: TensorDict, case: Case, judge: Judge) -> None:
    processing = BurstSRProcessing(transform=None, **record["kwargs"])
    # A flip happens above 0.5, where ours happens below: mirror the recorded draws.
    flips = [1 - value for value in record["flip_draws"] or []]
    draws = UpToNoise(record["crop_draws_r1_c1"] + flips)
    params = processing.draw(data["frames"][0].shape()[-2:], draws)
    if record["noise_levels"] is not None:
        params["noise_levels"] = tuple(record["noise_levels"])
        params["noise"] = case[f"in.{name}.noise"]
    sample = processing.render(data.pop("frames"), data.pop("gt"), params)
    data.update(sample)

    judge.equal(f"{name} keys", sorted(data), sorted(record["keys"]))
    judge.close(f"{name} burst", sample["burst"], case[f"out.{name}.burst"], **FLOAT)
    judge.close(f"{name} frame_gt", sample["frame_gt"], case[f"out.{name}.frame_gt"], **FLOAT)
    judge.equal(f"{name} float32", {sample["burst"].dtype, sample["frame_gt"].dtype}, {torch.float32})
    judge.close(f"{name} exp_scale_factor", sample["exp_scale_factor"], record["exp_scale_factor"], rtol=1e-12)
    for group in ("meta_info_burst", "meta_info_gt"):
        judge.equal(f"{name} {group} keys", sorted(sample[group]), sorted(record[group]))
        for key, expected in record[group].items():
            judge.close(f"{name} {group} {key}", sample[group][key], expected, rtol=1e-12)


class UpToNoise(RecordedDraws):
    """Recorded crop and flips; the noise levels are handed in afterwards."""

    def uniform(self, low: float, high: float) -> float:
        return low

    def normal(self, mean: float, standard_deviation: float) -> float:
        return mean
