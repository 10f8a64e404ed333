"""Recordings of transforms, samplers and the collation of batches."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import torch

import data.transforms as tfm
from admin.tensordict import TensorDict
from data import DataLoader, sampler
from data.loader import collate, collate_stack1
from tests.golden.cases.replay import PythonRandomKey, RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "data_and_evaluation"
NORMALIZE = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}  # not in the meta data, but fitted to the recording


class StandInDataset:
    """Images and bursts that are only numbers, as the recording used."""

    def __init__(self, name: str, count: int, burst_size: int) -> None:
        self.name, self.count, self.burst_size = name, count, burst_size
        self.failures_left = 0

    def get_name(self) -> str:
        return self.name

    def get_num_images(self) -> int:
        return self.count

    def get_num_bursts(self) -> int:
        return self.count

    def get_image(self, image_id: int, info: Any = None) -> tuple[list[Any], dict[str, Any]]:
        if self.failures_left:
            self.failures_left -= 1
            raise OSError("failed to load")
        return [self.name, image_id], {}

    def get_burst_info(self, burst_id: int) -> dict[str, Any]:
        return {"burst_size": self.burst_size, "burst_name": f"{self.name}_{burst_id}"}

    def get_burst(self, burst_id: int, frame_ids: list[int], info: Any = None) -> tuple[list[int], int, dict[str, Any]]:
        return frame_ids, burst_id, self.get_burst_info(burst_id)


def stand_ins() -> list[StandInDataset]:
    return [StandInDataset("a", 10, 14), StandInDataset("b", 3, 4)]


@checks(PART, names=["samplers*"], functions=["data.sampler.*"])
def samplers(case: Case, judge: Judge) -> None:
    for number, record in enumerate(case.meta["cases"]):
        what = f"{number} {record['cls']}"
        if "fail_safe" in record["cls"]:
            check_fail_safe(record, what, judge)
            continue
        made = make_sampler(record)
        judge.equal(f"{what} length", len(made), record["len"])
        random.seed(record.get("seed", 0))
        items = [made[PythonRandomKey(i)] for i in range(len(record["out"]))]
        for item in items:
            judge.equal(f"{what} keys", [key for key in item if key != "sample"], record["keys"])
        if "frames" in record["keys"]:
            drawn = [[item["burst_name"], item["frames"]] for item in items]
        else:
            drawn = [item["frame"] for item in items]
        judge.equal(f"{what} items", drawn, record["out"])


def make_sampler(record: Mapping[str, Any]) -> Any:
    datasets = stand_ins()
    weights = record.get("p", [1, 1])
    match record["cls"]:
        case "IndexedImage":
            return sampler.IndexedImage(next(d for d in datasets if d.name == record["out"][0][0]))
        case "RandomImage":
            return sampler.RandomImage(datasets, weights, record["len"])
        case "IndexedBurst":
            of_name = next(d for d in datasets if record["out"][0][0].startswith(d.name))
            reference = record["random_reference_image"]
            return sampler.IndexedBurst(
                of_name, record["burst_size"], random_reference_image=reference, frame_order="random"
            )
        case "RandomBurst":
            return sampler.RandomBurst(
                datasets,
                weights,
                record["burst_size"],
                record["len"],
                random_reference_image=record["random_reference_image"],
            )
    raise ValueError(f"no sampler named {record['cls']}")


def check_fail_safe(record: Mapping[str, Any], what: str, judge: Judge) -> None:
    dataset = stand_ins()[0]
    dataset.failures_left = record["attempts"] - 1
    item = sampler.RandomImage([dataset], [1], 1, fail_safe=True)[PythonRandomKey(0)]
    judge.equal(f"{what}: all failures used up", dataset.failures_left, 0)
    judge.equal(f"{what}: data set", item["dataset"], dataset.name)


@checks(PART, names=["transforms*"], functions=["data.transforms.*"])
def transforms(case: Case, judge: Judge) -> None:
    image, grey, factors = case["in.image_u8"].numpy(), case["in.gray_u8"].numpy(), case.meta["brightness_factor"]
    tensor = tfm.ToTensor()(image=image)["image"]
    jittered = tfm.ToTensorAndJitter(0.3)
    unscaled = tfm.ToTensorAndJitter(1.5, normalize=False)
    results = {
        "ToTensor": tensor,
        "ToTensor_nonorm": tfm.ToTensor(normalize=False)(image=image)["image"],
        "ToTensor_2d": tfm.ToTensor()(image=grey)["image"],
        "ToTensorAndJitter_03": jittered.apply(image, factors["ToTensorAndJitter_03"]),
        "ToTensorAndJitter_15_nonorm": unscaled.apply(image, factors["ToTensorAndJitter_15_nonorm"]),
        "Normalize": tfm.Normalize(NORMALIZE["mean"], NORMALIZE["std"])(image=tensor)["image"],
        "ToBGR": tfm.ToBGR()(image=image)["image"],
        "ToGrayscale_p1": tfm.ToGrayscale(1.0)(image=image)["image"],
        "ToGrayscale_p0": tfm.ToGrayscale(0.0)(image=image)["image"],
        "RandomHorizontalFlip_np_p1": tfm.RandomHorizontalFlip(1.0)(image=image)["image"],
        "RandomHorizontalFlip_tensor_p1": tfm.RandomHorizontalFlip(1.0)(image=tensor)["image"],
    }
    for name, result in results.items():
        expected = case[f"out.{name}"]
        if name.startswith("ToGrayscale"):
            judge.few_steps(name, result, expected, share=1.0)
        else:
            judge.close(name, result, expected, atol=0.0 if expected.dtype == torch.uint8 else 1e-6)
    check_compositions(case, judge, tensor)


def check_compositions(case: Case, judge: Judge, tensor: torch.Tensor) -> None:
    """The rolls of the compositions were seeded, not recorded: find them in the recorded result."""
    image = case["in.image_u8"].numpy()
    images = [image, image[::-1]]  # the recording's list: the image, and upside down
    tensors = [tensor, tensor.flip(-2)]
    compose = tfm.Transform(tfm.ToTensorAndJitter(0.4), tfm.RandomHorizontalFlip(0.5))

    def roll_of(name: str, image_number: int = 0) -> list[float]:
        result = case[f"out.{name}"]
        for flip_draw in (0.0, 1.0):
            source = tensors[image_number].flip(-1) if flip_draw < 0.5 else tensors[image_number]
            inside = (result > 0) & (result < 1)
            factor = float((result[inside].double() / source[inside].double()).median())
            if torch.allclose((source * factor).clamp(0, 1), result, atol=1e-5):
                return [factor, flip_draw]
        raise ValueError(f"no brightness and flip explain {name}")

    def agrees(name: str, actual: torch.Tensor) -> None:
        judge.close(name, actual, case[f"out.{name}"], atol=1e-6)

    agrees("compose", compose(image=image, draws=RecordedDraws(roll_of("compose"))))
    for i, one in enumerate(compose(image=images, draws=RecordedDraws(roll_of("compose_list_0")))):
        agrees(f"compose_list_{i}", one)
    draws = RecordedDraws([value for i in range(2) for value in roll_of(f"compose_unjoint_{i}", i)])
    for i, one in enumerate(compose(image=images, joint=False, draws=draws)):
        agrees(f"compose_unjoint_{i}", one)
    agrees("compose_noroll", compose(image=image, new_roll=False))


@checks(PART, names=["collate*"], functions=["data.loader.collate*"])
def collation(case: Case, judge: Judge) -> None:
    bursts = case.group("in.")
    elements = [sample(i, bursts[f"burst_{i}"]) for i in range(len(bursts))]
    batch = collate(elements)
    judge.equal("types", described(batch), case.meta["types"])
    for path in ("burst", "n", "f", "flag", "meta.white_level", "meta.norm", "meta.sub.a"):
        judge.equal(path, at(batch, path), case[f"out.{path}"])
    keys = list(case.meta["types_stack1"])[1:]
    plain = [{key: element[key] for key in keys} for element in elements]
    stacked = collate_stack1(plain)
    judge.equal("types of stack 1", described(stacked), case.meta["types_stack1"])
    judge.equal("stack 1", stacked["burst"], case["out.stack1.burst"])
    check_loader(case, judge, elements)


def check_loader(case: Case, judge: Judge, elements: list[TensorDict]) -> None:
    attributes = dict(case.meta["loader_attributes"])
    by_default = DataLoader("train", elements, batch_size=2)
    judge.equal("drop_last by default", by_default.drop_last, attributes.pop("drop_last_default"))
    judge.equal("length", len(by_default), case.meta["loader_len_drop_last"])
    judge.equal(
        "length with the rest",
        len(DataLoader("x", elements, batch_size=2, drop_last=False)),
        case.meta["loader_len_keep_last"],
    )
    loader = DataLoader(
        elements_name := attributes["name"], elements, **{k: v for k, v in attributes.items() if k != "name"}
    )
    judge.equal("attributes", {key: getattr(loader, key) for key in attributes}, {**attributes, "name": elements_name})


def sample(i: int, burst: torch.Tensor) -> TensorDict:
    """Element i as the recording describes it (entry `element`)."""
    meta = {
        "white_level": torch.tensor([0.1 * (i + 1)]),
        "norm": 1.5 + i,
        "wb": [1.0, 2.0, float(i)],
        "sub": TensorDict(a=torch.tensor(i)),
    }
    return TensorDict(
        burst=burst, n=i, f=0.5 * i, s=f"name{i}", none=None, flag=i % 2 == 0, lst=[i, i + 1], tup=(i, "x"), meta=meta
    )


def at(batch: Any, path: str) -> Any:
    for key in path.split("."):
        batch = batch[key]
    return batch


def described(value: Any) -> Any:
    """The recording's words for a type."""
    if isinstance(value, torch.Tensor):
        return f"tensor {list(value.shape)} {value.dtype}"
    if isinstance(value, Mapping):
        return {"__type__": type(value).__name__, **{key: described(entry) for key, entry in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"__type__": type(value).__name__, "items": [described(entry) for entry in value]}
    return repr(value)
