"""Cutting away the border of images."""

from __future__ import annotations

import torch


def crop_boundary(image: torch.Tensor, boundary_ignore: int | None) -> torch.Tensor:
    """Removes ``boundary_ignore`` pixels at each side of ``image`` [..., H, W]; None and 0 remove nothing.

    Raises:
        ValueError: the boundary is negative or leaves no pixel.
    """
    if not boundary_ignore:
        return image
    height, width = image.shape[-2:]
    if boundary_ignore < 0 or min(height, width) <= 2 * boundary_ignore:
        raise ValueError(
            f"boundary_ignore = {boundary_ignore} leaves nothing of an image of {height} x {width} pixels: "
            f"give a number from 0 to {max(0, (min(height, width) - 1) // 2)}"
        )
    return image[..., boundary_ignore : height - boundary_ignore, boundary_ignore : width - boundary_ignore]
