"""Samplers: which image or burst of which data set becomes sample number i of an epoch.

A sampler is a map-style data set. All its draws, and those of the processing behind it, come from the key of the
sample (``utils.draws.SampleKey``), so a sample depends on nothing else. Besides the documented keys every item
carries ``sample``, a string that says where it comes from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch.utils.data

from admin.tensordict import TensorDict
from utils.draws import Draws, SampleKey

logger = logging.getLogger(__name__)

Processing = Callable[[TensorDict], TensorDict]

_ATTEMPTS_OF_FAIL_SAFE = 100


def no_processing(data: TensorDict) -> TensorDict:
    """Returns the sample as it is."""
    return data


class KeyedSampler(torch.utils.data.Dataset[TensorDict]):
    """Runs the processing of a sampler with the draws that belong to the sample."""

    processing: Processing

    def _processed(self, data: TensorDict, draws: Draws) -> TensorDict:
        """What the processing makes of the sample.

        Raises:
            ValueError: the processing cannot use the sample; names it.
        """
        sample = data["sample"]
        data["draws"] = draws
        try:
            data = self.processing(data)
        except ValueError as error:
            if type(error) is not ValueError:  # errors about files have types of their own, and name the file
                raise
            raise ValueError(f"{sample}: {error}") from error
        data.pop("draws", None)  # a processing that knows nothing of draws leaves them
        return data


class IndexedImage(KeyedSampler):
    """Image number ``index`` of one data set, for validation.

    Items: ``frame`` (uint8 HWC RGB), ``dataset`` (its name), ``sample``, and what the processing makes of them.
    """

    def __init__(self, dataset: Any, processing: Processing = no_processing) -> None:
        self.dataset = only_dataset(dataset)
        self.processing = processing

    def __len__(self) -> int:
        return int(self.dataset.get_num_images())

    def __getitem__(self, index: int) -> TensorDict:
        key = checked_key(index, len(self))
        return self._processed(_image_sample(self.dataset, int(key), key), key.draws())


class RandomImage(KeyedSampler):
    """A random image of one of several data sets; the index only says which draws are used.

    Args:
        datasets: image data sets.
        p_datasets: weight of each; they need not sum to one. None weighs by the number of images.
        samples_per_epoch: length.
        processing: called with the sample; its result is the item.
        fail_safe: try other images, up to 100, where one cannot be read or processed (``OSError``,
            ``ValueError``); every failure is logged.

    Items: as :class:`IndexedImage`.
    """

    def __init__(
        self,
        datasets: Sequence[Any],
        p_datasets: Sequence[float] | None,
        samples_per_epoch: int,
        processing: Processing = no_processing,
        fail_safe: bool = False,
    ) -> None:
        self.datasets = list(datasets)
        self.p_datasets = _weights(self.datasets, p_datasets, "get_num_images")
        self.samples_per_epoch = samples_per_epoch
        self.processing = processing
        self.fail_safe = fail_safe

    def __len__(self) -> int:
        return self.samples_per_epoch

    def __getitem__(self, index: int) -> TensorDict:
        key = SampleKey.of(index)
        draws = key.draws()
        if not self.fail_safe:
            return self._attempt(key, draws)
        for attempt in range(1, _ATTEMPTS_OF_FAIL_SAFE + 1):
            try:
                return self._attempt(key, draws)
            except (OSError, ValueError) as error:
                logger.warning("sample %s, attempt %d failed: %s", key, attempt, error)
                last = error
        raise RuntimeError(
            f"no usable image in {_ATTEMPTS_OF_FAIL_SAFE} attempts for sample {key}; the last failure was: {last}"
        ) from last

    def _attempt(self, key: SampleKey, draws: Draws) -> TensorDict:
        dataset = draws.choose(self.datasets, self.p_datasets)
        image_id = draws.integer(0, dataset.get_num_images() - 1)
        return self._processed(_image_sample(dataset, image_id, key), draws)


class IndexedBurst(KeyedSampler):
    """Burst number ``index`` of one data set, for validation.

    Args:
        dataset: burst data set, or a list of exactly one.
        burst_size: number of frames T.
        processing: called with the sample; its result is the item.
        random_reference_image: any frame may be the first; implies a random order.
        frame_order: ``natural`` takes frames 0, 1, 2, ... so that every run sees the same burst; ``random`` is the
            order of the original toolkits: frame 0, then others at random.

    Items: ``frames`` (list of raw images), ``gt``, ``dataset``, ``burst_name``, ``sig_shot`` and ``sig_read`` (None),
    ``meta_info``, ``sample``, and what the processing makes of them.
    """

    def __init__(
        self,
        dataset: Any,
        burst_size: int,
        processing: Processing = no_processing,
        random_reference_image: bool = False,
        frame_order: str = "natural",
    ) -> None:
        if frame_order not in ("natural", "random"):
            raise ValueError(f"frame_order={frame_order!r}: choose 'natural' or 'random'")
        self.dataset = only_dataset(dataset)
        self.burst_size = burst_size
        self.processing = processing
        self.random_reference_image = random_reference_image
        self.frame_order = "random" if random_reference_image else frame_order

    def __len__(self) -> int:
        return int(self.dataset.get_num_bursts())

    def __getitem__(self, index: int) -> TensorDict:
        key = checked_key(index, len(self))
        draws = key.draws()
        burst_id = int(key)
        count = _number_of_frames(self.dataset, burst_id, self.burst_size)
        if self.frame_order == "natural":
            frame_ids = natural_frame_ids(count, self.burst_size)
        else:
            frame_ids = random_frame_ids(count, self.burst_size, self.random_reference_image, draws)
        data = _burst_sample(self.dataset, burst_id, frame_ids, key, sig_shot=None, sig_read=None)
        return self._processed(data, draws)


class RandomBurst(KeyedSampler):
    """A random burst of one of several data sets; the index only says which draws are used.

    Args:
        datasets, p_datasets, samples_per_epoch: as for :class:`RandomImage`.
        burst_size: number of frames T.
        processing: called with the sample; its result is the item.
        random_reference_image: any frame may be the first; else frame 0 is.

    Items: as :class:`IndexedBurst`, without ``sig_shot`` and ``sig_read``.
    """

    def __init__(
        self,
        datasets: Sequence[Any],
        p_datasets: Sequence[float] | None,
        burst_size: int,
        samples_per_epoch: int,
        processing: Processing = no_processing,
        random_reference_image: bool = False,
    ) -> None:
        self.datasets = list(datasets)
        self.p_datasets = _weights(self.datasets, p_datasets, "get_num_bursts")
        self.burst_size = burst_size
        self.samples_per_epoch = samples_per_epoch
        self.processing = processing
        self.random_reference_image = random_reference_image

    def __len__(self) -> int:
        return self.samples_per_epoch

    def __getitem__(self, index: int) -> TensorDict:
        key = SampleKey.of(index)
        draws = key.draws()
        dataset = draws.choose(self.datasets, self.p_datasets)
        burst_id = draws.integer(0, dataset.get_num_bursts() - 1)
        count = _number_of_frames(dataset, burst_id, self.burst_size)
        frame_ids = random_frame_ids(count, self.burst_size, self.random_reference_image, draws)
        return self._processed(_burst_sample(dataset, burst_id, frame_ids, key), draws)


def natural_frame_ids(count: int, burst_size: int) -> list[int]:
    """0, 1, 2, ...; a burst of ``count`` frames that is too short goes on with 1, 2, ... again."""
    others = list(range(1, count))
    return [0, *(others * burst_size)[: burst_size - 1]]


def random_frame_ids(count: int, burst_size: int, random_reference_image: bool, draws: Draws) -> list[int]:
    """Frame 0 and then others drawn without replacement, or all drawn; a list that is too short is repeated."""
    first = [] if random_reference_image else [0]
    others = list(range(len(first), count))
    wanted = burst_size - len(first)
    if len(others) < wanted:
        others *= burst_size // len(others) + 1
    return first + draws.sample(others, wanted)


def only_dataset(dataset: Any) -> Any:
    """The data set itself where a list of one is given, as settings of the original toolkits do.

    Raises:
        ValueError: a list of none or of several.
    """
    if not isinstance(dataset, (list, tuple)):
        return dataset
    if len(dataset) != 1:
        raise ValueError(f"an indexed sampler walks through one data set, {len(dataset)} were given; use one for each")
    return dataset[0]


def _weights(datasets: list[Any], p_datasets: Sequence[float] | None, count: str) -> list[float]:
    weights = [float(getattr(dataset, count)()) for dataset in datasets] if p_datasets is None else list(p_datasets)
    if not datasets or len(weights) != len(datasets) or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(
            f"{len(datasets)} data sets with weights {weights}: give at least one data set, and one weight for each"
            " that is not negative, at least one of them positive"
        )
    return weights


def checked_key(index: int, length: int) -> SampleKey:
    """The key of a sample.

    Raises:
        IndexError: there is no such sample; plain iteration over a map-style data set ends at it.
    """
    if not 0 <= index < length:
        raise IndexError(f"sample {int(index)} of {length}")
    return SampleKey.of(index)


def _number_of_frames(dataset: Any, burst_id: int, burst_size: int) -> int:
    info = dataset.get_burst_info(burst_id)
    count = int(info["burst_size"])
    if count < min(burst_size, 2):
        name = info.get("burst_name", burst_id)
        raise ValueError(f"burst {name} of {dataset.get_name()} has {count} frames, burst_size={burst_size} needs more")
    return count


def _image_sample(dataset: Any, image_id: int, key: SampleKey) -> TensorDict:
    frame, _ = dataset.get_image(image_id)
    name = dataset.get_name()
    return TensorDict(frame=frame, dataset=name, sample=f"{name}, image {image_id} ({key})")


def _burst_sample(dataset: Any, burst_id: int, frame_ids: list[int], key: SampleKey, **extra: None) -> TensorDict:
    frames, gt, meta_info = dataset.get_burst(burst_id, frame_ids)
    name, burst_name = dataset.get_name(), meta_info["burst_name"]
    return TensorDict(
        frames=frames,
        gt=gt,
        dataset=name,
        burst_name=burst_name,
        **extra,
        meta_info=meta_info,
        sample=f"{name}, burst {burst_name}, frames {frame_ids} ({key})",
    )
