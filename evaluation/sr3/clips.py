"""Test clips of SR3: made from the held-out bundled photographs, or prepared frames of videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from admin.data_locations import data_folder
from data.sr3_clips import clip_sample
from data.sr3_processing import SR3Processing
from dataset.sample_clips import SampleClips
from dataset.sr3_frames import LRHRFramesDataset
from models.sr3.diffusion import middle_frames
from utils.draws import SampleKey

Entry = tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]

LOW, HIGH = 8, 32
NUM_FRAMES = 3
SIZE = 64  # of the frames that are made smaller, so motion is a fraction of a pixel of the result
SPEED = (0.5, 4.0)  # pixels of those frames
CLIPS = 48


class PhotoClips(Sequence[Entry]):
    """The first clips of the held-out photographs, 8 to 32 pixels; always the same ones, without a download."""

    def __init__(self) -> None:
        self._clips = SampleClips("heldout", NUM_FRAMES, SIZE, SPEED, num_objects=1)
        self._processing = SR3Processing(LOW, HIGH, turns=False)

    def __len__(self) -> int:
        return CLIPS

    def __getitem__(self, index: Any) -> Any:
        """`(frames [3, 3, 32, 32], ground truth [3, 32, 32], info)`, RGB 0..1; `info` has `burst_name` and `scene`."""
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        name = self._clips.get_clip_info(index)["clip_name"]
        sample = self._processing(clip_sample(self._clips, index, SampleKey(index)))
        return _entry(sample, name, self._clips.get_scene(index))


class PreparedVideos(Sequence[Entry]):
    """Clips of prepared frames, 16 to 128 pixels or what the folder has.

    Args:
        folder: below `sr3_frames_dir`, e.g. `celebvhq_3_frames_0.5_seconds_16_128_val`.
        low, high: sides of the pictures.
        videos: the first so many; all if not positive.
    """

    def __init__(self, folder: str, low: int, high: int, videos: int = -1) -> None:
        root = data_folder("sr3_frames_dir") / folder
        self._data = LRHRFramesDataset(root, low, high, "val", videos, n_frames=NUM_FRAMES)

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: Any) -> Any:
        """As `PhotoClips`.

        Raises:
            ValueError: a picture cannot be read (the log names it): a score over other videos could not be compared.
        """
        sample = self._data[index]
        video = self._data.videos[index].video
        if sample is None:
            raise ValueError(f"video {video} of {self._data.dataroot} cannot be read; prepare its frames again")
        return _entry(sample, video, video)


class FewerFrames(Sequence[Entry]):
    """Clips of which a network sees only the middle frames, to measure what the others are worth.

    Args:
        clips: all frames.
        frames: odd number; a network that takes more gets the outermost of them repeated.
    """

    def __init__(self, clips: Sequence[Entry], frames: int) -> None:
        if frames < 1 or frames % 2 == 0:
            raise ValueError(f"frames = {frames}: the middle frame is restored, so their number must be odd")
        self._clips, self._frames = clips, frames

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: Any) -> Any:
        """As `PhotoClips`, with fewer frames."""
        frames, truth, info = self._clips[index]
        if self._frames > len(frames):
            raise ValueError(f"clip {info['burst_name']} has {len(frames)} frames, {self._frames} are asked for")
        return frames[middle_frames(len(frames), self._frames)], truth, info


def _entry(sample: Mapping[str, Any], name: str, scene: str) -> Entry:
    frames = (sample["SR"].unflatten(0, (-1, 3)) + 1) / 2
    return frames, (sample["HR"] + 1) / 2, {"burst_name": name, "scene": scene}
