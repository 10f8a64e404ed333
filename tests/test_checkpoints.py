"""Checkpoint and weights files: plain, whole, and never a program."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from admin.checkpoints import CheckpointError, read_checkpoint, save_checkpoint
from admin.model_constructor import NetConstructor
from admin.stats import AverageMeter, StatValue, plain_stats, restored_stats
from admin.weights_file import read_weights_file, save_weights_file

CONTENT: dict[str, Any] = {
    "net": OrderedDict(weight=torch.arange(6.0).reshape(2, 3), count=torch.tensor(3)),
    "constructor": {"module": "models.x", "function": "f", "args": (1,), "kwargs": {"dims": (2, 3), "name": None}},
    "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99)}]},
}


class Malicious:
    """Runs a program when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def test_a_checkpoint_comes_back_as_it_was_written(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "deep" / "x.pth.tar", CONTENT)
    content = read_checkpoint(tmp_path / "deep" / "x.pth.tar")
    assert torch.equal(content["net"]["weight"], CONTENT["net"]["weight"])
    assert content["constructor"] == CONTENT["constructor"]
    assert content["optimizer"]["param_groups"] == CONTENT["optimizer"]["param_groups"]
    torch.load(tmp_path / "deep" / "x.pth.tar", weights_only=True)  # needs none of our classes


@pytest.mark.parametrize("value", [object(), {1, 2}, Path("x"), torch.float32, AverageMeter(), {(1, 2): 3}])
def test_only_tensors_and_plain_values_are_written(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match=r"checkpoint\['settings'\]\['deep'\]\[0\]"):
        save_checkpoint(tmp_path / "x.pth.tar", {"settings": {"deep": [value]}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("new_format", [True, False])
def test_a_file_that_names_another_class_is_refused_and_runs_nothing(tmp_path: Path, new_format: bool) -> None:
    path, marker = tmp_path / "evil.pth.tar", tmp_path / "marker"
    torch.save({"net": {}, "x": Malicious(marker)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(CheckpointError, match=r"evil.pth.tar is refused: it names posix.system"):
        read_checkpoint(path)
    assert not marker.exists()


def test_a_plain_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    path, marker = tmp_path / "evil.pth", tmp_path / "marker"
    path.write_bytes(pickle.dumps(Malicious(marker), protocol=2))
    with pytest.raises(CheckpointError, match=r"evil.pth"):
        read_checkpoint(path)
    assert not marker.exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("new_format", [True, False])
def test_a_truncated_file_is_one_clear_error(tmp_path: Path, share: float, new_format: bool) -> None:
    path = tmp_path / "x.pth.tar"
    torch.save({"net": {"weight": torch.zeros(100)}}, path, _use_new_zipfile_serialization=new_format)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"x\.pth\.tar cannot be read as a checkpoint .*damaged"):
        read_checkpoint(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>\n" * 9, b"PK\x03\x04 and so on", bytes(range(256))])
def test_something_else_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    for name, read in (("x.pth", read_checkpoint), ("x.safetensors", read_weights_file)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=rf"{name} cannot be read"):
            read(tmp_path / name)


def test_content_that_contains_itself_is_one_clear_error(tmp_path: Path) -> None:
    content: dict[str, object] = {"epoch": 1}
    content["self"] = content
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"x\.pth"):
        read_checkpoint(tmp_path / "x.pth")


def test_a_tensor_is_no_checkpoint_and_a_missing_file_is_named(tmp_path: Path) -> None:
    torch.save(torch.zeros(2), tmp_path / "t.pth")
    with pytest.raises(CheckpointError, match=r"t\.pth holds a Tensor"):
        read_checkpoint(tmp_path / "t.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        read_checkpoint(tmp_path / "none.pth")


def test_a_weights_file_carries_constructor_and_notes(tmp_path: Path) -> None:
    net: Any = torch.nn.Linear(2, 3)
    net.constructor = NetConstructor("f", "models.x", (1,), {"dims": (2, (3, 4)), "flag": True})
    save_weights_file(tmp_path / "net.safetensors", net, {"hours": 2.5})
    content = read_weights_file(tmp_path / "net.safetensors")
    assert torch.equal(content["net"]["weight"], net.weight)
    assert content["constructor"] == net.constructor.plain()
    assert content["notes"] == {"hours": 2.5}
    assert content["net_type"] == "Linear"
    with pytest.raises(ValueError, match="model_constructor"):
        save_weights_file(tmp_path / "other.safetensors", torch.nn.Linear(2, 3))


def test_meters_average_device_values_and_survive_a_checkpoint() -> None:
    meter = AverageMeter()
    for value, weight in ((torch.tensor(1.0, requires_grad=True), 2), (4.0, 1)):
        meter.update(value, weight)
    assert (meter.avg, meter.val, meter.sum, meter.count) == (2.0, 4.0, 6.0, 3)
    rate = StatValue()
    rate.update(0.1)
    again = restored_stats(plain_stats({"train": OrderedDict(loss=meter, rate=rate), "val": None}))
    assert again["val"] is None
    restored: Any = again["train"]
    restored["loss"].update(torch.tensor(2.0), 3)
    for stat in restored.values():
        stat.new_epoch()
    assert restored["loss"].history == [2.0]
    assert restored["rate"].history == [0.1]
    has_new_data = [restored["loss"].has_new_data]
    restored["loss"].new_epoch()
    assert [*has_new_data, restored["loss"].has_new_data] == [True, False]
    assert restored["loss"].history == [2.0]
