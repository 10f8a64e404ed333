"""Networks to compare: trainings of this toolkit, or files of the original implementation."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from torch import nn

from admin.loading import load_network, load_weights, read_network_file
from evaluation.common_utils.network_param import NetworkParam
from models.burst_deblur.unet import burst_deblur_eccv18

_ORIGINAL_FILE = re.compile(r"model_([\d.]+)\.pt")


def newest_original(folder: Path, model_iter: int | None = None) -> Path | None:
    """The ``model_<n>.pt`` of a folder with the largest n, or with the one asked for; None where there is none.

    Raises:
        FileNotFoundError: there are such files, but not the one asked for.
    """
    found = {
        path: float(name[1]) for path in folder.glob("model_*.pt") if (name := _ORIGINAL_FILE.fullmatch(path.name))
    }
    if not found:
        return None
    if model_iter is None:
        return max(found, key=lambda path: found[path])
    wanted = [path for path, number in found.items() if number == model_iter]
    if not wanted:
        there = ", ".join(sorted(path.name for path in found))
        raise FileNotFoundError(f"{folder} has no model_{model_iter}.pt; there are {there}")
    return wanted[0]


def network_of(index: int, path: Path, model_iter: int | None) -> NetworkParam:
    """The network of a folder or file of this toolkit or of the original; ``index`` leads its name.

    Raises:
        FileNotFoundError: there is none.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; --exp_path is a folder or file of a trained network")
    if path.is_dir():
        path = newest_original(path, model_iter) or path
    name = f"{index}_{path.name if path.is_dir() else path.stem}"
    return NetworkParam(network=partial(_load, path), unique_name=name, display_name=f"{name} ({path.parent.name})")


def _load(path: Path) -> nn.Module:
    """A network of this toolkit, or the bare weights of the original network."""
    if path.is_dir() or "net" in read_network_file(path):
        net, _ = load_network(path.resolve())
        return net
    net = burst_deblur_eccv18()
    load_weights(net, path)
    return net
