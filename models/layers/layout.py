"""The order of images in memory.

Channels last is what convolutions compute in fastest, on CPUs as on GPUs in half precision, and what keeps the channels
of one pixel together. Values and shapes do not change; layers hand the order on from their input.
"""

from __future__ import annotations

import torch


def channels_last(images: torch.Tensor) -> torch.Tensor:
    """``images`` [B, C, H, W] with the channels of each pixel side by side in memory."""
    return images.contiguous(memory_format=torch.channels_last)


def rows_of_pixels(images: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W] → [B·H·W, C]; a view if the channels lie last."""
    return images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])


def frames_from_rows(rows: torch.Tensor, frames: int, size: tuple[int, int]) -> torch.Tensor:
    """[frames·H·W, C] → [frames, C, H, W], a view whose channels lie last."""
    return rows.reshape(frames, *size, -1).permute(0, 3, 1, 2)


def by_burst(frames: torch.Tensor, batch: int) -> torch.Tensor:
    """[B·N, C, H, W] → [B, N·H·W·C]; a view if the channels lie last. :func:`frames_from_rows` goes back."""
    return frames.permute(0, 2, 3, 1).reshape(batch, -1)
