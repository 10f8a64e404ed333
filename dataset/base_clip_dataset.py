"""What every data set of video clips offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

Image = Any  # uint8 array [H, W, 3] RGB in 0..255, or float32 tensor [3, H, W] RGB in 0..1


class BaseClipDataset(ABC):
    """Clips of frames of one size, in the order of time.

    A subclass fills ``clip_list`` with names, counts frames and reads them.

    Args:
        name: name of the data set, as ``get_name()`` hands it out.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.clip_list: Sequence[str] = []

    def __len__(self) -> int:
        return self.get_num_clips()

    def get_num_clips(self) -> int:
        return len(self.clip_list)

    def get_name(self) -> str:
        return self.name

    def get_clip_info(self, clip_id: int) -> dict[str, Any]:
        """``clip_name``, ``num_frames`` and, where it is known, ``scene``."""
        return {"clip_name": self.clip_list[clip_id], "num_frames": self.get_num_frames(clip_id)}

    @abstractmethod
    def get_num_frames(self, clip_id: int) -> int:
        """How many frames a clip has."""

    @abstractmethod
    def get_frames(self, clip_id: int, frame_ids: Sequence[int]) -> list[Image]:
        """The frames ``frame_ids`` (0 is the first one) of a clip, in that order.

        uint8 arrays [H, W, 3] in 0..255 where they come from files, float32 tensors [3, H, W] in 0..1 where they are
        made; RGB, display gamma.
        """
