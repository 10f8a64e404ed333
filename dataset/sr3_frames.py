"""Frames of videos in the published layout of SR3 for several frames: folders of pictures, or a key-value store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from admin.data_locations import MissingDataSet
from dataset.sr3_stores import FrameStore, open_store
from utils.image_io import PathLike, UnreadableImage

logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8]


class FrameNames(NamedTuple):
    """Names of the chosen frames of a video in its three sizes; ``lr`` is empty where nobody wants it."""

    video: str
    hr: Sequence[str]
    sr: Sequence[str]
    lr: Sequence[str]


class LRHRFramesDataset(torch.utils.data.Dataset[dict[str, Any] | None]):
    """Clips of n frames in low and high resolution, one for each video.

    Layout: ``<size>/<video>/<frame>.png`` with the sizes ``hr_<r>``, ``sr_<l>_<r>`` (enlarged) and ``lr_<l>``, as
    ``util_scripts/prepare_frames.py`` writes it. Frames are sorted by name.

    Items: ``HR`` [3, r, r] the middle frame, ``SR`` [3 n, r, r] the enlarged frames one after the other, ``LR``
    [3 n, l, l] if wanted, all float32 RGB in -1..1; ``Index``; ``sample``, which names the video. None where a picture
    cannot be read: ``data.sr3_processing.collate_present`` leaves it out.

    Args:
        dataroot: the folder, or the folder of the store.
        l_resolution, r_resolution: sides of the pictures.
        split: only says what the data set is for.
        data_len: number of videos, all if not positive.
        need_LR: whether items have ``LR``.
        n_frames: frames of a clip, odd. Of a longer video the middle ones are taken; shorter ones are left out.
        datatype: ``img`` or ``lmdb``.
        legacy_listing: list the last video also as first item, as the original did.

    Raises:
        MissingDataSet: the folder is not there, or holds no video with enough frames.
        ValueError: an even number of frames, or another ``datatype``.
    """

    def __init__(
        self,
        dataroot: PathLike,
        l_resolution: int = 64,
        r_resolution: int = 512,
        split: str = "train",
        data_len: int = -1,
        need_LR: bool = False,  # noqa: N803 - the published name
        n_frames: int = 3,
        datatype: str = "img",
        legacy_listing: bool = False,
    ) -> None:
        if n_frames < 1 or n_frames % 2 == 0:
            raise ValueError(f"n_frames = {n_frames}: the middle frame is restored, so their number must be odd")
        self.dataroot, self.split, self.need_LR, self.n_frames = Path(dataroot), split, need_LR, n_frames
        self._folders = {"hr": f"hr_{r_resolution}", "sr": f"sr_{l_resolution}_{r_resolution}"}
        if need_LR:
            self._folders["lr"] = f"lr_{l_resolution}"
        self._store: FrameStore = open_store(datatype, self.dataroot)
        videos = self._videos()
        if legacy_listing and videos:
            videos = [videos[-1], *videos]
        self.videos = videos[:data_len] if data_len > 0 else videos
        if not self.videos:
            raise MissingDataSet(
                f"{self.dataroot} holds no video with {n_frames} frames in {' and '.join(self._folders.values())}. "
                "Make it from videos or their frames: python util_scripts/prepare_frames.py --frames_path FRAMES"
            )

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> dict[str, Any] | None:
        try:
            item: dict[str, Any] = self._tensors(self.videos[index])
        except UnreadableImage as error:
            logger.warning("video %s is left out: %s", self.videos[index].video, error)
            return None
        return {**item, "Index": int(index), "sample": f"{self.dataroot.name}, video {self.videos[index].video}"}

    def read(self, size: str, video: str, name: str) -> Picture:
        """One picture, uint8 [H, W, 3]; ``size`` is hr, sr or lr."""
        return self._store.read(self._folders[size], video, name)

    def _tensors(self, video: FrameNames) -> dict[str, torch.Tensor]:
        middle = video.hr[self.n_frames // 2]
        tensors = {"HR": self._tensor("hr", video.video, [middle]), "SR": self._tensor("sr", video.video, video.sr)}
        if self.need_LR:
            tensors["LR"] = self._tensor("lr", video.video, video.lr)
        return tensors

    def _tensor(self, size: str, video: str, names: Sequence[str]) -> torch.Tensor:
        frames = np.concatenate([self.read(size, video, name).transpose(2, 0, 1) for name in names])
        return torch.from_numpy(frames).float() / 255 * 2 - 1

    def _videos(self) -> list[FrameNames]:
        found = {size: self._store.listing(folder) for size, folder in self._folders.items()}
        result, short = [], []
        for video in sorted(found["sr"]):
            names = {size: listing.get(video, []) for size, listing in found.items()}
            if min(map(len, names.values())) < self.n_frames:
                short.append(video)
                continue
            chosen = {size: self._middle(frames) for size, frames in names.items()}
            result.append(FrameNames(video, chosen["hr"], chosen["sr"], chosen.get("lr", [])))
        if short:
            listed = ", ".join(short[:5]) + (f" and {len(short) - 5} more" if len(short) > 5 else "")
            logger.warning(
                "%s: %d videos have fewer than %d frames and are left out: %s",
                self.dataroot,
                len(short),
                self.n_frames,
                listed,
            )
        return result

    def _middle(self, names: Sequence[str]) -> Sequence[str]:
        first = len(names) // 2 - self.n_frames // 2
        return names[first : first + self.n_frames]
