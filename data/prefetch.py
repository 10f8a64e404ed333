"""What happens to a batch between the workers and the training: it moves to the device, and is rendered there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

Finish = Callable[[Any, torch.device], Any]


def finished(batches: Iterable[Any], finish: Finish, device: torch.device) -> Iterator[Any]:
    """``finish(batch, device)`` of every batch.

    On a GPU that happens on a stream of its own, one batch ahead: batches in pinned memory are copied and rendered
    while the training works on the batch before.
    """
    if device.type == "cuda":
        return _one_ahead(batches, finish, device)
    return (finish(batch, device) for batch in batches)


def _one_ahead(batches: Iterable[Any], finish: Finish, device: torch.device) -> Iterator[Any]:
    side, waiting = torch.cuda.Stream(device), None
    for batch in batches:
        with torch.cuda.device(device), torch.cuda.stream(side):
            ready = finish(batch, device)
            done = side.record_event()
        if waiting is not None:
            yield _taken_over(*waiting, device)
        waiting = ready, done
    if waiting is not None:
        yield _taken_over(*waiting, device)


def _taken_over(batch: Any, done: torch.cuda.Event, device: torch.device) -> Any:
    """The batch, usable on the stream of the caller, which waits on the device and not on the processor."""
    caller = torch.cuda.current_stream(device)
    caller.wait_event(done)
    _record(batch, caller)
    return batch


def _record(value: Any, stream: torch.cuda.Stream) -> None:
    """Keeps the memory of what lies on the GPU from being used anew before ``stream`` is done with it."""
    if isinstance(value, torch.Tensor):
        if value.is_cuda:
            value.record_stream(stream)
    elif isinstance(value, dict):
        for item in value.values():
            _record(item, stream)
