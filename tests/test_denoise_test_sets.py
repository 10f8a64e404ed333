"""The published test sets of burst denoising: which burst is which, and files that are damaged or hostile."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from admin.data_locations import MissingDataSet
from dataset import (
    ColorDenoiseTestSet,
    GrayscaleDenoiseTestSet,
)
from dataset.npz_rows import NpzRows, WrongArrays

random_state = np.random.default_rng(0)


def npz_arrays(items: int, color: bool) -> dict[str, Any]:
    colors = (3,) if color else ()
    arrays = {
        "truth": random_state.random((items, 3, 4, *colors), dtype=np.float32),
        "noisy": random_state.standard_normal((items, 3, 4, 8, *colors), dtype=np.float32),
        "white_level": np.full((items, 1, 1), 0.5, np.float32),
        "sqrt_sig_shot" if color else "sig_shot": np.full((items, 1, 1), 0.1, np.float32),
        "sig_read": np.full((items, 1, 1), 0.2, np.float32),
    }
    return arrays


def test_grey_bursts_of_a_gain_are_the_items_of_its_slot(tmp_path: Path):
    arrays = npz_arrays(6 * 73, color=False)
    np.savez(tmp_path / "kpn.npz", **arrays)
    for gain, slot in {1: 2, 8: 5}.items():
        dataset = GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=gain)
        assert len(dataset) == 73
        burst, truth, info = dataset[7]
        item = slot * 73 + 7
        assert torch.equal(burst[5, 0], torch.from_numpy(arrays["noisy"][item, ..., 5]))
        assert torch.equal(truth[0], torch.from_numpy(arrays["truth"][item]))
        assert info["burst_name"] == f"{slot}_07"
        assert info["noise_level"] == slot
        assert torch.allclose(info["sigma_estimate"], (0.2**2 + 0.1**2 * burst.clamp(min=0)).sqrt())
        with pytest.raises(IndexError):
            dataset[73]


def test_without_a_gain_every_slot_of_the_file_is_given(tmp_path: Path):
    np.savez_compressed(tmp_path / "kpn.npz", **npz_arrays(6 * 73, color=False))
    dataset = GrayscaleDenoiseTestSet(tmp_path / "kpn.npz")
    assert len(dataset) == 6 * 73
    assert [dataset[i][2]["burst_name"] for i in (0, 72, 73, 437)] == ["0_00", "0_72", "1_00", "5_72"]
    of_gain_4 = GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=4)
    assert torch.equal(dataset[4 * 73 + 1][0], of_gain_4[1][0])


def test_colour_bursts_have_their_frames_before_their_colours(tmp_path: Path):
    arrays = npz_arrays(2, color=True)
    np.savez(tmp_path / "4.npz", **arrays)
    dataset = ColorDenoiseTestSet(tmp_path, noise_level=4)
    burst, truth, info = dataset[1]
    assert torch.equal(burst[6, 2], torch.from_numpy(arrays["noisy"][1, :, :, 6, 2]))
    assert torch.equal(truth[2], torch.from_numpy(arrays["truth"][1, :, :, 2]))
    assert info["burst_name"] == "4_01"
    assert info["sigma_estimate"].shape == burst.shape
    assert len(dataset) == 2
    with pytest.raises(IndexError):
        dataset[2]


def test_a_noise_level_that_does_not_exist_is_refused(tmp_path: Path):
    for make in (ColorDenoiseTestSet, GrayscaleDenoiseTestSet):
        with pytest.raises(ValueError, match=r"noise_level is 3, expected one of \[1, 2, 4, 8\]"):
            make(tmp_path, noise_level=3)
    with pytest.raises(MissingDataSet, match=r"2\.npz"):
        ColorDenoiseTestSet(tmp_path, noise_level=2)


def test_wrong_keys_name_the_file_what_it_holds_and_what_was_expected(tmp_path: Path):
    arrays = npz_arrays(2, color=True)
    arrays["sig_shot"] = arrays.pop("sqrt_sig_shot")
    np.savez(tmp_path / "1.npz", **arrays)
    with pytest.raises(WrongArrays, match=r"1\.npz holds .*sig_shot.*but sqrt_sig_shot missing; expected truth"):
        ColorDenoiseTestSet(tmp_path)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("noisy", (2, 3, 4, 7, 3)),
        ("truth", (2, 3, 5, 3)),
        ("truth", (2, 3, 4)),
        ("sig_read", (2, 2, 1)),
        ("sig_read", (3, 1, 1)),
    ],
)
def test_wrong_shapes_are_refused(tmp_path: Path, key: str, shape: tuple[int, ...]):
    np.savez(tmp_path / "1.npz", **(npz_arrays(2, color=True) | {key: np.zeros(shape, np.float32)}))
    with pytest.raises(WrongArrays, match=rf"1\.npz.*{key}"):
        ColorDenoiseTestSet(tmp_path)


def test_a_file_too_short_for_the_gain_is_refused(tmp_path: Path):
    np.savez(tmp_path / "kpn.npz", **npz_arrays(4 * 73, color=False))
    with pytest.raises(WrongArrays, match=r"holds 292 bursts, noise_level=8 needs at least 438"):
        GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=8)


def test_an_npz_that_would_run_code_is_refused_and_nothing_runs(tmp_path: Path):
    hostile = np.empty((2, 3, 4, 3), dtype=object)
    hostile[...] = None
    np.savez(tmp_path / "1.npz", **(npz_arrays(2, color=True) | {"truth": hostile}))
    with pytest.raises(WrongArrays, match=r"1\.npz: array 'truth' has values of type object"):
        ColorDenoiseTestSet(tmp_path)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_truncated_npz_is_refused(tmp_path: Path, compressed: bool):
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "1.npz", **npz_arrays(2, color=True))
    data = (tmp_path / "1.npz").read_bytes()
    (tmp_path / "1.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(WrongArrays, match=r"1\.npz is damaged"):
        ColorDenoiseTestSet(tmp_path)
    damaged = bytearray(data)
    damaged[300:400] = bytes(100)
    (tmp_path / "1.npz").write_bytes(damaged)
    with pytest.raises(WrongArrays, match=r"1\.npz"):
        ColorDenoiseTestSet(tmp_path)[0]


@given(st.data())
def test_rows_are_those_of_the_whole_array(tmp_path_factory, data: Any):
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    array = random_state.standard_normal((7, *data.draw(st.lists(st.integers(1, 4), max_size=3))))
    array = data.draw(
        st.sampled_from([array, np.asfortranarray(array), array.astype(">f4"), (array * 9).astype(np.int16)])
    )
    data.draw(st.sampled_from([np.savez, np.savez_compressed]))(path, x=array)
    start = data.draw(st.integers(0, 7))
    stop = data.draw(st.integers(start, 7))
    rows = NpzRows(path, ["x"]).read("x", start, stop)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, array[start:stop].astype(np.float32))


def test_one_slot_is_read_without_the_memory_of_all(tmp_path: Path):
    arrays = npz_arrays(1, color=False)
    arrays["noisy"] = np.zeros((1, 64, 64, 8), np.float32)
    arrays["truth"] = np.zeros((1, 64, 64), np.float32)
    whole: dict[str, Any] = {key: np.repeat(value, 6 * 73, 0) for key, value in arrays.items()}
    np.savez_compressed(tmp_path / "kpn.npz", **whole)
    slot_bytes = 73 * 64 * 64 * 9 * 4
    tracemalloc.start()
    GrayscaleDenoiseTestSet(tmp_path / "kpn.npz", noise_level=8)[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * slot_bytes, "reading the whole arrays would take six times a slot and more"
