"""Meta-data pickles: everything the data sets hold is read, nothing is ever run."""

import builtins
import contextlib
import io
import os
import pickle
import shutil
import struct
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.safe_pickle import IfdTag, RefusedPickle, UnreadablePickle, read_pickle

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)  # what the data sets use; older ones need more names than are allowed


class Calls:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def write(path: Path, value: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def by_hand(*parts: bytes | tuple[str, str]) -> bytes:
    """A protocol 2 stream; a pair names a global."""
    return b"\x80\x02" + b"".join(p if isinstance(p, bytes) else f"c{p[0]}\n{p[1]}\n".encode() for p in parts) + b"."


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_arrays_and_tensors_come_back(tmp_path: Path, protocol: int):
    value: dict[str, Any] = {
        "black_level": [64, 65, 63, 66],
        "cam_wb": (1.5, 1.0),
        "nested": OrderedDict(a=np.arange(6, dtype=np.float32).reshape(2, 3)),
        "fortran": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
        "scalar": np.float64(0.25),
        "flag": np.bool_(True),
        "matrix": torch.arange(9, dtype=torch.float32).reshape(3, 3).t(),
        "preview": None,
        "bytes": b"\x00\xff",
        "text": "ß",
    }
    read = read_pickle(write(tmp_path / "meta.pkl", value, protocol))
    assert list(read) == list(value)
    for name in ("black_level", "cam_wb", "scalar", "flag", "preview", "bytes", "text"):
        assert read[name] == value[name]
    assert np.array_equal(read["nested"]["a"], value["nested"]["a"])
    assert np.array_equal(read["fortran"], value["fortran"])
    assert torch.equal(read["matrix"], value["matrix"])


@settings(max_examples=25, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(min_size=1),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=10,
    ),
    st.sampled_from(PROTOCOLS),
)
def test_any_plain_value_comes_back(tmp_path_factory, value: Any, protocol: int):
    assert read_pickle(write(tmp_path_factory.mktemp("p") / "x.pkl", value, protocol)) == value


def test_arrays_can_be_written_and_shared_objects_stay_shared(tmp_path: Path):
    array = np.arange(4)
    loop: list[Any] = [array, array]
    loop.append(loop)
    read = read_pickle(write(tmp_path / "x.pkl", loop))
    assert read[0] is read[1]
    assert read[2] is read
    read[0][0] = 7


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_both_names_of_numpys_core_are_known(tmp_path: Path, core: str):
    data = pickle.dumps(np.arange(3, dtype=np.int16), protocol=2)
    renamed = data.replace(b"cnumpy._core.", f"c{core}.".encode()).replace(b"cnumpy.core.", f"c{core}.".encode())
    (tmp_path / "x.pkl").write_bytes(renamed)
    assert read_pickle(tmp_path / "x.pkl").tolist() == [0, 1, 2]


def exif_tag(values: bytes) -> bytes:
    """An IfdTag with ``values`` (opcodes) as exifread pickles it."""
    key = b"X\x06\x00\x00\x00values"
    return by_hand(("exifread.classes", "IfdTag"), b")\x81}", key, values, b"sb")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (b"X\x04\x00\x00\x001/50\x85", Fraction(1, 50)),
        (b"K\x01K\x32\x86", Fraction(1, 50)),
        (b"X\x02\x00\x00\x0028\x85", 28),
    ],
)
def test_both_forms_of_exif_fractions_are_read_without_exifread(tmp_path: Path, arguments: bytes, expected: Fraction):
    (tmp_path / "x.pkl").write_bytes(exif_tag(b"]cexifread.utils\nRatio\n" + arguments + b"Ra"))
    tag = read_pickle(tmp_path / "x.pkl")
    assert isinstance(tag, IfdTag)
    assert tag.values == [expected]


def test_an_exif_fraction_over_zero_is_not_a_number(tmp_path: Path):
    (tmp_path / "x.pkl").write_bytes(exif_tag(b"]cexifread.utils\nRatio\nX\x03\x00\x00\x000/0\x85Ra"))
    assert np.isnan(read_pickle(tmp_path / "x.pkl").values[0])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "function",
    [
        os.system,
        eval,
        exec,
        getattr,
        open,
        print,
        shutil.rmtree,
        pickle.loads,
        np.load,
        torch.load,
        builtins.__import__,
    ],
)
def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(tmp_path: Path, function: Any, protocol: int):
    witness = tmp_path / "witness"
    witness.mkdir()
    path = write(tmp_path / "meta_info.pkl", {"black_level": Calls(function, f"touch {witness}/ran")}, protocol)
    with pytest.raises(RefusedPickle, match=r"meta_info\.pkl .*Nothing was run"):
        read_pickle(path)
    assert witness.is_dir()
    assert list(witness.iterdir()) == []


def test_code_hidden_in_the_values_of_a_tensor_is_refused_and_nothing_runs(tmp_path: Path):
    inner = io.BytesIO()
    torch.save(Calls(os.system, f"touch {tmp_path}/ran"), inner)
    plain = pickle.dumps(Calls(os.system, f"touch {tmp_path}/ran"))
    for hostile in (inner.getvalue(), plain):
        data = by_hand(
            ("torch.storage", "_load_from_bytes"), b"B" + struct.pack("<I", len(hostile)) + hostile, b"\x85R"
        )
        (tmp_path / "x.pkl").write_bytes(data)
        with pytest.raises(UnreadablePickle, match=r"x\.pkl"):
            read_pickle(tmp_path / "x.pkl")
    assert not (tmp_path / "ran").exists()


def test_arrays_of_python_objects_are_refused(tmp_path: Path):
    path = write(tmp_path / "x.pkl", np.array([{"a": 1}], dtype=object))
    with pytest.raises(UnreadablePickle, match=r"x\.pkl"):
        read_pickle(path)


@pytest.mark.parametrize(
    "stream",
    [
        by_hand(("numpy", "ndarray"), b"K\x01\x85R"),  # ndarray called
        by_hand(("exifread.utils", "Ratio"), b"}X\x09\x00\x00\x00_functionNsb"),  # a function changed
        by_hand(("exifread.classes", "IfdTag"), b"}X\x0c\x00\x00\x00__setstate__Nsb"),  # a class changed
        by_hand(("_codecs", "encode"), b"X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R"),  # another codec
        by_hand(("torch._utils", "_rebuild_tensor_v2"), b"(K\x01K\x00)K\x00\x85NNtR"),  # a tensor of an int
        b"",
        b"no pickle",
        pickle.dumps({"a": [1, 2, 3]})[:-4],
    ],
)
def test_damaged_and_senseless_streams_name_the_file(tmp_path: Path, stream: bytes):
    (tmp_path / "x.pkl").write_bytes(stream)
    with pytest.raises(UnreadablePickle, match=r"x\.pkl"):
        read_pickle(tmp_path / "x.pkl")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_give_a_value_or_the_documented_error(tmp_path_factory, data: Any):
    path = tmp_path_factory.mktemp("p") / "x.pkl"
    stream = bytearray(pickle.dumps({"a": np.arange(3), "t": torch.ones(2), "l": [1.0, "x"]}, protocol=2))
    for position in data.draw(st.lists(st.integers(0, len(stream) - 1), min_size=1, max_size=3)):
        stream[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(stream)
    with contextlib.suppress(UnreadablePickle):
        read_pickle(path)


def test_a_tensor_larger_than_its_values_is_refused(tmp_path: Path):
    """A few bytes must not claim terabytes."""

    class Huge:
        def __reduce__(self) -> Any:
            storage = torch.storage.TypedStorage(
                wrap_storage=torch.ones(1).untyped_storage(), dtype=torch.float32, _internal=True
            )
            return torch._utils._rebuild_tensor_v2, (storage, 0, (10**12,), (0,), False, OrderedDict())

    with pytest.raises(UnreadablePickle, match="made from 1 values"):
        read_pickle(write(tmp_path / "x.pkl", Huge()))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UnreadablePickle, match="nowhere"):
        read_pickle(tmp_path / "nowhere.pkl")


@pytest.mark.parametrize("place", [b"r" + (2**31 - 1).to_bytes(4, "little"), b"p4000000000\n"])
def test_a_place_that_needs_gigabytes_is_refused_before_it_is_made(tmp_path: Path, place: bytes) -> None:
    path = tmp_path / "meta.pkl"
    path.write_bytes(b"\x80\x02K\x01" + place + b".")
    with pytest.raises(UnreadablePickle, match=r"meta\.pkl .*remembers a value at place"):
        read_pickle(path)


@pytest.mark.parametrize("text", ["1e9999999999", "1/1e999999999", "1E+99999999", "nan", "1/2/3", ""])
def test_text_that_is_no_fraction_or_a_huge_one_is_refused_at_once(tmp_path: Path, text: str):
    call = (("exifread.utils", "Ratio"), b"X" + struct.pack("<I", len(text)) + text.encode(), b"\x85R")
    (tmp_path / "meta.pkl").write_bytes(by_hand(*call))
    with pytest.raises(UnreadablePickle, match="is no fraction"):
        read_pickle(tmp_path / "meta.pkl")


@pytest.mark.parametrize(("text", "value"), [("1/50", Fraction(1, 50)), ("-2.50", Fraction(-5, 2)), ("7", Fraction(7))])
def test_text_of_a_fraction_is_read(tmp_path: Path, text: str, value: Fraction):
    call = (("exifread.utils", "Ratio"), b"X" + struct.pack("<I", len(text)) + text.encode(), b"\x85R")
    (tmp_path / "meta.pkl").write_bytes(by_hand(*call))
    assert read_pickle(tmp_path / "meta.pkl") == value
