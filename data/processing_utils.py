"""Crops: the draw (a box) apart from the cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np
import torch
import torch.nn.functional as F

from data.boxes import Box, Size, image_size, rows_and_columns
from utils.draws import Draws

Range = Sequence[float]


def draw_resized_crop(
    shape: tuple[int, int],
    crop_sz: Size,
    draws: Draws,
    scale_range: Range | None = None,
    ar_range: Range | None = None,
) -> Box:
    """The box that a crop of random scale and aspect ratio is cut from.

    Args:
        shape: (height, width) of the image.
        crop_sz: (rows, columns) of the crop after resizing; one number means a square.
        draws: source of randomness.
        scale_range: range of the side of the box over that of the crop. Where the image is too small for the upper
            end, the largest scale that fits replaces it.
        ar_range: range by which the width of the box is stretched against its height.

    Returns:
        A box within the image, at least one pixel high and wide. An image smaller than the crop gives the largest box
        of the right aspect.
    """
    rows, columns = rows_and_columns(crop_sz)
    # float32 as in the published pipeline: it decides which whole number a side is rounded down to.
    aspect = np.float32(draws.uniform(*ar_range)) if ar_range is not None else np.float32(1.0)
    wanted = np.array([rows, columns * aspect], dtype=np.float32)
    largest = float((np.array(shape, dtype=np.float32) / wanted).min())
    if largest < 1.0:
        scale = largest
    elif scale_range is not None:
        scale = draws.uniform(scale_range[0], min(scale_range[1], largest))
    else:
        scale = 1.0
    height, width = (max(1, int(side)) for side in np.floor(wanted * np.float32(scale)))
    top = draws.integer(0, shape[0] - height)
    return Box(top, draws.integer(0, shape[1] - width), height, width)


def resize_bilinear(frames: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """[C, H, W] to ``[C, *size]``, bilinear with half-pixel centres, without antialiasing."""
    return resize_batch(frames[None], size)[0]


def resize_batch(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """:func:`resize_bilinear` of [B, C, H, W]."""
    if image_size(images) == size:
        return images
    if images.device.type == "cpu":  # the same sums in another order in memory, in two thirds of the time
        images = images.contiguous(memory_format=torch.channels_last)
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False).contiguous()


def random_resized_crop(
    frames: torch.Tensor,
    crop_sz: Size,
    scale_range: Range | None = None,
    ar_range: Range | None = None,
    draws: Draws | None = None,
) -> torch.Tensor:
    """Cuts the box of :func:`draw_resized_crop` from [C, H, W] and resizes it to ``crop_sz``."""
    box = draw_resized_crop(image_size(frames), crop_sz, draws or Draws(), scale_range, ar_range)
    return resize_bilinear(box.cut(frames), rows_and_columns(crop_sz))


def center_box(shape: tuple[int, int], crop_sz: Size) -> Box:
    """The box of size ``crop_sz`` in the middle, half a pixel towards the top left where it is not even.

    Raises:
        ValueError: the image is smaller than the crop.
    """
    rows, columns = _checked_size(shape, crop_sz)
    return Box((shape[0] - rows) // 2, (shape[1] - columns) // 2, rows, columns)


def center_crop(frames: torch.Tensor, crop_sz: Size) -> torch.Tensor:
    """The middle ``crop_sz`` (rows, columns) of [..., H, W].

    Raises:
        ValueError: the image is smaller than the crop.
    """
    return center_box(image_size(frames), crop_sz).cut(frames)


def draw_crop(shape: tuple[int, int], crop_sz: Size, draws: Draws) -> Box:
    """A box of size ``crop_sz`` anywhere in the image, all positions equally likely; draws row, then column.

    Raises:
        ValueError: the image is smaller than the crop.
    """
    rows, columns = _checked_size(shape, crop_sz)
    top = draws.integer(0, shape[0] - rows)
    return Box(top, draws.integer(0, shape[1] - columns), rows, columns)


@overload
def random_crop(
    frames: torch.Tensor, crop_sz: Size, return_crop_info: Literal[False] = False, draws: Draws | None = None
) -> torch.Tensor: ...
@overload
def random_crop(
    frames: torch.Tensor, crop_sz: Size, return_crop_info: Literal[True], draws: Draws | None = None
) -> tuple[torch.Tensor, tuple[int, int, int, int]]: ...
def random_crop(
    frames: torch.Tensor, crop_sz: Size, return_crop_info: bool = False, draws: Draws | None = None
) -> torch.Tensor | tuple[torch.Tensor, tuple[int, int, int, int]]:
    """A random ``crop_sz`` (rows, columns) of [..., H, W]; with ``return_crop_info`` also (r1, r2, c1, c2).

    Raises:
        ValueError: the image is smaller than the crop.
    """
    box = draw_crop(image_size(frames), crop_sz, draws or Draws())
    crop = box.cut(frames)
    if not return_crop_info:
        return crop
    return crop, (box.top, box.top + box.height, box.left, box.left + box.width)


def _checked_size(shape: tuple[int, int], crop_sz: Size) -> tuple[int, int]:
    rows, columns = rows_and_columns(crop_sz)
    if rows > shape[0] or columns > shape[1]:
        raise ValueError(
            f"a crop of {rows} x {columns} does not fit into an image of {shape[0]} x {shape[1]}:"
            " lower the crop size or leave the image out"
        )
    return rows, columns
