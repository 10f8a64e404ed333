"""Whole frames in tiles: padding, where the tiles lie, and how results are put together again."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def pad_to_next_multiple(images: torch.Tensor, multiple: int, least: int = 1) -> torch.Tensor:
    """Appends zeros below and to the right of [..., H, W]; a side that is a multiple already gets a full one more.

    The extra block matters: it changes the statistics of the features, and patches may not touch the last row.

    Args:
        least: the sides become at least so many multiples long.
    """
    height, width = (max(least, side // multiple + 1) * multiple - side for side in images.shape[-2:])
    return F.pad(images, (0, width, 0, height))


def tile_corners(rows: int, columns: int, tile: int, device: torch.device | None = None) -> torch.Tensor:
    """Top left corners [rows * columns, 2] of a grid of tiles without gaps, row by row."""
    grid = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
    return tile * torch.stack(grid, dim=-1).flatten(0, 1)


def merge_tiles(tiles: torch.Tensor, rows: int, columns: int, margin: int) -> torch.Tensor:
    """Tiles [rows * columns, C, S, S], row by row, side by side without their margins m; nothing is blended.

    Returns:
        [C, rows (S - 2m), columns (S - 2m)].
    """
    size = tiles.shape[-1]
    inner = tiles[..., margin : size - margin, margin : size - margin]
    grid = inner.unflatten(0, (rows, columns))
    image: torch.Tensor = grid.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
    return image
