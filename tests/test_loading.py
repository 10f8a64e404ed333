"""Networks from files: the right file, rebuilt by the right function, with all of its weights."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from admin.checkpoints import CheckpointError, save_checkpoint
from admin.loading import load_network as load_from_file
from admin.loading import load_trained_network, load_weights
from admin.model_constructor import model_constructor, weights_will_follow
from admin.multigpu import MultiGPU, unwrapped
from admin.weights_file import save_weights_file
from utils import loading


def load_network(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
    return load_from_file(*args, **kwargs)


def load_by_name(*args: Any, **kwargs: Any) -> Any:
    return loading.load_network(*args, **kwargs)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module ``models.tiny`` with a constructor ``tiny_net``."""
    module: Any = types.ModuleType("models.tiny")

    def tiny_net(dim: int, kernel: int = 1, sizes: tuple[int, ...] = ()) -> nn.Module:
        module.weights_will_follow = weights_will_follow()
        net: Any = nn.Conv2d(dim, dim, kernel)
        net.sizes = sizes
        return net

    def pair_with_notes(dim: int) -> tuple[nn.Module, str]:
        return nn.Conv2d(dim, dim, 1), "notes"

    for function in (tiny_net, pair_with_notes):
        function.__module__ = module.__name__
        setattr(module, function.__name__, model_constructor(function))
    module.not_decorated = lambda **kwargs: pytest.fail("called a function that is no constructor")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def save(path: Path, network: Any, **more: Any) -> Path:
    content = {"epoch": 1, "net_type": type(network).__name__, "net": network.state_dict(), "net_info": {"note": "n"}}
    save_checkpoint(path, {**content, "constructor": network.constructor.plain(), **more})
    return path


def test_a_network_comes_back_with_weights_constructor_and_info(tmp_path: Path, tiny: Any) -> None:
    net = tiny.tiny_net(3, sizes=(1, 2))
    assert not tiny.weights_will_follow
    loaded, content = load_network(save(tmp_path / "x.pth.tar", net))
    assert tiny.weights_will_follow  # no other weights file is needed now
    assert torch.equal(loaded.weight, net.weight)
    assert loaded.sizes == (1, 2)
    assert loaded.info == {"note": "n"}
    assert loaded.constructor.fun_module == "models.tiny"
    assert content["epoch"] == 1


def test_a_constructor_may_return_a_tuple(tmp_path: Path, tiny: Any) -> None:
    net = tiny.pair_with_notes(2)[0]
    assert torch.equal(load_network(save(tmp_path / "x.pth", net))[0].weight, net.weight)


def test_arguments_replace_stored_ones_and_unknown_ones_are_named(
    tmp_path: Path, tiny: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(tmp_path / "x.pth.tar", tiny.tiny_net(3, 1, (5,)))
    loaded, _ = load_network(path, sizes=(7,), kernal=3)
    assert loaded.sizes == (7,)
    assert "kernal" in caplog.text
    assert "'kernel'" in caplog.text


def test_the_newest_file_is_chosen_by_epoch_and_the_running_epoch_first(tmp_path: Path, tiny: Any) -> None:
    for number in (9999, 10000, 2):
        save(tmp_path / f"Net_ep{number:04d}.pth.tar", tiny.tiny_net(1), epoch=number)
    assert load_network(tmp_path)[1]["epoch"] == 10000
    assert load_network(tmp_path, 2)[1]["epoch"] == 2
    assert load_network(tmp_path, tmp_path / "Net_ep9999.pth.tar")[1]["epoch"] == 9999
    assert load_network(checkpoint=str(tmp_path / "Net_ep9999.pth.tar"))[1]["epoch"] == 9999
    save(tmp_path / "Net_latest.pth.tar", tiny.tiny_net(1), epoch=-5)
    assert load_network(tmp_path)[1]["epoch"] == -5


def test_a_missing_file_epoch_or_folder_is_named(tmp_path: Path, tiny: Any) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_network(tmp_path)
    save(tmp_path / "A_ep0001.pth.tar", tiny.tiny_net(1))
    with pytest.raises(FileNotFoundError, match=r"0 checkpoints of epoch 7; there are A_ep0001"):
        load_network(tmp_path, 7)
    save(tmp_path / "B_ep0001.pth.tar", tiny.tiny_net(1))
    with pytest.raises(FileNotFoundError, match="2 checkpoints of epoch 1"):
        load_network(tmp_path, 1)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_network(tmp_path / "nowhere")


def test_a_checkpoint_of_another_network_names_types_and_keys(tmp_path: Path, tiny: Any) -> None:
    net = tiny.tiny_net(2)
    state = {"weight": torch.zeros(2, 2, 3, 3), "scale": torch.zeros(1)}
    path = save(tmp_path / "x.pth.tar", net, net=state, net_type="BatchNorm2d")
    with pytest.raises(CheckpointError) as error:
        load_network(path)
    for words in ("x.pth.tar", "BatchNorm2d", "Conv2d", "missing (bias)", "unexpected (scale)", "(2, 2, 3, 3)"):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("module", "function", "words"),
    [
        ("os", "system", "is refused"),
        ("models", "tiny_net", "is refused"),
        ("models.tiny; import os", "tiny_net", "is refused"),
        ("models.tiny", "not_decorated", "Unknown constructor"),
        ("models.tiny", "tiny_nets", "did you mean 'tiny_net'"),
        ("models.no_such_module", "tiny_net", "constructor_module"),
    ],
)
def test_a_file_may_only_name_constructors_of_our_models(
    tmp_path: Path, tiny: Any, module: str, function: str, words: str
) -> None:
    constructor = {"module": module, "function": function, "args": (), "kwargs": {"dim": 1}}
    path = save(tmp_path / "x.pth.tar", tiny.tiny_net(1), constructor=constructor)
    with pytest.raises(CheckpointError, match=words):
        load_network(path)
    assert load_network(path, constructor_module="models.tiny", constructor_fun_name="tiny_net")


def test_wrong_arguments_and_bare_weights_are_explained(tmp_path: Path, tiny: Any) -> None:
    net = tiny.tiny_net(1)
    constructor = {"module": "models.tiny", "function": "tiny_net", "args": (), "kwargs": {"width": 1}}
    with pytest.raises(CheckpointError, match=r"tiny_net does not take .*width"):
        load_network(save(tmp_path / "x.pth.tar", net, constructor=constructor))
    with pytest.raises(CheckpointError, match="load_weights"):
        load_network(save(tmp_path / "y.pth.tar", net, constructor=None))
    with pytest.raises(CheckpointError, match="load_weights"):
        load_network(save(tmp_path / "y.pth.tar", net, constructor="tiny_net"))
    torch.save(net.state_dict(), tmp_path / "z.pth")
    with pytest.raises(CheckpointError, match=r"holds no 'net' but weight, bias"):
        load_network(tmp_path / "z.pth")
    load_weights(tiny.tiny_net(1), tmp_path / "z.pth")
    with pytest.raises(CheckpointError, match="of another shape"):
        load_weights(tiny.tiny_net(2), tmp_path / "z.pth")


def test_the_moving_average_can_be_chosen(tmp_path: Path, tiny: Any) -> None:
    net, average = tiny.tiny_net(1), tiny.tiny_net(1)
    path = save(tmp_path / "x.pth.tar", net, net_ema=average.state_dict())
    assert torch.equal(load_network(path, use_ema=True)[0].weight, average.weight)
    with pytest.raises(CheckpointError, match="net_ema"):
        load_network(save(tmp_path / "y.pth.tar", net), use_ema=True)
    with pytest.raises(CheckpointError, match="net_ema"):
        load_network(save(tmp_path / "z.pth.tar", net, net_ema=None), use_ema=True)


def test_a_safetensors_file_is_loaded_like_a_checkpoint(tmp_path: Path, tiny: Any) -> None:
    net = tiny.tiny_net(2, sizes=(3, 4))
    save_weights_file(tmp_path / "net.safetensors", net)
    loaded, content = load_network(tmp_path / "net.safetensors")
    assert torch.equal(loaded.weight, net.weight)
    assert loaded.sizes == (3, 4)
    assert content["notes"] == {}


def test_networks_of_the_workspace_are_found_by_name(
    tmp_path: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", str(tmp_path))
    net = tiny.tiny_net(1)
    path = save(tmp_path / "checkpoints" / "deeprep" / "tiny" / "Net_ep0003.pth.tar", net)
    by_epoch: Any = load_trained_network(str(tmp_path), "deeprep/tiny", 3)
    by_name, content = load_by_name("deeprep/tiny", return_dict=True)
    for loaded in (by_name, load_by_name(path), by_epoch):
        assert torch.equal(loaded.weight, net.weight)
    assert content["net_type"] == "Conv2d"


def test_a_wrapped_network_behaves_like_the_network(tiny: Any) -> None:
    net = tiny.tiny_net(1)
    wrapped = MultiGPU(net, dim=0)
    image = torch.rand(2, 1, 3, 3)
    assert torch.equal(wrapped(image), net(image))
    assert wrapped.constructor is net.constructor
    assert unwrapped(wrapped) is net
    with pytest.raises(AttributeError):
        wrapped.no_such_name  # noqa: B018
