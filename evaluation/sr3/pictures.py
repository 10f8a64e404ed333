"""Pictures of SR3 results, as the original program shows them: grids of the refinement, frames side by side."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_BLUE, _RED = (0, 0, 255), (255, 0, 0)
_SEPARATOR = 2


def as_picture(tensor: torch.Tensor, columns: int = 3) -> Picture:
    """A tensor of -1..1 as uint8; the tensor stays as it is.

    Args:
        tensor: axes of length 1 are dropped; what remains is an image [C, H, W] or [H, W], or images [N, C, H, W],
            which become a grid with black lines between and around them.
        columns: images in a row of the grid.

    Returns:
        [H, W, C] or [H, W].

    Raises:
        ValueError: another number of axes.
    """
    values = (tensor.detach().squeeze().float().cpu().clamp(-1, 1) + 1) / 2
    if values.ndim not in (2, 3, 4):
        raise ValueError(f"a tensor of shape {tuple(tensor.shape)} is no image; expected 2, 3 or 4 axes longer than 1")
    if values.ndim == 4:
        values = _grid(values, columns)
    picture = (values * 255).round().to(torch.uint8).numpy()
    return np.ascontiguousarray(picture.transpose(1, 2, 0)) if picture.ndim == 3 else picture


def side_by_side(picture: Picture, channels: int = 3) -> Picture:
    """A condition [H, W, 3 n] as its n frames next to each other, [H, n W, 3]."""
    return np.concatenate(np.split(picture, picture.shape[2] // channels, axis=2), axis=1)


def strip(condition: Picture, result: Picture, truth: Picture) -> Picture:
    """Frames of the condition, result and ground truth next to each other, [3, H, (n + 2) W] for an event log."""
    row = np.concatenate([side_by_side(condition), result, truth], axis=1)
    return np.ascontiguousarray(row.transpose(2, 0, 1))


def refinement_grid(images: torch.Tensor, n_frames: int) -> Picture:
    """The condition's frames and the images on the way to the result, ``n_frames`` in a row, as one picture.

    A blue frame is around the condition, a red one around its middle frame, which is restored.

    Args:
        images: [n_frames + kept, 3, H, W] in -1..1, as ``GaussianDiffusion.super_resolution(..., continous=True)``.
    """
    picture = as_picture(images, n_frames)
    width = picture.shape[1]
    tile, middle = width // n_frames, n_frames // 2
    cv2.rectangle(picture, (0, 0), (width - 1, tile), _BLUE, 2)
    cv2.rectangle(picture, (middle * tile, 2), ((middle + 1) * tile, tile - 2), _RED, 1)
    return picture


def _grid(images: torch.Tensor, columns: int) -> torch.Tensor:
    count, channels, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    sheet = torch.zeros(
        channels, rows * (height + _SEPARATOR) + _SEPARATOR, columns * (width + _SEPARATOR) + _SEPARATOR
    )
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = _SEPARATOR + row * (height + _SEPARATOR), _SEPARATOR + column * (width + _SEPARATOR)
        sheet[:, top : top + height, left : left + width] = image
    return sheet
