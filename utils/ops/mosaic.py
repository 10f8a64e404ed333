"""Bayer mosaics: from RGB, and between the full mosaic and its packed form.

Packed form: four channels at half the resolution, mosaic positions (even row, even column), (even, odd),
(odd, even), (odd, odd). For an RGGB sensor these are R, G of the red rows, G of the blue rows, B.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)

_POSITIONS = ((0, 0), (0, 1), (1, 0), (1, 1))

# (colour, row, column) of each packed channel. The blue of grbg is taken beside its place, at (0, 1) instead of
# (1, 0): so does the published pipeline, whose recordings this agrees with. Nothing published uses grbg.
_CELLS = {
    "rggb": ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)),
    "grbg": ((1, 0, 0), (0, 0, 1), (2, 0, 1), (1, 1, 1)),
}
RGGB_CELLS = _CELLS["rggb"]


def mosaic(image: torch.Tensor, mode: str = "rggb") -> torch.Tensor:
    """Keeps of every pixel the one colour that a Bayer sensor sees.

    Args:
        image: RGB [..., 3, H, W].
        mode: colours of the 2 x 2 cell in reading order, ``rggb`` or ``grbg``.

    Returns:
        Packed mosaic [..., 4, H/2, W/2] in reading order of the cell.

    Raises:
        ValueError: unknown mode, not three channels, or odd height or width.
    """
    if mode not in _CELLS:
        raise ValueError(f"unknown mosaic mode {mode!r}; known are {', '.join(_CELLS)}")
    if image.dim() < 3 or image.shape[-3] != 3:
        raise ValueError(f"a mosaic is made from RGB [..., 3, H, W], not from shape {tuple(image.shape)}")
    _check_even(image.shape[-2], image.shape[-1])
    cells = [image[..., color, row::2, column::2] for color, row, column in _CELLS[mode]]
    return torch.stack(cells, dim=-3)


def pack(bayer: Array) -> Array:
    """Full mosaic [..., 2h, 2w] to packed [..., 4, h, w]; arrays and tensors of any type.

    Raises:
        ValueError: odd height or width.
    """
    _check_even(bayer.shape[-2], bayer.shape[-1])
    cells = [bayer[..., row::2, column::2] for row, column in _POSITIONS]
    if isinstance(bayer, torch.Tensor):
        return torch.stack(cells, dim=-3)
    return np.stack(cells, axis=-3)


def unpack(packed: Array) -> Array:
    """Packed [..., 4, h, w] to the full mosaic [..., 2h, 2w]; the inverse of :func:`pack`.

    Raises:
        ValueError: not four channels.
    """
    if packed.ndim < 3 or packed.shape[-3] != 4:
        raise ValueError(f"a packed mosaic is [..., 4, h, w], not {tuple(packed.shape)}")
    shape = (*packed.shape[:-3], 2 * packed.shape[-2], 2 * packed.shape[-1])
    bayer = packed.new_empty(shape) if isinstance(packed, torch.Tensor) else np.empty(shape, dtype=packed.dtype)
    for index, (row, column) in enumerate(_POSITIONS):
        bayer[..., row::2, column::2] = packed[..., index, :, :]
    return bayer


def _check_even(height: int, width: int) -> None:
    if height % 2 or width % 2:
        raise ValueError(f"a mosaic needs even sides, this one has {height} x {width}: crop a row or a column")
