"""Several processes that work on one run (``torchrun``): who this one is, and what they tell each other.

Alone, every function returns what it was given, so callers need not ask how many processes there are. What is said here
are a few numbers and small objects, on the CPU, also where the networks are on GPUs: a process that has died is noticed
at once, and no GPU is waited for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")

# The first process may be saving, or another one fetching its first batch.
_LONGEST_SILENCE = timedelta(minutes=30)


class LostProcess(Exception):
    """Another process of this run has ended, or does not answer; its own message says why."""


def join() -> None:
    """Meets the other processes that ``torchrun`` or ``accelerate launch`` has started; does nothing alone, or again.

    Raises:
        LostProcess: they do not all come.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not dist.is_available() or dist.is_initialized():
        return
    # Both at once: tensors on GPUs go one way, what is said here the other.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    _said(lambda: dist.init_process_group(backend, timeout=_LONGEST_SILENCE))


def leave() -> None:
    """Takes leave of the other processes at the end of a run that went well."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def count() -> int:
    """How many processes work on this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def number() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if count() > 1 else 0


def local_number() -> int:
    """Which of those on this machine this one is, from 0."""
    return int(os.environ.get("LOCAL_RANK", number())) if count() > 1 else 0


def summed(values: Sequence[float]) -> list[float]:
    """The sum over all processes of every value; all must give as many."""
    return _reduced(values, dist.ReduceOp.SUM)


def largest(values: Sequence[float]) -> list[float]:
    """The largest in all processes of every value; all must give as many."""
    return _reduced(values, dist.ReduceOp.MAX)


def gathered(value: T) -> list[T]:
    """The values of all processes, in their order."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    _said(lambda: dist.all_gather_object(values, value))
    return values


def of_first(value: T) -> T:
    """The value that the first process gives."""
    if count() == 1:
        return value
    values = [value]
    _said(lambda: dist.broadcast_object_list(values, src=0))
    return values[0]


def sum_tensors(tensors: Sequence[torch.Tensor]) -> None:
    """Replaces every tensor by its sum over all processes, in place; all give the same shapes in the same order."""
    _in_buckets(tensors, dist.all_reduce)


def share_tensors(tensors: Sequence[torch.Tensor]) -> None:
    """Replaces every tensor by that of the first process, in place."""
    _in_buckets(tensors, lambda flat: dist.broadcast(flat, src=0))


# A few large messages are faster than many small ones; the copy of one should not be missed on a GPU.
_BUCKET_VALUES = 16 << 20


@torch.no_grad()
def _in_buckets(tensors: Sequence[torch.Tensor], say: Callable[[torch.Tensor], object]) -> None:
    if count() == 1:
        return
    kinds: dict[tuple[torch.dtype, torch.device], list[list[torch.Tensor]]] = {}
    for tensor in tensors:
        buckets = kinds.setdefault((tensor.dtype, tensor.device), [[]])
        if sum(other.numel() for other in buckets[-1]) + tensor.numel() > _BUCKET_VALUES and buckets[-1]:
            buckets.append([])
        buckets[-1].append(tensor)
    for bucket in (bucket for buckets in kinds.values() for bucket in buckets):
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in bucket])
        _said(lambda flat=flat: say(flat))  # type: ignore[misc]
        for tensor, values in zip(bucket, flat.split([tensor.numel() for tensor in bucket]), strict=True):
            tensor.detach().copy_(values.view(tensor.shape))


def _reduced(values: Sequence[float], how: Any) -> list[float]:
    if count() == 1:
        return list(values)
    numbers = torch.tensor(list(values), dtype=torch.float64)
    _said(lambda: dist.all_reduce(numbers, op=how))
    return [float(value) for value in numbers]


def _said(talk: Callable[[], object]) -> None:
    try:
        talk()
    except RuntimeError as error:  # what torch raises for a connection that is closed or silent
        cause = str(error).strip().splitlines()[0][:200]
        raise LostProcess(
            "another process of this run has ended or does not answer; its own message says why. "
            f"torchrun --max-restarts=N starts all of them again from the last checkpoint ({cause})"
        ) from error
