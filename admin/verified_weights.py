"""A network as a ``.safetensors`` file that is known to give the same network back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from admin.checkpoints import CheckpointError
from admin.loading import load_network
from admin.weights_file import save_weights_file

_ENDING = ".safetensors"


def check_ending(target: Path) -> None:
    """Says before long work that :func:`save_and_verify` would refuse the name.

    Raises:
        ValueError: ``target`` does not end in ``.safetensors``.
    """
    if target.suffix != _ENDING:
        raise ValueError(f"{target}: the file to write must end in {_ENDING}")


def save_and_verify(target: Path, net: nn.Module, notes: Mapping[str, Any] | None = None, half: bool = False) -> None:
    """Writes ``net`` with :func:`admin.weights_file.save_weights_file`, loads the file and compares every tensor.

    The file gets its name only then: a bad one is removed, and what had the name before stays.

    Args:
        target: ends in ``.safetensors``.
        net, notes, half: as ``save_weights_file``.

    Raises:
        ValueError: another ending, or the file does not give the same network back.
        TypeError: as ``save_weights_file``.
    """
    check_ending(target)
    unverified = target.with_name(f".{target.stem}.{os.getpid()}.unverified{_ENDING}")
    try:
        save_weights_file(unverified, net, notes, half)
        differing = _differing(net, unverified, half)
        if differing:
            raise ValueError(
                f"{target} is not written: {len(differing)} of {len(net.state_dict())} tensors of {type(net).__name__} "
                f"differ after loading ({', '.join(differing[:4])}). "
                "Disk or memory may be faulty; try again, or on another disk"
            )
        unverified.replace(target)
    except CheckpointError as error:
        raise ValueError(f"{target} is not written, it could not be loaded again: {error}") from error
    finally:
        unverified.unlink(missing_ok=True)


def _differing(net: nn.Module, file: Path, half: bool) -> list[str]:
    """Names of the tensors that a file gives back in another way."""
    loaded = load_network(file)[0].state_dict()
    names = []
    for name, value in net.state_dict().items():
        expected = value.half().to(value.dtype) if half and value.ndim > 1 else value
        # Values that are not finite are kept like any other.
        if not torch.allclose(loaded[name], expected.cpu(), rtol=0, atol=0, equal_nan=True):
            names.append(name)
    return names
