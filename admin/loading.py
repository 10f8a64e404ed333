"""Networks from files: rebuilt by their stored constructor, with their weights.

Takes checkpoints of ours, checkpoints of the original DBSR and DeepRep systems, and ``.safetensors`` files.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from admin.checkpoints import CheckpointError, read_checkpoint
from admin.environment import env_settings
from admin.model_constructor import building_from_checkpoint, is_model_constructor
from admin.released_weights import find_released, released_file
from admin.weights_file import read_weights_file
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)

LATEST = "_latest.pth.tar"
_EPOCH = re.compile(r"_ep(\d+)\.pth\.tar$")
_MODULE = re.compile(r"models(\.[A-Za-z_]\w*)+")


def load_network(
    network_dir: str | os.PathLike[str] | None = None,
    checkpoint: int | str | os.PathLike[str] | None = None,
    constructor_fun_name: str | None = None,
    constructor_module: str | None = None,
    use_ema: bool = False,
    **kwargs: Any,
) -> tuple[nn.Module, dict[str, Any]]:
    """Rebuilds a network on the CPU and loads its weights strictly.

    Args:
        network_dir: a file, or a folder of checkpoints.
        checkpoint: in a folder, the number of an epoch; or the path of a file. None takes the newest in the folder.
        constructor_fun_name, constructor_module: replace the stored ones (old checkpoints whose code has moved).
        use_ema: take the moving average of the weights, ``net_ema``.
        **kwargs: arguments of the constructor that replace the stored ones; unknown ones are ignored with a warning.

    Returns:
        The network, with attributes ``constructor`` and ``info``, and the content of the file.

    Raises:
        FileNotFoundError: no such file, folder or epoch.
        CheckpointError: the file is damaged, of another network, or its constructor is not one of ours.
    """
    path = find_checkpoint(network_dir, checkpoint)
    content = read_network_file(path)
    weights = "net_ema" if use_ema else "net"
    if not isinstance(content.get(weights), Mapping):
        if use_ema and "net" in content:
            raise CheckpointError(f"{path} holds no moving average of the weights (net_ema); load it without use_ema")
        raise CheckpointError(
            f"{path} holds no {weights!r} but {_listed(content)}; it is not a checkpoint of a network"
        )
    stored = _stored_constructor(path, content)
    stored |= {
        key: value for key, value in (("module", constructor_module), ("function", constructor_fun_name)) if value
    }
    net = _build(path, stored, kwargs)
    load_state(net, content[weights], str(path), content.get("net_type"))
    net.info = content.get("net_info")  # type: ignore[assignment]
    return net, content


def find_checkpoint(
    network_dir: str | os.PathLike[str] | None = None, checkpoint: int | str | os.PathLike[str] | None = None
) -> Path:
    """The file that :func:`load_network` means by these arguments.

    Raises:
        FileNotFoundError: nothing fits.
        ValueError: neither argument names a place.
    """
    if checkpoint is not None and not isinstance(checkpoint, int):
        network_dir, checkpoint = checkpoint, None
    if network_dir is None:
        raise ValueError("load_network needs a file or a folder: network_dir, or checkpoint as a path")
    place = Path(network_dir).expanduser()
    if place.is_file():
        return place
    if not place.is_dir():
        raise FileNotFoundError(f"{place}: no such checkpoint file or folder of checkpoints")
    if checkpoint is not None:
        fitting = sorted(place.glob(f"*_ep{checkpoint:04d}.pth.tar"))
        if len(fitting) != 1:
            raise FileNotFoundError(
                f"{place}: {len(fitting)} checkpoints of epoch {checkpoint}; there are {_names(place)}"
            )
        return fitting[0]
    newest = newest_checkpoint(place)
    if newest is None:
        raise FileNotFoundError(f"{place}: no checkpoint (*.pth.tar) in this folder; there are {_names(place)}")
    return newest


def newest_checkpoint(folder: Path, net_type: str = "*") -> Path | None:
    """The checkpoint with the most training in it, in the order of :func:`checkpoints_of`; None if there is none."""
    return next(iter(checkpoints_of(folder, net_type)), None)


def checkpoints_of(folder: Path, net_type: str = "*") -> list[Path]:
    """The checkpoints of one type of network, or of any, the one with the most training in it first.

    ``<NetType>_latest.pth.tar`` comes first: it is written inside an epoch and removed when the epoch's own file is.
    Others go by the number of their epoch, not by name, and last by name where they have no number.
    """
    latest = sorted(folder.glob(net_type + LATEST), reverse=True)
    files = [path for path in folder.glob(f"{net_type}_ep*.pth.tar") if _EPOCH.search(path.name)]
    if not files and not latest and net_type == "*":
        files = [*folder.glob("*.pth.tar"), *folder.glob("*.safetensors")]
    return [*latest, *sorted(files, key=lambda path: (epoch_of(path), path.name), reverse=True)]


def in_workspace(net_path: str | os.PathLike[str]) -> Path:
    """The path itself if absolute, else seen from ``<workspace_dir>/checkpoints``.

    Where nothing is there and ``net_path`` names a released network, the file of that network, fetched if need be.

    Raises:
        utils.downloads.DownloadFailed: it cannot be fetched; names the manual way.
    """
    place = Path(env_settings().workspace_dir) / "checkpoints" / Path(net_path).expanduser()
    return released_file(str(net_path)) if not place.exists() and find_released(str(net_path)) is not None else place


def read_network_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a checkpoint or ``.safetensors`` file; both have ``net`` and ``constructor``.

    Raises:
        FileNotFoundError, CheckpointError: as the readers.
    """
    return read_weights_file(path) if Path(path).suffix == ".safetensors" else read_checkpoint(path)


def load_state(net: nn.Module, state: Mapping[str, torch.Tensor], source: str, net_type: str | None = None) -> None:
    """Loads a state dict strictly.

    Raises:
        CheckpointError: keys or shapes differ; names the source, both types and what differs.
    """
    own = net.state_dict()
    differences = [
        *_difference("missing", own.keys() - state.keys()),
        *_difference("unexpected", state.keys() - own.keys()),
        *_difference(
            "of another shape",
            (
                f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
                for key in own.keys() & state.keys()
                if own[key].shape != state[key].shape
            ),
        ),
    ]
    if differences:
        kind = f"a {net_type}" if net_type else "another network"
        raise CheckpointError(
            f"{source} holds the weights of {kind}, they do not fit {type(net).__name__}: {'; '.join(differences)}"
        )
    net.load_state_dict(state)


def load_weights(net: nn.Module, path: str | os.PathLike[str], strict: bool = True) -> None:
    """Loads the weights of a checkpoint, a ``.safetensors`` file or a bare state dict into ``net``.

    Args:
        strict: False loads what fits by name and says what does not.

    A bare state dict may have been saved from a wrapper of several GPUs: ``module.`` in front of every key is dropped.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file cannot be read, or its weights do not fit.
    """
    content = read_network_file(path)
    state = content.get("net", content)
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"{path} holds no weights but {_listed(content)}")
    if state and all(str(key).startswith("module.") for key in state):
        state = {str(key).removeprefix("module."): value for key, value in state.items()}
    if strict:
        load_state(net, state, str(path), content.get("net_type") if "net" in content else None)
        return
    result = net.load_state_dict(state, strict=False)
    for what in (*_difference("missing", result.missing_keys), *_difference("unexpected", result.unexpected_keys)):
        logger.warning("%s: %s", path, what)


def load_pretrained(module: str, name: str, checkpoint: int | str | None = None, **kwargs: Any) -> nn.Module:
    """The network trained by ``train_settings/<module>/<name>.py`` in this workspace."""
    return load_trained_network(env_settings().workspace_dir, f"{module}/{name}", checkpoint, **kwargs)


def load_trained_network(
    workspace_dir: str, network_path: str, checkpoint: int | str | None = None, **kwargs: Any
) -> nn.Module:
    """The network in ``<workspace_dir>/checkpoints/<network_path>``; arguments and errors of :func:`load_network`."""
    return load_network(Path(workspace_dir) / "checkpoints" / network_path, checkpoint, **kwargs)[0]


def _stored_constructor(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    stored = content.get("constructor") or {}
    if (
        not isinstance(stored, Mapping)
        or not isinstance(stored.get("args", ()), (list, tuple))
        or not isinstance(stored.get("kwargs", {}), Mapping)
    ):
        raise CheckpointError(f"{path} does not say in a known way how its network is built; use load_weights")
    return dict(stored)


def _build(path: Path, stored: Mapping[str, Any], overrides: Mapping[str, Any]) -> nn.Module:
    if not stored.get("module") or not stored.get("function"):
        raise CheckpointError(
            f"{path} does not say how its network is built; build it yourself and use load_weights, "
            "or name constructor_module and constructor_fun_name"
        )
    function = _constructor(path, str(stored["module"]), str(stored["function"]))
    known = inspect.signature(function).parameters
    used = {name: value for name, value in overrides.items() if name in known}
    for name in overrides.keys() - used.keys():
        logger.warning("%s: %s", path, unknown_name_message(f"argument of {stored['function']}", name, known))
    # Positional arguments of old checkpoints get their names, so that any of them can be replaced.
    arguments = dict(zip(known, stored.get("args", ()), strict=False)) | stored.get("kwargs", {}) | used
    try:
        with building_from_checkpoint():
            built = function(**arguments)
    except TypeError as error:
        call = f"{stored['module']}.{stored['function']}"
        raise CheckpointError(f"{path}: {call} does not take the arguments {arguments}: {error}") from error
    net: nn.Module = built[0] if isinstance(built, tuple) else built
    return net


def _constructor(path: Path, module_name: str, function_name: str) -> Callable[..., Any]:
    """The decorated function inside ``models`` that a file names; nothing else is imported or called."""
    if not _MODULE.fullmatch(module_name):
        raise CheckpointError(
            f"{path} is refused: its network is built by {module_name}.{function_name}, not by our models"
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise CheckpointError(f"{path}: {error}; give constructor_module if the code has moved") from error
    function = getattr(module, function_name, None)
    if not is_model_constructor(function):
        names = [name for name, value in vars(module).items() if is_model_constructor(value)]
        raise CheckpointError(f"{path}: {unknown_name_message(f'constructor of {module_name}', function_name, names)}")
    return function


def epoch_of(path: Path) -> int:
    """The number of the epoch in the name of a checkpoint; -1 if it has none."""
    found = _EPOCH.search(path.name)
    return int(found.group(1)) if found else -1


def _difference(what: str, names: Iterable[str], shown: int = 4) -> list[str]:
    ordered = sorted(names)
    if not ordered:
        return []
    more = f" and {len(ordered) - shown} more" if len(ordered) > shown else ""
    return [f"{len(ordered)} {what} ({', '.join(ordered[:shown])}{more})"]


def _listed(content: Mapping[str, Any]) -> str:
    return ", ".join(list(map(str, content))[:8]) or "nothing"


def _names(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "no files"
