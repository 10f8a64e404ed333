"""Box filters."""

from __future__ import annotations

import torch


def sliding_box_mean(image: torch.Tensor, size: int) -> torch.Tensor:
    """Mean of every ``size`` x ``size`` window.

    Args:
        image: [..., H, W] floats.
        size: side of the window in pixels.

    Returns:
        [..., H - size + 1, W - size + 1]; entry (r, c) is the mean of rows r .. r + size - 1 and likewise columns.
        Every ``size``-th entry from any start is a box downsampling from that start.

    Raises:
        ValueError: the image is smaller than the window.
    """
    height, width = image.shape[-2] - size + 1, image.shape[-1] - size + 1
    if size < 1 or height < 1 or width < 1:
        raise ValueError(f"a window of {size} x {size} does not fit into an image of {tuple(image.shape[-2:])}")
    if size == 1:
        return image
    columns = image[..., :width].clone()
    for step in range(1, size):
        columns += image[..., step : step + width]
    total = columns[..., :height, :].clone()
    for step in range(1, size):
        total += columns[..., step : step + height, :]
    return total.mul_(1.0 / size**2)
