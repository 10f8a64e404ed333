"""What every data set of RAW bursts offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from utils.image_io import PathLike


class BaseRawBurstDataset(ABC):
    """Bursts of RAW frames on disk, mostly one folder each, with a better image of the same scene.

    A subclass fills ``burst_list`` and reads bursts.

    Args:
        name: name of the data set, as ``get_name()`` hands it out.
        root: folder of the data set.
    """

    def __init__(self, name: str, root: PathLike) -> None:
        self.name = name
        self.root = Path(root)
        self.burst_list: list[str] = []

    def __len__(self) -> int:
        return self.get_num_bursts()

    def get_num_bursts(self) -> int:
        return len(self.burst_list)

    def get_name(self) -> str:
        return self.name

    def get_scene(self, burst_id: int) -> str | None:
        """The scene a burst shows, where it is known: bursts of one scene are not independent."""
        return None

    @abstractmethod
    def get_burst_info(self, burst_id: int) -> dict[str, Any]:
        """``burst_size`` (number of frames), ``burst_name`` and whatever else is known about a burst."""

    @abstractmethod
    def get_burst(
        self, burst_id: int, im_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> tuple[list[Any], Any, dict[str, Any]]:
        """The frames ``im_ids`` of a burst in that order, the ground truth, and info (``info`` if given)."""
