"""Modulated deformable convolution (X. Zhu et al., CVPR 2019, eq. 1) by torch's own sampling of images.

What ``torchvision.ops.deform_conv2d`` computes, several times as fast on a CPU: its kernel there goes pixel by pixel on
one thread, forwards and backwards, where torch's samples whole vectors on all of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

_MOST_VALUES = 2**23  # sampled at a time: 32 MiB, which the product that follows still finds in the cache


def deform_conv2d_by_sampling(
    x: torch.Tensor,
    offset: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    stride: int,
    padding: int,
    dilation: int,
    mask: torch.Tensor,
) -> torch.Tensor:
    """The same arguments and result as ``torchvision.ops.deform_conv2d`` with a square kernel and one group.

    Args:
        x: [B, C, H, W].
        offset: [B, 2 G k², h, w] of G deformable groups, channel ``2 (g k² + t)`` down, the next one to the right.
        weight: [O, C, k, k].
        bias: [O].
        stride, padding, dilation: as of a convolution.
        mask: [B, G k², h, w].

    Returns:
        [B, O, h, w]; outside of it ``x`` is zero.
    """
    kernel = weight.shape[-1]
    taps, size = kernel**2, offset.shape[-2:]
    groups = mask.shape[1] // taps
    height, width = (_power_of_two(side) for side in x.shape[-2:])
    padded = F.pad(x, (0, width - x.shape[-1], 0, height - x.shape[-2])).contiguous()
    # Where a tap of an undeformed convolution lies, [taps, h, w], in -1..1 from edge to edge of the padded image.
    steps = torch.arange(kernel, device=x.device) * dilation - padding
    rows, columns = (torch.arange(side, device=x.device) * stride for side in size)
    down = (steps.repeat_interleave(kernel)[:, None, None] + rows[:, None]).expand(-1, *size)
    right = (steps.repeat(kernel)[:, None, None] + columns).expand(-1, *size)
    # Divided by a power of two, whole pixels stay whole, and the slope there is that of the cell that begins there.
    scale = 2 / torch.tensor([width, height], device=x.device, dtype=x.dtype)
    places = (torch.stack((right, down), dim=-1) + 0.5).to(x.dtype) * scale - 1

    at_once = max(1, _MOST_VALUES // (taps * x.shape[1] * size.numel())) if x.device.type == "cpu" else len(x)
    results = []
    for images, shifts, fades in zip(*(tensor.split(at_once) for tensor in (padded, offset, mask)), strict=True):
        batch = len(images)
        moved = shifts.reshape(batch * groups, taps, 2, *size).movedim(2, -1).flip(-1)
        grid = (places + moved * scale).flatten(1, 2)
        sampled = F.grid_sample(images.view(batch * groups, -1, height, width), grid, align_corners=False)
        faded = sampled.view(batch, groups, -1, taps, *size) * fades.reshape(batch, groups, 1, taps, *size)
        results.append(torch.matmul(weight.flatten(1), faded.view(batch, -1, size.numel())))
    convolved: torch.Tensor = torch.cat(results).unflatten(-1, size) + bias[:, None, None]
    return convolved


def _power_of_two(side: int) -> int:
    """The smallest power of two of at least ``side``."""
    return 1 << (side - 1).bit_length()
