"""Videos as folders of extracted frames or as video files, and which of their frames make a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.base_image_dataset import visible_entries
from dataset.sr3_stores import is_picture
from utils.image_io import read_image

Picture = NDArray[np.uint8]


class UnreadableVideo(ValueError):
    """A video cannot be read or is too short; names it."""


class Video(Protocol):
    """One video; ``name`` is that of its folder, or of its file without the ending."""

    @property
    def name(self) -> str: ...

    def clip(self, n_frames: int, interval: float, fps: float | None) -> Sequence[str]:
        """Names of the frames (such as files have) of a clip from the middle.

        Raises:
            UnreadableVideo: it is too short or cannot be opened.
        """
        ...

    def read(self, names: Sequence[str]) -> list[Picture]:
        """Those frames, uint8 [H, W, 3] RGB.

        Raises:
            UnreadableVideo, UnreadableImage: one cannot be read.
        """
        ...


@dataclass(frozen=True)
class VideoFolder:
    """A folder of extracted frames, in the order of their names."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def clip(self, n_frames: int, interval: float, fps: float | None) -> Sequence[str]:
        """Without ``fps`` neighbouring files are one interval apart."""
        names = [path.name for path in visible_entries(self.path) if is_picture(path)]
        stride = 1 if fps is None else stride_of(interval, fps)
        chosen = [names[index] for index in middle_clip(len(names), n_frames, stride, self.name)]
        stems = {name.partition(".")[0] for name in chosen}
        if len(stems) < len(chosen):
            raise UnreadableVideo(
                f"{self.path}: frames are named by what stands before the first dot, and {', '.join(chosen)} have "
                "the same name there; rename them"
            )
        return chosen

    def read(self, names: Sequence[str]) -> list[Picture]:
        return [read_image(self.path / name) for name in names]


@dataclass(frozen=True)
class VideoFile:
    """A video file, decoded by OpenCV; its frames are named by their number."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    def clip(self, n_frames: int, interval: float, fps: float | None) -> Sequence[str]:
        """``fps`` overrides the rate that the file states."""
        import cv2

        video = self._opened()
        rate = fps or float(video.get(cv2.CAP_PROP_FPS))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        if rate <= 0:
            raise UnreadableVideo(f"{self.path} does not state its frame rate; give it with --fps")
        return [f"{index}.png" for index in middle_clip(count, n_frames, stride_of(interval, rate), self.name)]

    def read(self, names: Sequence[str]) -> list[Picture]:
        import cv2

        video, wanted = self._opened(), [int(Path(name).stem) for name in names]
        frames = []
        # Read from the start: to jump to a frame is inexact with most codecs.
        for index in range(max(wanted) + 1):
            decoded, image = (video.grab(), None) if index not in wanted else video.read()
            if not decoded:
                raise UnreadableVideo(f"{self.path} ends at frame {index}, expected more than {max(wanted)}")
            if image is not None:
                frames.append(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8))
        video.release()
        return frames

    def _opened(self) -> Any:
        import cv2

        video = cv2.VideoCapture(str(self.path))
        if not video.isOpened():
            raise UnreadableVideo(f"{self.path} cannot be decoded as a video")
        return video


def find_videos(folder: Path) -> list[Video]:
    """All videos in a folder, by name: every sub-folder, and every file that is no hidden one.

    Raises:
        FileNotFoundError: there is no such folder, or nothing in it.
        ValueError: two videos have the same name.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; --frames_path names one with a sub-folder per video")
    entries = visible_entries(folder)
    videos: list[Video] = [VideoFolder(path) if path.is_dir() else VideoFile(path) for path in entries]
    if not videos:
        raise FileNotFoundError(f"{folder} is empty: expected a sub-folder of frames, or a file, for each video")
    names = [video.name for video in videos]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{folder} has two videos named {twice[0]}; rename one of them")
    return videos


def stride_of(interval: float, fps: float) -> int:
    """Frames from one chosen frame to the next, at least 1."""
    return max(1, round(interval * fps))


def middle_clip(available: int, n_frames: int, stride: int, video: str) -> range:
    """Indices of ``n_frames`` frames, ``stride`` apart, around the middle one.

    Raises:
        UnreadableVideo: there are too few.
    """
    span = (n_frames - 1) * stride + 1
    if available < span:
        raise UnreadableVideo(
            f"{video} has {available} frames; {n_frames} frames, {stride} apart, need {span}. "
            "Lower --interval or --n_frames, or check --fps"
        )
    first = available // 2 - n_frames // 2 * stride
    return range(first, first + span, stride)
