"""Exported and converted networks give what the network gave, and load again."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from admin import verified_weights
from admin.checkpoints import save_checkpoint
from admin.loading import load_network
from admin.weights_file import read_weights_file
from models.alignment import pwcnet_layers
from models.layers.correlation import pwc_correlation
from tests.fabricated import tiny_dbsr, tiny_denoiser
from tests.test_verified_weights import loaded_with_a_fault
from util_scripts import convert_checkpoint, export_network


def correlation_in_one_step(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """``pwc_correlation`` in few nodes: those of 81 displacements on 5 levels are two thirds of a graph of DBSR."""
    windows = F.unfold(second, 9, padding=4).unflatten(1, (-1, 81)).unflatten(-1, first.shape[-2:])
    return (first[:, :, None] * windows).mean(dim=1)


class Correlation(torch.nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return pwc_correlation(first, second)


def test_exported_cost_volume_equals_the_eager_one_and_the_short_form() -> None:
    first, second = torch.rand(2, 1, 3, 4, 6)
    exported = torch.export.export(Correlation(), (first, second), strict=False).module()
    other = torch.rand(2, 1, 3, 4, 6)
    torch.testing.assert_close(exported(*other), pwc_correlation(*other))
    torch.testing.assert_close(correlation_in_one_step(*other), pwc_correlation(*other))


@pytest.mark.parametrize("kind", ["dbsr", "denoiser"])
def test_exported_network_equals_the_eager_one(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Any] = []  # the file is loaded for the script's own check: seconds, so not once more here
    load = torch.export.load

    def load_and_keep(path: Path) -> Any:
        loaded.append(load(path))
        return loaded[0]

    monkeypatch.setattr(torch.export, "load", load_and_keep)
    monkeypatch.setattr(pwcnet_layers, "pwc_correlation", correlation_in_one_step)
    net: torch.nn.Module
    net = tiny_dbsr(ref_offset_noise=0.02) if kind == "dbsr" else tiny_denoiser(num_iter=2, color_input=False)
    export_network.export_network(net, tmp_path / "net.pt2", (2, 8, 12))
    exported = loaded[0].module()
    burst = torch.rand(1, 2, 4 if kind == "dbsr" else 1, 8, 12)
    with torch.no_grad():
        if kind == "dbsr":
            torch.testing.assert_close(exported(burst), net(burst)[0], rtol=1e-4, atol=1e-5)
        else:
            noise = torch.full_like(burst, 0.1)
            torch.testing.assert_close(
                exported(burst, noise), net(burst, noise_estimate=noise)[0], rtol=1e-4, atol=1e-5
            )
            assert not torch.allclose(exported(burst, noise), exported(burst, noise * 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.pt2"]


class Doubling(torch.nn.Module):
    """Stands for a burst network: the first frame times a factor."""

    factor = 2.0

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        return burst[:, 0] * self.factor, {}


def test_export_that_differs_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = torch.export.load
    net = Doubling()

    def load_other(path: Path) -> Any:
        net.factor = 3.0  # what was exported no longer agrees with the network
        return load(path)

    monkeypatch.setattr(torch.export, "load", load_other)
    with pytest.raises(ValueError, match="differs by"):
        export_network.export_network(net, tmp_path / "net.pt2", (2, 8, 8))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    net = tiny_dbsr()
    path = tmp_path / "DBSRNet_ep0007.pth.tar"
    constructor: Any = net.constructor
    save_checkpoint(
        path, {"epoch": 7, "net_type": "DBSRNet", "net": net.state_dict(), "constructor": constructor.plain()}
    )
    return path


def test_converted_checkpoint_loads_with_the_same_weights_and_says_where_it_comes_from(checkpoint: Path) -> None:
    target = checkpoint.with_name("net.safetensors")
    assert convert_checkpoint.main([str(checkpoint.parent), str(target), "--epoch", "7", "--notes", '{"psnr": 3}']) == 0
    original, _ = load_network(checkpoint)
    loaded, content = load_network(target)
    for key, value in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key
    assert content["notes"]["converted_from"] == checkpoint.name
    assert (content["notes"]["epoch"], content["notes"]["psnr"]) == (7, 3)
    again = checkpoint.with_name("again.safetensors")  # from .safetensors, notes are kept
    assert convert_checkpoint.main([str(target), str(again)]) == 0
    assert read_weights_file(again)["notes"]["psnr"] == 3


def test_a_network_that_does_not_load_with_the_same_weights_is_not_written(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verified_weights, "load_network", loaded_with_a_fault)
    target = checkpoint.with_name("net.safetensors")
    assert convert_checkpoint.main([str(checkpoint), str(target), "--half"]) == 1
    assert " tensors of DBSRNet differ after loading" in capsys.readouterr().err
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_wrong_endings_and_unknown_files_are_said(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert_checkpoint.main([str(checkpoint), "x.bin"]) == 1
    assert "must end in .safetensors" in capsys.readouterr().err
    assert convert_checkpoint.main(["no_such_network", "x.safetensors"]) == 1
    assert "no_such_network" in capsys.readouterr().err
    size = ["--frames", "1", "--height", "8", "--width", "8"]
    assert export_network.main([str(checkpoint), "x.bin", *size]) == 1
    assert "must end in .pt2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        convert_checkpoint.main([str(checkpoint), "x.safetensors", "--notes", json.dumps([1])])
