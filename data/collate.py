"""Makes one batch of several samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from admin.tensordict import TensorDict


class Ragged:
    """A tensor that need not have the shape of its neighbours: a batch stacks it where all agree, else lists it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


def collate(samples: Sequence[Any], stack_dim: int = 0) -> Any:
    """One batch of several samples.

    Tensors and numpy arrays of numbers are stacked along ``stack_dim``; numbers (also numpy scalars) become a
    tensor of int64 or float64; mappings are collated entry by entry and stay what they are (``TensorDict`` or
    ``dict``); :class:`Ragged` tensors are stacked or listed. Everything else becomes the list of the items, lists and
    tuples too; with ``stack_dim=1`` lists and tuples are transposed and collated element by element.

    Raises:
        ValueError: the samples have different keys or shapes; the message names the key and what came.
    """
    return _collate(samples, stack_dim, "")


def collate_stack1(samples: Sequence[Any]) -> Any:
    """:func:`collate` along dimension 1, for batches with the burst axis first."""
    return _collate(samples, 1, "")


def _collate(items: Sequence[Any], stack_dim: int, where: str) -> Any:
    first = items[0]
    if isinstance(first, Ragged):
        tensors = [item.tensor for item in items]
        agree = len({tensor.shape for tensor in tensors}) == 1
        return _stacked(tensors, stack_dim, where) if agree else tensors
    if isinstance(first, np.ndarray) and first.dtype.kind in "biuf":
        items = [torch.from_numpy(np.ascontiguousarray(item)) for item in items]
        first = items[0]
    if isinstance(first, torch.Tensor):
        return _stacked(items, stack_dim, where)
    if isinstance(first, (bool, int, np.bool_, np.integer)):
        return torch.tensor([int(item) for item in items], dtype=torch.int64)
    if isinstance(first, (float, np.floating)):
        return torch.tensor([float(item) for item in items], dtype=torch.float64)
    if isinstance(first, Mapping):
        return _collated_mapping(items, stack_dim, where)
    if isinstance(first, (list, tuple)) and stack_dim == 1:
        return [_collate(column, stack_dim, f"{where}[{i}]") for i, column in enumerate(zip(*items, strict=True))]
    return list(items)


def _stacked(tensors: Sequence[torch.Tensor], stack_dim: int, where: str) -> torch.Tensor:
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if len(set(shapes)) > 1:
        raise ValueError(f"samples of one batch differ in the shape of {where or 'their tensor'}: {shapes}")
    if stack_dim == 0:
        batch: torch.Tensor = default_collate(list(tensors))  # in a worker: stacked in shared memory
        return batch
    return torch.stack(list(tensors), stack_dim)


def _collated_mapping(items: Sequence[Mapping[str, Any]], stack_dim: int, where: str) -> Mapping[str, Any]:
    keys = list(items[0])
    for item in items:
        if set(item) != set(keys):
            odd = sorted(str(key) for key in set(item) ^ set(keys))
            raise ValueError(f"samples of one batch differ in their keys{' of ' + where if where else ''}: {odd}")
    collated = {
        key: _collate([item[key] for item in items], stack_dim, f"{where}.{key}" if where else str(key)) for key in keys
    }
    return TensorDict(collated) if isinstance(items[0], TensorDict) else collated
