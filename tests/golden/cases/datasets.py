"""Data sets: the files of the sample archives as the original readers saw them."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dataset import (
    BurstSRDataset,
    ColorDenoiseTestSet,
    GrayscaleDenoiseTestSet,
    ImageFolder,
    OpenImagesDataset,
    SyntheticBurstVal,
    ZurichRAW2RGB,
)
from dataset.burstsr_dataset import CanonImage, SamsungRAWImage
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "data_and_evaluation"


@contextmanager
def unpacked(case: Case, archive: str) -> Iterator[Path]:
    """The sample archive that lies beside the recording, unpacked for the time of the block."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(case.folder / archive) as file:
        file.extractall(folder)
        yield Path(folder)


@checks(PART, names=["dataset_images*"], functions=["ZurichRAW2RGB*"])
def images(case: Case, judge: Judge) -> None:
    with unpacked(case, "images_sample.zip") as root:
        for name, info in case.meta["info"].items():
            kind, _, split = name.partition("_")
            dataset = _image_dataset(kind, root / kind, split)
            judge.equal(f"{name} length", len(dataset), info["length"])
            judge.equal(f"{name} name", dataset.get_name(), info["name"])
            judge.equal(
                f"{name} first", [Path(p).name for p in dataset.image_list[: len(info["first"])]], info["first"]
            )
            judge.equal(f"{name} last", Path(dataset.image_list[-1]).name, info["last"])
        for name, expected in case.group("out.").items():
            dataset_name, index = name.rsplit(".", 1)
            kind, _, split = dataset_name.partition("_")
            dataset = _image_dataset(kind, root / kind, split)
            image, _ = dataset.get_image(int(index))
            if dataset.image_list[int(index)].endswith(".png"):
                judge.equal(name, image, expected)
            else:  # another JPEG decoder
                judge.close(name, image, expected, atol=3)


def _image_dataset(kind: str, root: Path, split: str) -> Any:
    if kind == "folder":
        return ImageFolder(root)
    return {"zurich": ZurichRAW2RGB, "openimages": OpenImagesDataset}[kind](root, split=split)


@checks(PART, names=["dataset_synburstval*"], functions=["dataset.SyntheticBurstVal*"])
def synthetic_bursts(case: Case, judge: Judge) -> None:
    with unpacked(case, "synburstval_sample.zip") as root:
        dataset = SyntheticBurstVal(root)
        judge.equal("length", len(dataset), case.meta["length"])
        judge.equal("burst_size", dataset.burst_size, case.meta["burst_size"])
        items = {int(key.split(".")[0]) for key in case.group("out.")}
        for index in sorted(items):
            burst, truth, meta = dataset[index]
            values = meta | {"burst": burst, "gt": truth}
            for name, expected in case.group(f"out.{index}.").items():
                judge.equal(f"{index}.{name}", values[name], expected)
        for index, expected_meta in enumerate(case.meta["meta_info"]):
            meta = dataset[index][2]
            judge.equal(f"{index} keys", sorted(meta), sorted(expected_meta))
            for name, expected in expected_meta.items():
                if expected != "tensor":
                    judge.equal(f"{index}.{name}", meta[name], expected)


@checks(PART, names=["dataset_denoise_testsets*"], functions=["dataset.GrayscaleDenoiseTestSet*"])
def denoise_test_sets(case: Case, judge: Judge) -> None:
    with unpacked(case, "denoise_testsets_sample.zip") as root:
        datasets: dict[str, Any] = {}
        for item, expected_info in case.meta["info"].items():
            name, index = item.split(".")
            dataset = datasets.setdefault(name, _denoise_test_set(name, root))
            judge.equal(f"{name} length", len(dataset), expected_info["length"])
            burst, truth, info = dataset[int(index)]
            values = info | {"burst": burst, "gt": truth}
            for key, expected in case.group(f"out.{item}.").items():
                judge.close(f"{item}.{key}", values[key], expected, rtol=1e-6)
            judge.close(f"{item}.gamma", info["gamma"], expected_info["gamma"], rtol=1e-6)
            for key in expected_info.keys() - {"gamma", "length"}:
                judge.equal(f"{item}.{key}", info[key], expected_info[key])


def _denoise_test_set(name: str, root: Path) -> Any:
    level = int(re.sub(r"\D", "", name))
    if name.startswith("gray"):
        return GrayscaleDenoiseTestSet(root / "kpn_testset.npz", noise_level=level)
    return ColorDenoiseTestSet(root / "bpn", noise_level=level)


@checks(PART, names=["dataset_burstsr*"], functions=["dataset.BurstSRDataset*"])
def burstsr(case: Case, judge: Judge) -> None:
    with unpacked(case, "burstsr_sample.zip") as root:
        for split, expected_list in case.meta["burst_lists"].items():
            if split != "seq_ids":
                judge.equal(f"burst list of {split}", BurstSRDataset(root, split=split).burst_list, expected_list)
        dataset = BurstSRDataset(root, split="val")
        info = case.meta["burst_info"]
        burst_id = dataset.burst_list.index(info["burst_name"])
        judge.equal("burst info", dataset.get_burst_info(burst_id), info)
        frame_ids = sorted(
            int(key[5:].split(".")[0]) for key in case.group("out.") if re.fullmatch(r"frame\d+\.im_raw", key)
        )
        frames, truth, _ = dataset.get_burst(burst_id, frame_ids)
        by_name: dict[str, Any] = {f"frame{i}": frame for i, frame in zip(frame_ids, frames, strict=True)} | {
            "gt": truth
        }
        for name, image in by_name.items():
            _judge_image(case, judge, name, image)
        _judge_accessors(case, judge, by_name["frame0"], truth)
        judge.close("noise_profile", by_name["frame0"].get_noise_profile(), case["out.noise_profile"], rtol=1e-9)
        _judge_crops(case, judge, by_name["frame0"], truth)
        _judge_indexed(case, judge, dataset)


def _judge_image(case: Case, judge: Judge, name: str, image: Any) -> None:
    for key, expected in case.group(f"out.{name}.").items():
        if key == "im_raw":
            judge.equal(f"{name}.{key}", image.im_raw, expected)
            judge.equal(f"{name}.{key} type", image.im_raw.dtype, expected.dtype)
        elif flags := re.fullmatch(r"data_black([01])_wb([01])_norm([01])", key):
            black, balance, norm = (flag == "1" for flag in flags.groups())
            data = image.get_image_data(substract_black_level=black, white_balance=balance, normalize=norm)
            height, width = expected.shape[-2:]  # some are recorded as a corner only
            judge.close(f"{name}.{key}", data[:, :height, :width], expected, rtol=1e-6)


def _judge_accessors(case: Case, judge: Judge, frame: SamsungRAWImage, truth: CanonImage) -> None:
    images: dict[str, Any] = {"samsung": frame, "canon": truth}
    for name, expected in case.meta["accessors"].items():
        image = images[name]
        judge.close(f"{name} exposure", image.get_exposure_time(), expected["exposure"], rtol=1e-9)
        judge.close(f"{name} f-number", image.get_f_number(), expected["f_number"], rtol=1e-9)
        judge.equal(f"{name} ISO", image.get_iso(), expected["iso"])
        judge.equal(f"{name} shape", list(image.shape()), expected["shape"])
        meta = image.get_all_meta_data()
        judge.equal(f"{name} meta keys", sorted(meta), sorted(expected["meta"]))
        judge.equal(f"{name} norm_factor", image.norm_factor, expected.get("norm_factor", image.norm_factor))
        for key, value in expected["meta"].items():
            judge.close(f"{name} {key}", meta[key], value, rtol=1e-6)


def _judge_crops(case: Case, judge: Judge, frame: SamsungRAWImage, truth: CanonImage) -> None:
    crop = frame.get_crop(*case.meta["crop"]["frame0"])
    judge.equal("frame crop", crop.im_raw, case["out.frame0.crop"])
    judge.equal("preview crop", crop.im_preview, case["out.frame0.crop_preview"])
    truth = truth.get_crop(*case.meta["crop"]["gt"])
    judge.close("gt crop", truth.im_raw, case["out.gt.crop"], rtol=1e-6)
    truth.resize(scale_factor=0.5)
    judge.close("gt resized", truth.im_raw, case["out.gt.crop_resized_half"], rtol=1e-6)


def _judge_indexed(case: Case, judge: Judge, dataset: BurstSRDataset) -> None:
    """IndexedBurst and BurstSRProcessing, with the frames put into the recorded (random) order."""
    from data.processing import BurstSRProcessing
    from data.sampler import IndexedBurst

    recorded = case.meta["indexed"]
    order = recorded["frame_order"]
    processing = BurstSRProcessing(transform=None, substract_black_level=True, crop_sz=recorded["crop_sz"])
    item = IndexedBurst(dataset, burst_size=len(order), processing=processing)[recorded["index"]]
    judge.equal("burst name", item["burst_name"], recorded["burst_name"])
    judge.equal("keys not there", sorted(set(recorded["keys"]) - set(item)), [])
    judge.close("exp_scale_factor", item["exp_scale_factor"], recorded["exp_scale_factor"], rtol=1e-6)
    burst = item["burst"]
    judge.close("indexed burst", burst[order], case["out.indexed.burst"], rtol=1e-6)
    judge.close("indexed gt", item["frame_gt"], case["out.indexed.frame_gt"], rtol=1e-6)


@checks(PART, names=["canon_generate_processed_image*"], functions=["dataset.burstsr_dataset.CanonImage.generate*"])
def processed_image(case: Case, judge: Judge) -> None:
    image, meta = case["in.image"], case.meta["meta_info_burst"]
    undone = meta | {"black_level_subtracted": False, "while_balance_applied": True}
    variants: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "default": (meta, {}),
        "np": (meta, {"return_np": True}),
        "no_gamma": (meta, {"gamma": False}),
        "no_smoothstep": (meta, {"smoothstep": False}),
        "no_wb": (meta, {"no_white_balance": True}),
        "gt_meta": (case.meta["meta_info_gt"], {}),
        "black_not_subtracted_wb_applied": (undone, {}),
        "empty_norm": ({key: value for key, value in undone.items() if key != "norm_factor"}, {}),
        "norm_factor": (meta, {"external_norm_factor": _external_norm_factor(case, meta)}),
    }
    for name, expected in case.group("out.").items():
        meta_info, kwargs = variants[name]
        actual = CanonImage.generate_processed_image(image, meta_info, **kwargs)
        if expected.dtype == torch.uint8:
            judge.few_steps(name, np.asarray(actual), expected, share=0.005)
        else:
            judge.close(name, actual, expected, rtol=1e-5, atol=2e-6)


def _external_norm_factor(case: Case, meta: dict[str, Any]) -> float:
    """The factor is not recorded: it is what the recorded picture was divided by, the same for every value."""
    if "external_norm_factor" in case.meta:
        return float(case.meta["external_norm_factor"])
    picture = case["out.norm_factor"].double()
    before_smoothstep = 0.5 - (torch.asin(1.0 - 2.0 * picture) / 3.0).sin()
    linear = before_smoothstep**2.2
    raw: dict[str, Any] = {
        "external_norm_factor": 2.0**20,
        "gamma": False,
        "smoothstep": False,
    }  # large: nothing is clamped
    undivided = torch.as_tensor(CanonImage.generate_processed_image(case["in.image"].double(), meta, **raw)) * 2.0**20
    midtones = (picture > 0.05) & (picture < 0.95)
    return float((undivided / linear)[midtones].median())
