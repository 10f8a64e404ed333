"""Which clip becomes which SR3 sample, where clips are made and not read from prepared pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from admin.tensordict import TensorDict
from data.sampler import KeyedSampler, Processing
from utils.draws import SampleKey


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
