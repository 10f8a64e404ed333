"""Training samples of SR3 from clips, and batches of SR3 samples."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from admin.tensordict import TensorDict
from data.base_processing import BaseProcessing, take_draws
from data.boxes import Box
from data.collate import collate
from data.sr3_resizing import Filter, prepared_frame
from utils.draws import Draws

logger = logging.getLogger(__name__)


class SR3Params(NamedTuple):
    """What is random about a sample: the part of the frames, and how it is turned."""

    box: Box
    mirrored: bool
    upside_down: bool
    transposed: bool


class SR3Processing(BaseProcessing):
    """A square part of all frames of a clip, in low and in high resolution (``data.sr3_resizing``).

    Items: ``SR`` [3 T, high, high], the enlarged frames one after the other; ``HR`` [3, high, high], the middle frame;
    both float32 RGB in -1..1 of 8-bit values; and what else was in the sample.

    Args:
        low, high: sides of the pictures, e.g. 16 and 128.
        crop: least and largest side of the part of the clip; None takes whole frames (their middle square).
        turns: mirror and transpose the part at random, all frames alike.
        resample: filter.
    """

    def __init__(
        self,
        low: int,
        high: int,
        crop: tuple[int, int] | None = None,
        turns: bool = True,
        resample: Filter = "bicubic",
    ) -> None:
        super().__init__(transform=None)
        if not 0 < low <= high:
            raise ValueError(f"low = {low}, high = {high}: the sizes of the pictures must be positive and growing")
        self.low, self.high, self.crop, self.turns, self.resample = low, high, crop, turns, resample

    def draw(self, shape: Sequence[int], draws: Draws | None = None) -> SR3Params:
        """Parameters for a clip whose frames have ``shape`` (height, width).

        Raises:
            ValueError: the frames are smaller than the part.
        """
        draws = draws or Draws()
        height, width = shape
        box = Box(0, 0, height, width)
        if self.crop is not None:
            least, largest = self.crop
            if least > min(height, width):
                raise ValueError(f"frames of {height} x {width} pixels, crop = {self.crop} needs larger ones")
            side = draws.integer(least, min(largest, height, width))
            box = Box(draws.integer(0, height - side), draws.integer(0, width - side), side, side)
        turn = [self.turns and draws.chance(0.5) for _ in range(3)]
        return SR3Params(box, *turn)

    def render(self, frames: NDArray[np.uint8], params: SR3Params) -> dict[str, torch.Tensor]:
        """``SR`` and ``HR`` of frames uint8 [T, H, W, 3]."""
        prepared = [
            prepared_frame(self._turned(params.box.cut(frame), params), self.low, self.high, self.resample)
            for frame in frames
        ]
        enlarged = torch.cat([to_model_range(frame.sr) for frame in prepared])
        return {"SR": enlarged, "HR": to_model_range(prepared[len(prepared) // 2].hr)}

    def __call__(self, data: TensorDict) -> TensorDict:
        """Replaces ``frames``, uint8 [T, H, W, 3] RGB."""
        draws = take_draws(data)
        frames = data.pop("frames")
        data.update(self.render(frames, self.draw(frames.shape[1:3], draws)))
        return data

    @staticmethod
    def _turned(frame: NDArray[np.uint8], params: SR3Params) -> NDArray[np.uint8]:
        frame = frame[:, ::-1] if params.mirrored else frame
        frame = frame[::-1] if params.upside_down else frame
        return np.ascontiguousarray(frame.transpose(1, 0, 2) if params.transposed else frame)


def to_model_range(image: NDArray[np.uint8]) -> torch.Tensor:
    """A picture uint8 [H, W, 3] as float32 [3, H, W] in -1..1."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).contiguous().float() / 255 * 2 - 1


def collate_present(samples: Sequence[Any]) -> Any:
    """A batch of the samples that are there; None stands for one whose frames could not be read.

    Raises:
        ValueError: none is there.
    """
    present = [sample for sample in samples if sample is not None]
    if not present:
        raise ValueError(f"none of the {len(samples)} videos of this batch could be read; see the log for their names")
    return collate(present)
