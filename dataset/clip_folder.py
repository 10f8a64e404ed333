"""Folders of frames as clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_clip_dataset import BaseClipDataset
from dataset.base_image_dataset import ImageLoader, folder_entries, image_files
from utils.image_io import PathLike, UnreadableImage, read_image


class ClipFolder(BaseClipDataset):
    """``<root>/<clip>/<frame>.png``, or the frames of a single clip directly in ``root``; any image format.

    Clips and frames are sorted by name.

    Args:
        root: the folder; None takes the place that the environment names for ``key``.
        key: of ``admin.data_locations.LOCATIONS``, for errors and where ``root`` is None.
        name: of the data set; that of the folder if None.
        image_loader: path → uint8 [H, W, 3] RGB array.

    Raises:
        MissingDataSet: the folder is not set, not there, not readable or holds no frames.
    """

    def __init__(
        self,
        root: PathLike | None,
        key: str = "imagefolder_dir",
        name: str | None = None,
        image_loader: ImageLoader = read_image,
    ) -> None:
        self.root = data_folder(key, root)
        super().__init__(name or self.root.name)
        self._folders = clip_folders(self.root, key)
        self._read = image_loader
        self.clip_list = sorted(self._folders)
        self._frames = {clip: image_files(folder, key) for clip, folder in self._folders.items()}

    def get_num_frames(self, clip_id: int) -> int:
        return len(self._frames[self.clip_list[clip_id]])

    def frame_paths(self, clip_id: int) -> list[Path]:
        """The files of a clip in their order."""
        clip = self.clip_list[clip_id]
        return [self._folders[clip] / frame for frame in self._frames[clip]]

    def get_frames(self, clip_id: int, frame_ids: Sequence[int]) -> list[NDArray[np.uint8]]:
        """As in the base class.

        Raises:
            UnreadableImage: a file cannot be read, or has another size than the first one.
        """
        paths = self.frame_paths(clip_id)
        frames = [self._read(paths[i]) for i in frame_ids]
        for i, frame in zip(frame_ids, frames, strict=True):
            if frame.shape != frames[0].shape:
                raise UnreadableImage(
                    f"{paths[i]} has {frame.shape[0]} x {frame.shape[1]} pixels, {paths[frame_ids[0]]} of the same"
                    f" clip {frames[0].shape[0]} x {frames[0].shape[1]}"
                )
        return frames


def clip_folders(root: Path, key: str) -> dict[str, Path]:
    """Clip → its folder; ``root`` itself where it holds no folders.

    Raises:
        MissingDataSet: there is nothing.
    """
    names = [name for name in folder_entries(root, key) if (root / name).is_dir()]
    if names:
        return {name: root / name for name in names}
    if not folder_entries(root, key):
        raise MissingDataSet(f"The folder {root} is empty.\n{how_to_get(key)}")
    return {root.resolve().name: root}
