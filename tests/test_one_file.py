"""A benchmark in one file: which networks its command line names, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.common_utils.one_file import network_of, networks_of, run_benchmark
from tests.evaluation_fixtures import fabricated


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    for name in ("here.safetensors", "nets/below.safetensors", "nets/plain"):
        (tmp_path / name).touch()


@pytest.mark.parametrize("run", ["here.safetensors", "./here.safetensors", "nets/below.safetensors", "nets/plain"])
def test_a_file_is_found_from_where_the_command_runs(run: str, tmp_path: Path) -> None:
    network = network_of(run)
    assert network.network_path == (tmp_path / run).resolve()
    assert network.get_unique_name() == Path(run).stem


def test_a_training_is_named_by_module_and_parameter(tmp_path: Path) -> None:
    (tmp_path / "own" / "denoiser").mkdir(parents=True)  # a folder of that name is no network
    network = network_of("own/denoiser")
    assert (network.module, network.parameter, network.network_path) == ("own", "denoiser", None)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    (tmp_path / "nets" / "here.safetensors").touch()
    networks = networks_of(["here.safetensors", "nets/below.safetensors", "nets/here.safetensors", "own/denoiser"])
    names = [network.get_unique_name() for network in networks]
    assert names == [f"{tmp_path.name}_here", "below", "nets_here", "own_denoiser"]


def test_folders_of_one_name_are_told_apart_by_theirs(tmp_path: Path) -> None:
    runs = ["a/best/net.pth", "b/best/net.pth", "b/best/other.pth"]
    for run in runs:
        (tmp_path / run).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / run).touch()
    assert [network.get_unique_name() for network in networks_of(runs)] == ["a_best_net", "b_best_net", "other"]


@pytest.mark.parametrize("run", ["own/denoiser", "here.safetensors"])
def test_one_network_named_twice_is_one(run: str) -> None:
    first, second = networks_of([run, run])
    assert first.get_unique_name() == second.get_unique_name()  # which scoring refuses


@pytest.mark.parametrize("run", ["", ".", "/nothing", "nothing.safetensors", "nets/nothing.pth"])
def test_what_is_nowhere_is_said_to_be_no_file(run: str) -> None:
    with pytest.raises(FileNotFoundError, match="no network file"):
        network_of(run)


def test_a_command_that_would_do_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_benchmark(fabricated(), arguments=["save"])
    assert "run" in capsys.readouterr().err
    with pytest.raises(ValueError, match="at least one benchmark"):
        run_benchmark(arguments=["score"])
