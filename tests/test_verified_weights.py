"""A written network is loaded and compared before it takes the place of another."""

from pathlib import Path
from typing import Any

import pytest
import torch

from admin import verified_weights
from admin.loading import load_network
from admin.verified_weights import save_and_verify
from tests.fabricated import tiny_denoiser


def loaded_with_a_fault(path: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """As a faulty disk gives a network back: one weight is another."""
    net, content = load_network(path)
    with torch.no_grad():
        next(net.parameters()).view(-1)[0] += 1
    return net, content


@pytest.mark.parametrize("half", [False, True])
def test_a_good_file_takes_the_place_of_another(half: bool, tmp_path: Path) -> None:
    target, net = tmp_path / "net.safetensors", tiny_denoiser()
    with torch.no_grad():
        next(net.parameters()).view(-1)[0] = torch.nan  # what training made of it is not judged here
    target.write_bytes(b"another")
    save_and_verify(target, net, {"hours": 2}, half)
    assert list(tmp_path.iterdir()) == [target]
    loaded, content = load_network(target)
    assert content["notes"] == {"hours": 2}
    rounding = 1e-3 if half else 0
    for name, value in net.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=rounding, atol=rounding, equal_nan=True)


@pytest.mark.parametrize("there_before", [False, True])
def test_a_bad_file_is_removed_and_what_was_there_stays(
    there_before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, net = tmp_path / "net.safetensors", tiny_denoiser()
    if there_before:
        save_and_verify(target, net)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(verified_weights, "load_network", loaded_with_a_fault)
    with pytest.raises(
        ValueError, match=r"net\.safetensors is not written: 1 of \d+ tensors of .* differ after loading \("
    ):
        save_and_verify(target, net)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_cannot_be_loaded_is_removed(tmp_path: Path) -> None:
    net: Any = tiny_denoiser()
    net.extra = torch.nn.Linear(2, 2)  # its constructor makes no such layer
    with pytest.raises(ValueError, match=r"could not be loaded again: .*extra\.bias"):
        save_and_verify(tmp_path / "net.safetensors", net)
    assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"net\.pth: the file to write must end in \.safetensors"):
        save_and_verify(tmp_path / "net.pth", tiny_denoiser())
