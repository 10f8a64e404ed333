"""Files of weights: PWC-Net's under its published key names, and checkpoints of a training run."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from admin.checkpoints import save_checkpoint
from models.alignment.pwcnet import WEIGHTS_FILE, PWCNet

# An untrained PWC-Net shows flows of many pixels; with these layers made small it shows next to none.
_FLOW_LAYERS = (
    *(f"net.net{level}.netSix.0" for level in ("Six", "Fiv", "Fou", "Thr", "Two")),
    "net.netRefiner.netMain.12",
)


def pwcnet_weights(folder: Path, flow: float = 0.01) -> Path:
    """``pwcnet-network-default.pth`` with random weights, 37 MB; ``folder`` is the value of ``pretrained_nets_dir``.

    Args:
        flow: factor on the layers that put out flow; 0 makes the network say that nothing moves.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = PWCNet(load_pretrained=False)
    for layer in _FLOW_LAYERS:
        for parameter in net.get_submodule(layer).parameters():
            parameter.data.mul_(flow)
    folder.mkdir(parents=True, exist_ok=True)
    published = {key.replace("net", "module"): value for key, value in net.net.state_dict().items()}
    torch.save(published, folder / WEIGHTS_FILE)
    return folder


def checkpoint(file: Path, net: nn.Module, epoch: int = 1) -> Path:
    """A checkpoint of a network made by a constructor function, as a training run leaves it."""
    content = {
        "epoch": epoch,
        "net_type": type(net).__name__,
        "net": net.state_dict(),
        "net_info": None,
        "constructor": net.constructor.plain(),  # type: ignore[union-attr,operator]
    }
    save_checkpoint(file, content)
    return file
