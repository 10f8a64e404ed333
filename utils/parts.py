"""Rectangular parts of an image, and how an image is cut into overlapping ones that join without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """Rows `top` to `bottom` and columns `left` to `right` of an image, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def enlarged(self, scale: int) -> Part:
        """The same part of an image that is `scale` times as large."""
        return Part(self.top * scale, self.bottom * scale, self.left * scale, self.right * scale)


@dataclass(frozen=True)
class Cutting:
    """How an image is cut along both axes.

    Every part is a core of `core` pixels and `margin` pixels around it, as far as the image goes. The outer three
    quarters of a margin, which know least of what is beyond it, do not count at all; over the inner quarter and as much
    of the core the part fades in while its neighbour fades out.

    Attributes:
        core: distance of neighbouring parts in pixels.
        margin: pixels around; 0 for parts that need no joining. A multiple of 4, at most half of the core.
    """

    core: int
    margin: int = 0

    def __post_init__(self) -> None:
        if self.core < 1 or self.margin < 0 or self.margin % 4 or 2 * self.margin > self.core:
            raise ValueError(f"parts of {self.core} pixels cannot have margins of {self.margin}")

    def parts(self, size: tuple[int, int]) -> Iterator[Part]:
        """The parts of an image of `size` (height, width), row by row; all but the last of an axis start evenly."""
        for top, bottom in self._spans(size[0]):
            for left, right in self._spans(size[1]):
                yield Part(top, bottom, left, right)

    def _spans(self, length: int) -> list[tuple[int, int]]:
        starts = range(0, max(length - self.core // 2, 1), self.core)
        ends = [*starts[1:], length]
        return [
            (max(start - self.margin, 0), min(end + self.margin, length))
            for start, end in zip(starts, ends, strict=True)
        ]

    def weights(self, part: Part, size: tuple[int, int], scale: int = 1) -> NDArray[np.float32]:
        """[S h, S w] of a part of an image of `size`; the weights of all parts add up to 1 at every pixel."""
        rows = self._ramps(part.top, part.bottom, size[0], scale)
        columns = self._ramps(part.left, part.right, size[1], scale)
        return np.asarray(np.outer(rows, columns), np.float32)

    def _ramps(self, start: int, end: int, length: int, scale: int) -> NDArray[np.float32]:
        """Weight of every pixel along an axis: up over half a margin at an inner end, and down at the other."""
        place = (np.arange(scale * (end - start)) + 0.5) / scale
        weight = np.ones(len(place), np.float32)
        if not self.margin:
            return weight
        without, ramp = 0.75 * self.margin, 0.5 * self.margin
        if start > 0:
            weight *= np.clip((place - without) / ramp, 0, 1)
        if end < length:
            weight *= np.clip((end - start - place - without) / ramp, 0, 1)
        return weight
