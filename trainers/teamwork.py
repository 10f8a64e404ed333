"""What the processes of one run do together: the same weights, gradients and averages.

N processes with batches of B train as one process with batches of N·B would. Gradients are summed over processes before
the optimiser steps, rather than by a wrapper around the network: so actors may call any part of a network, leave out
others, and find the network itself in ``actor.net``, as they do alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from admin import distributed
from admin.settings import Settings
from admin.stats import AverageMeter, LoaderStats

Batch = TypeVar("Batch")


def share_loaders(loaders: Iterable[Any]) -> None:
    """Gives every process its share of every loader.

    Raises:
        ValueError: a loader cannot be shared.
    """
    if distributed.count() == 1:
        return
    for loader in loaders:
        if not hasattr(loader, "share"):
            raise ValueError(
                f"{distributed.count()} processes cannot share loader {loader.name!r} ({type(loader).__name__}): "
                "use data.DataLoader, or give it a method share(number, count)"
            )
        loader.share(distributed.number(), distributed.count())


def with_shared_batch_norm(net: nn.Module, settings: Settings, device: torch.device) -> nn.Module:
    """The network, whose BatchNorm normalises by the batches of all processes if ``settings.sync_batchnorm`` says so.

    Raises:
        ValueError: it is asked for on a CPU, where torch has none.
    """
    if not settings.sync_batchnorm or distributed.count() == 1:
        return net
    if device.type == "cpu":
        raise ValueError("sync_batchnorm = True needs GPUs: torch has no SyncBatchNorm for the CPU")
    converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    return converted


def share_weights(net: nn.Module) -> None:
    """Gives every process the weights and buffers of the first one."""
    distributed.share_tensors([*net.parameters(), *net.buffers()])


def share_buffers(net: nn.Module) -> None:
    """Gives every process the first one's running statistics, which each has of its own batches."""
    distributed.share_tensors(list(net.buffers()))


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replaces every gradient by its sum over all processes.

    A parameter that has a gradient nowhere keeps none: to some optimisers none and zero are not the same.
    """
    if distributed.count() == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    used = distributed.largest([float(parameter.grad is not None) for parameter in trained])
    gradients = []
    for parameter, somewhere in zip(trained, used, strict=True):
        if somewhere:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
    distributed.sum_tensors(gradients)


def in_rounds(batches: Iterable[Batch], first: int, rounds: int) -> Iterator[tuple[int, Batch | None]]:
    """Batches with their number from ``first`` on; where others still have one and this process has none, None."""
    number = first - 1
    for number, batch in enumerate(batches, start=first):
        yield number, batch
    if distributed.count() > 1:
        for missing in range(number + 1, rounds + 1):
            yield missing, None


def merge_stats(stats: Mapping[str, LoaderStats | None]) -> None:
    """Gives every process the running averages of all of them."""
    if distributed.count() == 1:
        return
    own = {
        loader: {
            tag: (meter.sum, meter.count) for tag, meter in (tags or {}).items() if isinstance(meter, AverageMeter)
        }
        for loader, tags in stats.items()
    }
    everywhere = distributed.gathered(own)
    for loader, tags in stats.items():
        for tag, meter in (tags or {}).items():
            if isinstance(meter, AverageMeter):
                parts = [process[loader][tag] for process in everywhere if tag in process[loader]]
                meter.replace(sum(part[0] for part in parts), sum(part[1] for part in parts))


def keep_in_first(stats: Mapping[str, LoaderStats | None]) -> None:
    """After :func:`merge_stats` inside an epoch: what was put together counts once, in the first process."""
    if distributed.number() > 0:
        for _, meter in _averages(stats):
            meter.replace(0.0, 0)


def _averages(stats: Mapping[str, LoaderStats | None]) -> Iterator[tuple[tuple[str, str], AverageMeter]]:
    for loader, tags in stats.items():
        for tag, meter in (tags or {}).items():
            if isinstance(meter, AverageMeter):
                yield (loader, tag), meter
