"""A network as one ``.safetensors`` file: weights, and in the metadata the constructor and notes as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from admin.checkpoints import CheckpointError
from utils.atomic_write import write_bytes


def save_weights_file(
    path: str | os.PathLike[str], net: nn.Module, notes: Mapping[str, Any] | None = None, half: bool = False
) -> None:
    """Writes the state dict of ``net`` with the call that rebuilds it.

    Args:
        path: ends in ``.safetensors``.
        net: built by a ``@model_constructor`` function, whose arguments are plain values.
        notes: what a reader should know (training, scores, licence), as values that JSON can hold.
        half: store kernels (tensors of two or more axes) in 16 bits. The network gets them back in its own type.

    Raises:
        ValueError: ``net`` has no ``constructor``.
        TypeError: an argument or a note is no plain value.
    """
    constructor = getattr(net, "constructor", None)
    if constructor is None:
        raise ValueError(f"{type(net).__name__} was not built by a function decorated with @model_constructor")
    metadata = {
        "format": "pt",
        "net_type": type(net).__name__,
        "constructor": json.dumps(constructor.plain()),
        "notes": json.dumps(dict(notes or {})),
    }
    # Clones, because the format refuses tensors that share memory.
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in net.state_dict().items()}
    if half:
        tensors = {key: value.half() if value.ndim > 1 else value for key, value in tensors.items()}
    write_bytes(path, save(tensors, metadata))


def read_weights_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content as a checkpoint dict: ``net`` (state dict), ``net_type``, ``constructor`` (dict or None), ``notes``.

    Sequences among the constructor's arguments come out as tuples.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            weights: dict[str, torch.Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        constructor = _with_tuples(json.loads(metadata.get("constructor", "null")))
        notes = json.loads(metadata.get("notes", "{}"))
    except (SafetensorError, OSError, ValueError, RecursionError, RuntimeError, MemoryError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a safetensors file ({error}). "
            "It is damaged, incomplete or something else; copy or download it again."
        ) from error
    return {"net": weights, "net_type": metadata.get("net_type"), "constructor": constructor, "notes": notes}


def _with_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return value
