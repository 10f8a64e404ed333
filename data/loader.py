"""The data loader: torch's, with a name, an interval and reproducible samples."""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, NamedTuple

import torch
import torch.utils.data

from admin import distributed
from data.collate import collate, collate_stack1
from data.prefetch import finished
from data.replacement import ReplacingUnreadable
from utils.draws import Draws, SampleKey

logger = logging.getLogger(__name__)

__all__ = ["DataLoader", "collate", "collate_stack1"]


class DataLoader(torch.utils.data.DataLoader[Any]):
    """torch's data loader, whose batches depend only on (seed, epoch) and not on the number of workers.

    It hands ``SampleKey`` indices to the data set. A training epoch that is not announced by :meth:`start` is the
    one after the last; a loader that is not for training then shows the same samples again. Workers live as long
    as the loader. Of several processes that train together each gets its share, see :meth:`share`.

    Args:
        name: appears in logs and statistics.
        dataset: map-style data set, usually a sampler of ``data.sampler``.
        training: whether the trainer steps on these batches.
        batch_size: samples per batch.
        shuffle: permute the indices, differently in each epoch.
        sampler, batch_sampler: used instead of the indices in order; what they yield is made into keys. An own
            ``batch_sampler`` excludes ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``, as in torch.
        num_workers: processes that make samples.
        epoch_interval: the trainer runs the loader in every n-th epoch.
        collate_fn: instead of :func:`data.collate.collate`.
        stack_dim: 0, or 1 to have the batch behind the burst axis.
        pin_memory: return batches in pinned memory.
        drop_last: leave out an incomplete last batch.
        timeout, worker_init_fn: as in torch.
        device: where batches are rendered that the processing of ``dataset`` leaves to the loader
            (``render_on='device'``); others stay where they are. Such a loader pins its memory by itself.
    """

    def __init__(
        self,
        name: str,
        dataset: Any,
        training: bool = True,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        epoch_interval: int = 1,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        stack_dim: int = 0,
        pin_memory: bool = False,
        drop_last: bool = True,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if stack_dim not in (0, 1):
            raise ValueError(f"loader {name!r}: stack_dim={stack_dim}, it must be 0 or 1")
        if shuffle and (sampler is not None or batch_sampler is not None):
            raise ValueError(f"loader {name!r}: give either shuffle=True or an own sampler, not both")
        if sampler is not None and batch_sampler is not None:
            raise ValueError(f"loader {name!r}: give either a sampler or a batch_sampler, not both")
        if collate_fn is None:
            collate_fn = collate if stack_dim == 0 else collate_stack1
        if batch_sampler is not None:
            self._order = _KeyedOrder(batch_sampler, step=1, whole=False)
            selection: dict[str, Any] = {"batch_sampler": self._order}
        else:
            indices = sampler if sampler is not None else _Indices(dataset, shuffle)
            self._order = _KeyedOrder(indices, step=batch_size, whole=drop_last)
            selection = {"sampler": self._order, "batch_size": batch_size, "drop_last": drop_last}
        processing = getattr(dataset, "processing", None)
        self.rendering = processing if getattr(processing, "render_on", "worker") == "device" else None
        self.device = torch.device(device)
        if self.rendering is not None and stack_dim == 1:
            raise ValueError(f"loader {name!r}: batches that are rendered on the device have stack_dim=0")
        if self.rendering is not None and self.device.type == "cpu":
            logger.warning(
                "loader %r renders batches on the CPU, where render_on='worker' is several times faster", name
            )
        super().__init__(
            dataset,
            **selection,
            num_workers=num_workers,
            collate_fn=collate_fn,
            pin_memory=pin_memory or (self.rendering is not None and self.device.type == "cuda"),
            timeout=timeout,
            worker_init_fn=functools.partial(_start_worker, worker_init_fn),
            # Own generator: torch draws a number at each start, which must not disturb the global one.
            generator=torch.Generator(),
            persistent_workers=num_workers > 0,
        )
        self.share(distributed.number(), distributed.count())
        self.name = name
        self.training = training
        self.epoch_interval = epoch_interval
        self.stack_dim = stack_dim
        if isinstance(self._order.indices, Sized) and len(self) == 0:
            logger.warning(
                "loader %r has no batch: %d samples do not fill one of %s; lower batch_size or pass drop_last=False",
                name,
                len(self._order),
                batch_size,
            )

    def share(self, number: int, count: int) -> None:
        """Of ``count`` processes this one is ``number`` (from 0): together they see, round by round, what one process
        with ``count`` times the batch size would.

        ``len(loader)`` counts rounds, the same for all. Without ``drop_last`` the last round may be short: then some
        processes have fewer samples in it, or no batch.
        """
        self._order.number, self._order.count = number, count

    def __len__(self) -> int:
        return super().__len__() if self._order.count == 1 else self._order.rounds()

    def replace_unreadable(self) -> None:
        """From now on a sample that cannot be read is replaced, see :class:`data.replacement.ReplacingUnreadable`."""
        if not isinstance(self.dataset, ReplacingUnreadable):
            # torch forbids a new data set because a sampler may belong to the old one; this one has the same indices.
            object.__setattr__(self, "dataset", ReplacingUnreadable(self.dataset))

    def start(self, seed: int, epoch: int, first_batch: int = 0) -> None:
        """Says what the next iteration yields: the batches of that epoch from ``first_batch`` on."""
        if first_batch < 0 or (isinstance(self._order.indices, Sized) and first_batch > len(self)):
            raise ValueError(f"loader {self.name!r} has {len(self)} batches, there is no batch {first_batch}")
        self._order.upcoming = _Pass(seed, epoch, first_batch)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self._order.begin(then_next_epoch=self.training)
        batches = super().__iter__()
        return batches if self.rendering is None else finished(batches, self.rendering.render_batch, self.device)


class _Pass(NamedTuple):
    """Which epoch an iteration shows, and from which batch on."""

    seed: int
    epoch: int
    first_batch: int


class _KeyedOrder:
    """Turns the indices of a sampler, or the lists of a batch sampler, into sample keys."""

    def __init__(self, indices: Iterable[Any], step: int, whole: bool) -> None:
        self.indices = indices
        self.step = step  # number of entries of `indices` that make a batch
        self.whole = whole  # whether an incomplete last round is left out
        self.number, self.count = 0, 1  # which share of how many
        self.upcoming = self._current = _Pass(seed=0, epoch=0, first_batch=0)

    def rounds(self) -> int:
        """Batches of the process that has most of them."""
        entries, together = len(self), self.step * self.count
        return entries // together if self.whole else -(-entries // together)

    def begin(self, then_next_epoch: bool) -> None:
        """Fixes what the iteration that starts now shows; torch asks for its indices only later."""
        self._current = self.upcoming
        epoch = self._current.epoch + (1 if then_next_epoch else 0)
        self.upcoming = _Pass(self._current.seed, epoch, first_batch=0)

    def __len__(self) -> int:
        return len(self.indices)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        seed, epoch, first_batch = self._current
        if isinstance(self.indices, _Indices):
            entries: Iterable[Any] = self.indices.of_epoch(seed, epoch)
        else:
            if hasattr(self.indices, "set_epoch"):  # as torch's DistributedSampler
                self.indices.set_epoch(epoch)
            entries = self.indices
        keys = functools.partial(_keys, seed=seed, epoch=epoch)
        return map(keys, self._own(itertools.islice(entries, first_batch * self.step * self.count, None), first_batch))

    def _own(self, entries: Iterator[Any], first_batch: int) -> Iterator[Any]:
        """Of every round the batch of this process."""
        if self.count == 1:
            return entries
        if self.whole:
            entries = itertools.islice(entries, (self.rounds() - first_batch) * self.step * self.count)
        return (entry for place, entry in enumerate(entries) if place // self.step % self.count == self.number)


class _Indices:
    """All indices of a data set, in order or shuffled."""

    def __init__(self, dataset: Any, shuffle: bool) -> None:
        self.dataset = dataset
        self.shuffle = shuffle

    def __len__(self) -> int:
        return len(self.dataset)

    def of_epoch(self, seed: int, epoch: int) -> Iterable[int]:
        if not self.shuffle:
            return range(len(self))
        # The last number keeps this stream apart from those of the samples, whose keys have three.
        return Draws(seed, epoch, len(self), 1).permutation(len(self))

    def __iter__(self) -> Iterator[int]:
        return iter(self.of_epoch(seed=0, epoch=0))


def _keys(entry: Any, seed: int, epoch: int) -> Any:
    if isinstance(entry, (list, tuple)):
        return [SampleKey(int(index), seed, epoch) for index in entry]
    return SampleKey(int(entry), seed, epoch)


def _start_worker(then: Callable[[int], None] | None, worker_id: int) -> None:
    """Keeps each worker to one thread: the workers are the parallelism."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    if then is not None:
        then(worker_id)
