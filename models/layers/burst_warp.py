"""Bilinear warps of one image to many frames, and their adjoint: operators that are each other's derivative.

A warp is linear in the image: every sample is a sum of four of its pixels. Seen as a sparse matrix with four numbers
per row, it needs neither a copy of the image per frame nor a new grid per call, its transpose sums over the frames by
itself, and pixels with all their channels lie together in memory.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from models.layers.layout import frames_from_rows, rows_of_pixels


class BurstWarp:
    """Warps to all frames of a burst, prepared once: which four pixels every sample takes, and how much of each.

    Args:
        flow: [B, N, 2, h, w] in pixels of the images; channel 0 is x (to the right), channel 1 is y (downwards). Each
            of its N grids points into the image of its burst.
        size: (H, W) of the images.
        adjoint_flow_gradient: let gradients reach the flow through :meth:`adjoint` as well. DeepRep's rule says no.

    Outside the image lie zeros; samples that lie partly outside are partial sums. A whole number of pixels is moved
    exactly. Positions are computed in at least float32, whatever the type of the flow.
    """

    def __init__(self, flow: torch.Tensor, size: tuple[int, int], adjoint_flow_gradient: bool = False) -> None:
        self.batch, self.frames = flow.shape[:2]
        self.size, self.frame_size = size, (flow.shape[-2], flow.shape[-1])
        self.adjoint_flow_gradient = adjoint_flow_gradient
        index, self.shares = _neighbours(_wide(flow), size)
        self._plan = _Plan(index, self.shares.detach(), self.batch * size[0] * size[1])

    def warp(self, image: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
        """``image`` [B, C, H, W] → [B·N, C, h, w] in memory order channels last, as ``dtype`` if given."""
        samples = _Gather.apply(rows_of_pixels(image), self.shares, dtype or image.dtype, *self._plan.tensors)
        return frames_from_rows(samples, self.batch * self.frames, self.frame_size)

    def adjoint(self, frames: torch.Tensor) -> torch.Tensor:
        """[B·N, C, h, w] → [B, C, H, W], the sum over all frames, in at least float32.

        ``<warp(image), frames> = <image, adjoint(frames)>``. Needs no graph to compute.
        """
        shares = self.shares if self.adjoint_flow_gradient else self.shares.detach()
        pixels = _Spread.apply(rows_of_pixels(frames), shares, self._plan.pixels, *self._plan.tensors)
        return frames_from_rows(pixels, self.batch, self.size)


def with_reference(offsets: torch.Tensor) -> torch.Tensor:
    """Offsets of all frames [B, N, 2, H, W], from those [B, N-1, 2, H, W] of the frames after the reference."""
    still = offsets.new_zeros(offsets.shape[0], 1, *offsets.shape[2:])
    return torch.cat((still, offsets), dim=1)


class _Plan:
    """Where samples come from ([P, 4]) and, on a CPU, the same sorted by where they go.

    Sorted, the adjoint is a sum of rows as well: an order of magnitude faster there than adding each sample in its
    place, and always in the same order.
    """

    def __init__(self, index: torch.Tensor, shares: torch.Tensor, pixels: int) -> None:
        self.pixels = pixels
        self.tensors: tuple[torch.Tensor | None, ...] = (index, None, None, None)
        if _sums_rows_faster(index.device):
            targets, order = index.flatten().sort(stable=True)
            starts = torch.searchsorted(targets, torch.arange(pixels, dtype=targets.dtype))
            self.tensors = (index, order // 4, starts, shares.flatten()[order])


def _sums_rows_faster(device: torch.device) -> bool:
    """Whether sums of rows (``embedding_bag``) beat gathering and scattering; on GPUs those are fast, or fused."""
    return device.type == "cpu"


def _neighbours(flow: torch.Tensor, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixel numbers [P, 4] among those of all images, and their shares [P, 4], which carry the gradient to the flow."""
    height, width = size
    x = flow[:, :, 0] + torch.arange(flow.shape[-1], device=flow.device)
    y = flow[:, :, 1] + torch.arange(flow.shape[-2], device=flow.device)[:, None]
    left, top = x.detach().floor(), y.detach().floor()
    right_share, low_share = x - left, y - top
    first = torch.arange(flow.shape[0], device=flow.device)[:, None, None, None] * (height * width)
    index, shares = [], []
    for row, of_row in ((top, 1 - low_share), (top + 1, low_share)):
        for column, of_column in ((left, 1 - right_share), (left + 1, right_share)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            pixel = row.long().clamp(0, height - 1) * width + column.long().clamp(0, width - 1)
            index.append(first + pixel)
            shares.append(of_row * of_column * inside)
    return torch.stack(index, dim=-1).reshape(-1, 4), torch.stack(shares, dim=-1).reshape(-1, 4)


class _Gather(torch.autograd.Function):
    """Rows of pixels [R, C] → rows of samples [P, C]."""

    @staticmethod
    def forward(
        ctx: Any,
        pixels: torch.Tensor,
        shares: torch.Tensor,
        dtype: torch.dtype,
        index: torch.Tensor,
        *by_target: torch.Tensor | None,
    ) -> torch.Tensor:
        ctx.dtype, ctx.count = pixels.dtype, pixels.shape[0]
        ctx.save_for_backward(pixels if ctx.needs_input_grad[1] else None, shares, index, *by_target)
        if by_target[0] is not None:
            samples = F.embedding_bag(index, _wide(pixels), per_sample_weights=shares.to(_wide(pixels)), mode="sum")
            return samples.to(dtype)
        taken = [pixels.index_select(0, index[:, k]) * shares[:, k, None] for k in range(4)]
        return (taken[0] + taken[1] + taken[2] + taken[3]).to(dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        pixels, shares, index, *by_target = ctx.saved_tensors
        grad_pixels = grad_shares = None
        if ctx.needs_input_grad[0]:
            grad_pixels = _Spread.apply(grad, shares, ctx.count, index, *by_target).to(ctx.dtype)
        if ctx.needs_input_grad[1]:
            grad_shares = _products(grad, pixels, index)
        return grad_pixels, grad_shares, None, *([None] * 4)


class _Spread(torch.autograd.Function):
    """Rows of samples [P, C] → rows of pixels [R, C]: the transpose of :class:`_Gather`."""

    @staticmethod
    def forward(
        ctx: Any,
        samples: torch.Tensor,
        shares: torch.Tensor,
        count: int,
        index: torch.Tensor,
        *by_target: torch.Tensor | None,
    ) -> torch.Tensor:
        ctx.dtype = samples.dtype
        ctx.save_for_backward(samples if ctx.needs_input_grad[1] else None, shares, index, *by_target)
        samples = _wide(samples)
        sources, starts, sorted_shares = by_target
        if sources is not None and sorted_shares is not None:
            sorted_shares = sorted_shares.to(samples)
            return F.embedding_bag(sources, samples, starts, per_sample_weights=sorted_shares, mode="sum")
        pixels = samples.new_zeros(count, samples.shape[1])
        for k in range(4):
            pixels.index_add_(0, index[:, k], samples * shares[:, k, None])
        return pixels

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        samples, shares, index, *by_target = ctx.saved_tensors
        grad_samples = grad_shares = None
        if ctx.needs_input_grad[0]:
            grad_samples = _Gather.apply(grad, shares, ctx.dtype, index, *by_target)
        if ctx.needs_input_grad[1]:
            grad_shares = _products(samples, grad, index)
        return grad_samples, grad_shares, None, *([None] * 4)


def _products(samples: torch.Tensor, pixels: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """``<samples[p], pixels[index[p, k]]>``, [P, 4]: the derivative of either operator to the shares."""
    return torch.stack(
        [torch.linalg.vecdot(_wide(samples), _wide(pixels.index_select(0, index[:, k]))) for k in range(4)], dim=1
    )


def _wide(x: torch.Tensor) -> torch.Tensor:
    """Half precision as float32; other types as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
