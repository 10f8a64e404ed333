"""Samplers of video clips: windows of frames around a centre frame, and how clips go on beyond their ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from admin.tensordict import TensorDict
from data.sampler import KeyedSampler, Processing, checked_key, no_processing, only_dataset
from utils.draws import Draws
from utils.suggestions import unknown_name_message


class CentreFrames(KeyedSampler):
    """Every frame of every clip once as the centre of a window of frames (Guo et al., CVPR 2022, training).

    A centre too near to an end of its clip for a whole window is drawn anew, uniformly. The original then still takes
    the ground truth of the first centre, a frame that has nothing to do with the window; here both move.

    Args:
        dataset: clips, or a list of exactly one data set.
        num_frames: frames T of a window, odd.
        intervals: distances between neighbouring frames, one of which is drawn.
        random_reverse: half of the windows backwards in time.
        repeat: how often an epoch shows everything.
        processing: called with the sample; its result is the item.

    Items: ``frames`` (list of T images), ``dataset`` (its name), ``clip_name``, ``frame_ids``, ``sample``, and what the
    processing makes of them.

    Raises:
        ValueError: an even number of frames, or no interval.
    """

    def __init__(
        self,
        dataset: Any,
        num_frames: int = 5,
        intervals: Sequence[int] = (1,),
        random_reverse: bool = False,
        repeat: int = 1,
        processing: Processing = no_processing,
    ) -> None:
        if num_frames < 1 or num_frames % 2 == 0 or not intervals or min(intervals) < 1 or repeat < 1:
            raise ValueError(
                f"num_frames={num_frames} must be odd, repeat={repeat} and all intervals={list(intervals)} at least 1"
            )
        self.dataset = only_dataset(dataset)
        self.num_frames, self.intervals, self.random_reverse = num_frames, list(intervals), random_reverse
        self.repeat, self.processing = repeat, processing
        self._ends: list[int] = list(accumulate(self.dataset.get_num_frames(i) for i in range(len(self.dataset))))

    def __len__(self) -> int:
        return self._ends[-1] * self.repeat

    def __getitem__(self, index: int) -> TensorDict:
        key = checked_key(index, len(self))
        draws = key.draws()
        clip_id, frame = place_of(int(key) % self._ends[-1], self._ends)
        info = self.dataset.get_clip_info(clip_id)
        frame_ids = self._draw_window(frame, info, draws)
        name = self.dataset.get_name()
        data = TensorDict(
            frames=self.dataset.get_frames(clip_id, frame_ids),
            dataset=name,
            clip_name=info["clip_name"],
            frame_ids=frame_ids,
            sample=f"{name}, clip {info['clip_name']}, frames {frame_ids} ({key})",
        )
        return self._processed(data, draws)

    def _draw_window(self, centre: int, info: dict[str, Any], draws: Draws) -> list[int]:
        interval = draws.choose(self.intervals)
        reach, last = self.num_frames // 2 * interval, info["num_frames"] - 1
        if last < 2 * reach:
            raise ValueError(
                f"clip {info['clip_name']} of {self.dataset.get_name()} has {last + 1} frames; {self.num_frames} frames"
                f" at intervals of {interval} need {2 * reach + 1}"
            )
        if not reach <= centre <= last - reach:
            centre = draws.integer(reach, last - reach)
        frame_ids = list(range(centre - reach, centre + reach + 1, interval))
        return frame_ids[::-1] if self.random_reverse and draws.chance(0.5) else frame_ids


def place_of(index: int, ends: Sequence[int]) -> tuple[int, int]:
    """(clip, frame) of frame ``index`` of all clips after each other; ``ends`` are the sums of their lengths."""
    clip = bisect_right(ends, index)
    return clip, index - (ends[clip - 1] if clip else 0)


def _new_info(i: int, centre: int, reach: int, last: int) -> int:
    if i < 0:
        return centre + reach - i
    return centre - reach - (i - last) if i > last else i


_PADDINGS: dict[str, Callable[[int, int, int, int], int]] = {
    "new_info": _new_info,
    "replicate": lambda i, centre, reach, last: min(max(i, 0), last),
    "reflection": lambda i, centre, reach, last: -i if i < 0 else (2 * last - i if i > last else i),
    "circle": lambda i, centre, reach, last: 2 * reach + 1 + i if i < 0 else (i - 2 * reach - 1 if i > last else i),
}


def window_around(centre: int, num_clip_frames: int, num_frames: int, padding: str = "new_info") -> list[int]:
    """The frames ``centre - num_frames // 2 ...`` of a clip, others in place of those beyond its ends.

    Args:
        centre: index of the middle frame.
        num_clip_frames: frames of the clip.
        num_frames: frames of the window, odd.
        padding: ``new_info``: frames further away on the other side; ``replicate``: the outermost frame;
            ``reflection``: mirrored; ``circle``: from the window's other end.

    Raises:
        ValueError: another padding, an even number of frames, or a clip too short for it.
    """
    if padding not in _PADDINGS:
        raise ValueError(unknown_name_message("temporal padding", padding, _PADDINGS))
    if num_frames % 2 == 0 or num_frames < 1:
        raise ValueError(f"a window of {num_frames} frames has no middle one; give an odd number")
    reach, last = num_frames // 2, num_clip_frames - 1
    wanted = range(centre - reach, centre + reach + 1)
    window = [_PADDINGS[padding](i, centre, reach, last) for i in wanted]
    if not all(0 <= i <= last for i in window):
        raise ValueError(
            f"a clip of {num_clip_frames} frames is too short for {num_frames} frames around frame {centre} with the"
            f" padding {padding!r}; take fewer frames, or the padding 'replicate'"
        )
    return window
