"""Which clip becomes which SR3 sample, where clips are made and not read from prepared pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from admin.tensordict import TensorDict
from data.sampler import KeyedSampler, Processing
from utils.draws import Draws, SampleKey


class RandomClips(KeyedSampler):
    """A random clip of a data set of clips, all of its frames; the index only says which draws are used.

    Args:
        dataset: clips of equal length, e.g. ``dataset.SampleClips``.
        samples_per_epoch: length.
        processing: gets ``frames`` (uint8 [T, H, W, 3] RGB) and ``clip_name``; its result is the item.
    """

    def __init__(self, dataset: Any, samples_per_epoch: int, processing: Processing) -> None:
        self.dataset, self.samples_per_epoch, self.processing = dataset, samples_per_epoch, processing

    def __len__(self) -> int:
        return self.samples_per_epoch

    def __getitem__(self, index: int) -> TensorDict:
        key = SampleKey.of(index)
        draws = key.draws()
        return self._processed(clip_sample(self.dataset, draws.integer(0, len(self.dataset) - 1), key), draws)


def clip_sample(dataset: Any, clip_id: int, key: SampleKey) -> TensorDict:
    """All frames of a clip, uint8 [T, H, W, 3], with its name and what identifies the sample."""
    name = dataset.get_clip_info(clip_id)["clip_name"]
    frames = dataset.get_frames(clip_id, range(dataset.get_num_frames(clip_id)))
    pictures = np.stack([_picture(frame) for frame in frames])
    return TensorDict(frames=pictures, clip_name=name, sample=f"{dataset.get_name()}, clip {name} ({key})")


def _picture(frame: torch.Tensor | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame as uint8 [H, W, 3]; tensors are [3, H, W] in 0..1."""
    if isinstance(frame, torch.Tensor):
        return np.asarray((frame.permute(1, 2, 0) * 255).round().clamp(0, 255).to(torch.uint8).numpy())
    return frame


class ShuffledPasses(torch.utils.data.Dataset[Any]):
    """Every item of a data set once, in random order, then all again in another order, cut into epochs of any length.

    Args:
        dataset: map-style.
        samples_per_epoch: length; the next epoch goes on where this one ends.
        shuffle: False keeps the order of the data set.
    """

    def __init__(self, dataset: Any, samples_per_epoch: int, shuffle: bool = True) -> None:
        self.dataset, self.samples_per_epoch, self.shuffle = dataset, samples_per_epoch, shuffle
        self._order: tuple[tuple[int, int], list[int]] = ((-1, -1), [])

    def __len__(self) -> int:
        return self.samples_per_epoch

    def __getitem__(self, index: int) -> Any:
        key = SampleKey.of(index)
        number, place = divmod(key.epoch * self.samples_per_epoch + int(key), len(self.dataset))
        return self.dataset[self._order_of(key.seed, number)[place] if self.shuffle else place]

    def _order_of(self, seed: int, number: int) -> list[int]:
        if self._order[0] != (seed, number):
            self._order = (seed, number), Draws(seed, number, len(self.dataset), 1).permutation(len(self.dataset))
        return self._order[1]
