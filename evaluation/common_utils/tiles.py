"""Large images tile by tile: overlapping tiles are restored one after another and averaged where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from utils.progress import track

Restore = Callable[..., torch.Tensor]


def tile_starts(length: int, tile: int, step: int) -> list[int]:
    """Where tiles start along an axis: every ``step`` pixels, the last one moved back so that it ends with the axis.

    One tile, which is smaller, where the axis is shorter than a tile.

    Raises:
        ValueError: tiles would leave gaps.
    """
    if not 0 < step <= tile:
        raise ValueError(f"tiles of {tile} pixels every {step} pixels do not cover an image; give 0 < step <= tile")
    last = length - tile
    if last <= 0:
        return [0]
    return [min(start, last) for start in range(0, last + step, step)]


def restore_in_tiles(
    restore: Restore, images: Sequence[torch.Tensor], tile: int, step: int, scale: int = 1, description: str = "Tiles"
) -> torch.Tensor:
    """What ``restore`` makes of ``images``, assembled from overlapping tiles by their plain mean.

    Memory holds the result and one row of tiles beside it. Shows progress.

    Args:
        restore: called with the same part of every image; gives [B, C, S h, S w].
        images: tensors [..., H, W] of one height and width.
        tile: side of the tiles in pixels of ``images``; smaller where the images are.
        step: distance of neighbouring tiles.
        scale: S, how much ``restore`` enlarges.
        description: what is being done, for the progress.

    Returns:
        [B, C, S H, S W] on the device of ``images``.

    Raises:
        ValueError: the images differ in size, or the tiles would leave gaps.
    """
    height, width = _common_size(images)
    whole: torch.Tensor | None = None
    done = 0
    for band in restored_bands(restore, images, tile, step, scale, description):
        if whole is None:
            whole = torch.empty((*band.shape[:-2], scale * height, scale * width), dtype=band.dtype)
            whole = whole.to(images[0].device)
        whole[..., done : done + band.shape[-2], :] = band
        done += band.shape[-2]
    assert whole is not None
    return whole


def restored_bands(
    restore: Restore, images: Sequence[torch.Tensor], tile: int, step: int, scale: int = 1, description: str = "Tiles"
) -> Iterator[torch.Tensor]:
    """The rows of :func:`restore_in_tiles` from top to bottom, [B, C, rows, S W], as soon as they are complete."""
    height, width = _common_size(images)
    tile_height, tile_width = min(tile, height), min(tile, width)
    rows, columns = tile_starts(height, tile, step), tile_starts(width, tile, step)
    in_rows, in_columns = _coverage(rows, tile_height, height), _coverage(columns, tile_width, width)
    sums: torch.Tensor | None = None
    places = [(row, column) for row in rows for column in columns]
    for row, column in track(places, description):
        part = restore(*(image[..., row : row + tile_height, column : column + tile_width] for image in images))
        if sums is None:
            sums = part.new_zeros((*part.shape[:-2], scale * tile_height, scale * width))
        sums[..., scale * column : scale * (column + tile_width)] += part
        if column != columns[-1]:
            continue
        end = rows[rows.index(row) + 1] if row != rows[-1] else height
        counts = torch.outer(in_rows[row:end], in_columns).to(sums)
        counts = counts.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
        complete = scale * (end - row)
        yield sums[..., :complete, :] / counts
        sums = torch.cat((sums[..., complete:, :], torch.zeros_like(sums[..., :complete, :])), dim=-2)


def _coverage(starts: Sequence[int], tile: int, length: int) -> torch.Tensor:
    counts = torch.zeros(length)
    for start in starts:
        counts[start : start + tile] += 1
    return counts


def _common_size(images: Sequence[torch.Tensor]) -> tuple[int, int]:
    sizes = {tuple(image.shape[-2:]) for image in images}
    if len(sizes) != 1:
        raise ValueError(f"the images to cut into tiles have different sizes: {sorted(sizes)}")
    height, width = sizes.pop()
    return height, width
