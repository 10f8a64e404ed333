"""Rectangles of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch

Image = TypeVar("Image", np.ndarray, torch.Tensor)
Size = int | Sequence[int]


class Box(NamedTuple):
    """A rectangle of whole pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, image: Image) -> Image:
        """A view of the box: of the first two axes of an array (HW or HWC), of the last two of a tensor."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        if isinstance(image, torch.Tensor):
            return image[..., rows, columns]
        return image[rows, columns]

    def clipped(self, height: int, width: int) -> Box:
        """The part of the box that lies inside an image of that size."""
        bottom, right = min(self.top + self.height, height), min(self.left + self.width, width)
        return Box(self.top, self.left, bottom - self.top, right - self.left)

    def mirrored(self, width: int) -> Box:
        """The box that shows the same pixels in the image mirrored left-right."""
        return self._replace(left=width - self.left - self.width)


def image_size(image: np.ndarray | torch.Tensor) -> tuple[int, int]:
    """(height, width) of an array (HW or HWC) or of a tensor (channels first)."""
    if isinstance(image, torch.Tensor):
        return int(image.shape[-2]), int(image.shape[-1])
    return int(image.shape[0]), int(image.shape[1])


def rows_and_columns(size: Size) -> tuple[int, int]:
    """A crop size as (rows, columns); one number means a square."""
    if isinstance(size, int):
        return size, size
    rows, columns = (int(value) for value in size)
    return rows, columns
