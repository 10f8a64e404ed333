"""TensorFlow checkpoints are read without TensorFlow, and damage is found."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin import verified_weights
from admin.loading import load_network
from tests.golden.runner import HERE
from tests.test_verified_weights import loaded_with_a_fault
from util_scripts import convert_rawsr_checkpoint
from util_scripts.convert_rawsr_checkpoint import constructor_arguments, load_tensorflow, parameter_name, variable_name
from util_scripts.crc32c import crc32c
from util_scripts.tensorflow_bundle import DamagedBundle, TensorBundle, find_prefix

RECORDED = HERE / "rawsr" / "tf_checkpoint"
DATA, INDEX = "model.ckpt-5.data-00000-of-00001", "model.ckpt-5.index"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RECORDED, tmp_path / "log_dir"))


def changed_byte(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


def by_definition(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=600))
def test_the_checksum_is_that_of_its_definition(data: bytes) -> None:
    assert crc32c(data) == by_definition(data)


@pytest.mark.parametrize(
    ("data", "checksum"),  # RFC 3720, appendix B.4
    [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)],
)
def test_the_checksum_has_its_published_values(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_the_checksum_of_much_data_agrees() -> None:
    data = np.random.default_rng(0).integers(0, 256, 20_011, np.uint8).tobytes()
    assert crc32c(data) == by_definition(data)


@pytest.mark.parametrize("name", [".", "checkpoint", "model.ckpt-5", INDEX, DATA])
def test_a_checkpoint_is_found_by_folder_prefix_and_file(checkpoint: Path, name: str) -> None:
    if name == "checkpoint":
        (checkpoint / name).unlink()  # then it is found by its index
        name = "."
    assert find_prefix(checkpoint / name) == checkpoint / "model.ckpt-5"


def test_missing_and_ambiguous_checkpoints_are_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        find_prefix(tmp_path / "absent")
    (checkpoint / "checkpoint").unlink()
    shutil.copy(checkpoint / INDEX, checkpoint / "model.ckpt-6.index")
    with pytest.raises(FileNotFoundError, match=r"several checkpoints.*ckpt-6"):
        find_prefix(checkpoint)


def test_conversion_writes_a_network_that_loads(checkpoint: Path, tmp_path: Path) -> None:
    target = tmp_path / "rawsr.safetensors"
    assert convert_rawsr_checkpoint.main([str(checkpoint), str(target)]) == 0
    net, content = load_network(target)
    assert content["notes"] == {"converted_from": "log_dir", "step": 5}
    expected, _ = load_tensorflow(checkpoint)
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in net.state_dict().items())


def test_a_network_that_does_not_load_with_the_same_weights_is_not_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verified_weights, "load_network", loaded_with_a_fault)
    target = tmp_path / "rawsr.safetensors"
    assert convert_rawsr_checkpoint.main([str(checkpoint), str(target)]) == 1
    assert " tensors of RawSR differ after loading" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log_dir"]


def test_a_changed_weight_is_found_by_its_checksum(checkpoint: Path) -> None:
    bundle = TensorBundle(checkpoint)
    entry = bundle.entries["main_model/w_fin21/weights"]
    changed_byte(checkpoint / DATA, entry.offset + 5)
    with pytest.raises(DamagedBundle, match=r"w_fin21/weights are damaged"):
        load_tensorflow(checkpoint)


@pytest.mark.parametrize("offset", [100, -60, -1])
def test_a_changed_index_is_found(checkpoint: Path, offset: int) -> None:
    changed_byte(checkpoint / INDEX, offset)
    with pytest.raises(DamagedBundle, match=r"model\.ckpt-5\.index"):
        TensorBundle(checkpoint)


def test_files_that_are_cut_off_are_refused(checkpoint: Path) -> None:
    data = checkpoint / DATA
    data.write_bytes(data.read_bytes()[:200_000])
    with pytest.raises(DamagedBundle, match="cut off"):
        load_tensorflow(checkpoint)
    (checkpoint / INDEX).write_bytes(b"")
    with pytest.raises(DamagedBundle, match="cut off"):
        TensorBundle(checkpoint)


def test_compressed_blocks_are_refused(checkpoint: Path) -> None:
    content = bytearray((checkpoint / INDEX).read_bytes())
    footer = content[-48:]
    # Meta-index handle, then the handle of the index block: its type byte follows the block.
    position, numbers = 0, []
    for _ in range(4):
        value = shift = 0
        while True:
            byte = footer[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers.append(value)
    content[numbers[2] + numbers[3]] = 1
    (checkpoint / INDEX).write_bytes(content)
    with pytest.raises(DamagedBundle, match=r"compressed \(type 1\)"):
        TensorBundle(checkpoint)


def test_a_checkpoint_of_something_else_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(convert_rawsr_checkpoint, "ROOT", "another_model/")
    with pytest.raises(ValueError, match="variables that RawSR does not have"):
        load_tensorflow(checkpoint)
    monkeypatch.undo()
    monkeypatch.delitem(convert_rawsr_checkpoint.SCOPES, "branch_2_2/deconv_2_0_4")
    with pytest.raises(ValueError, match="deconv_2_0_4"):
        load_tensorflow(checkpoint)
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        convert_rawsr_checkpoint.convert(checkpoint, tmp_path / "net.pth")


def test_names_go_both_ways_and_leaves_of_the_optimiser_are_none_of_ours() -> None:
    net, _ = load_tensorflow(RECORDED)
    for parameter in net.state_dict():
        assert parameter_name(variable_name(parameter)) == parameter
    for other in ("main_model/w_fin21/weights/Adam", "beta1_power", "main_model/branch_2_0/deconv_2_0_2/weights"):
        assert parameter_name(other) is None


def test_an_unknown_number_of_outputs_is_named() -> None:
    with pytest.raises(ValueError, match="ends in 108 channels"):
        constructor_arguments({"restore.to_rgb.weight": torch.zeros(108, 4, 3, 3)})


def test_the_footer_of_the_recording_is_that_of_leveldb() -> None:
    assert struct.unpack("<Q", (RECORDED / INDEX).read_bytes()[-8:])[0] == 0xDB4775248B80FB57
