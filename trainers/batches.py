"""Batches as the trainer sees them: a mapping of tensors and whatever belongs to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.utils.data

from admin.settings import Settings
from trainers.seeding import seed_loader_start


def upcoming_batches(loader: Any, index: int, seed: int, epoch: int, first_batch: int = 0) -> Iterator[Any]:
    """The batches of an epoch from ``first_batch`` (from 0) on.

    A loader with ``start`` begins there; any other iterable is iterated as it is, and what was seen is skipped.

    Args:
        index: number of the loader among those of the run.
    """
    seed_loader_start(seed, index, epoch)
    if hasattr(loader, "start"):
        loader.start(seed, epoch, first_batch)
        return iter(loader)
    return itertools.islice(iter(loader), first_batch, None)


def replace_unreadable(loaders: Iterable[Any], settings: Settings) -> None:
    """Does what ``settings.unreadable_samples`` says with the loaders that are trained on; others always stop.

    Raises:
        ValueError: it says neither ``stop`` nor ``replace``; or a loader cannot replace samples.
    """
    if settings.unreadable_samples not in ("stop", "replace"):
        raise ValueError(f"unreadable_samples = {settings.unreadable_samples!r}: expected 'stop' or 'replace'")
    for loader in loaders:
        if loader.training and settings.unreadable_samples == "replace":
            if not hasattr(loader, "replace_unreadable"):
                raise ValueError(f"loader {loader.name!r} ({type(loader).__name__}) cannot replace unreadable samples")
            loader.replace_unreadable()


def drop_workers(loader: Any) -> None:
    """Lets the next pass over the loader start new worker processes.

    torch keeps persistent workers in ``_iterator`` and has no public way to replace them after one has died: every
    further pass would fail as the first did.
    """
    if isinstance(loader, torch.utils.data.DataLoader):
        loader._iterator = None


def to_device(value: Any, device: torch.device) -> Any:
    """The same on ``device``: tensors and what knows ``.to`` itself (TensorDict); plain dicts are followed."""
    if hasattr(value, "to"):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return value


class AsynchronousCopy:
    """Brings batches to a device; on a GPU while the step before is still computed.

    Copies go through pinned memory on a stream of their own, and only the GPU waits for them: the step that uses a
    batch comes after its copy.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, batch: Any) -> Any:
        """The same batch on the device."""
        if self._stream is None:
            return to_device(batch, self._device)
        with torch.cuda.stream(self._stream):
            batch = to_device(_each_tensor(batch, _pinned), self._device)
        computing = torch.cuda.current_stream(self._device)
        computing.wait_stream(self._stream)

        def in_use(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.is_cuda:
                tensor.record_stream(computing)  # its memory is not given to the next copy before the step is done
            return tensor

        return _each_tensor(batch, in_use)


def _pinned(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.is_cuda or tensor.is_pinned() else tensor.pin_memory()


def _each_tensor(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The same structure of dicts with every tensor changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return type(value)((key, _each_tensor(item, change)) for key, item in value.items())
    return value


def sample_names(batch: Mapping[str, Any]) -> list[str]:
    """What identifies the samples (``batch['sample']``); empty if the batch does not say."""
    names = batch.get("sample")
    if isinstance(names, (list, tuple)):
        return [str(name) for name in names]
    return [] if names is None else [str(names)]


def batch_size(batch: Mapping[str, Any], otherwise: int) -> int:
    """Number of samples: as many as are named, else ``otherwise``."""
    return len(sample_names(batch)) or int(otherwise)
