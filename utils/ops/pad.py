"""Padding by reflection, also where more is asked for than one reflection gives."""

from __future__ import annotations

import torch


def reflected_to_size(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Images [..., H, W] continued to the right and below by reflection without repeating the edge (reflect-101).

    Unlike torch's own padding this goes on reflecting where the continuation is longer than the image.

    Args:
        height, width: of the result, at least those of the images.
    """
    for axis, size in ((-2, height), (-1, width)):
        if size > images.shape[axis]:
            images = images.index_select(axis, _reflected_positions(images.shape[axis], size, images.device))
    return images


def _reflected_positions(size: int, wanted: int, device: torch.device) -> torch.Tensor:
    positions = torch.arange(wanted, device=device)
    if size == 1:
        return torch.zeros_like(positions)
    period = 2 * (size - 1)
    positions = positions % period
    return torch.where(positions < size, positions, period - positions)
