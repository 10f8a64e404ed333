"""The offsets of the reference frame, and offsets as the weight predictors see them."""

from __future__ import annotations

import torch
from torch import nn


def draw_reference_offsets(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Uniform numbers in [0, 1) from torch's global generator, for :func:`burst_offsets`. Tests replace this."""
    return torch.rand(shape, device=device, dtype=dtype)


def burst_offsets(offsets: torch.Tensor, reference_noise: float, modulo: float | None) -> torch.Tensor:
    """Offsets of all frames, the reference first.

    Args:
        offsets: [B, N-1, 2, H, W] of the other frames, in pixels.
        reference_noise: n > 0 gives the reference uniform random offsets in [-n, n), in training and in evaluation;
            0 gives it zeros.
        modulo: m takes all offsets modulo m, into [0, m), with gradient 1: only their sub-pixel part is left if m = 1.
            None leaves them.

    Returns:
        [B, N, 2, H, W].
    """
    shape = (offsets.shape[0], 1, *offsets.shape[2:])
    if reference_noise > 0:
        drawn = draw_reference_offsets(shape, offsets.device, offsets.dtype)
        reference = drawn * 2 * reference_noise - reference_noise
    else:
        reference = offsets.new_zeros(shape)
    everything = torch.cat((reference, offsets), dim=1)
    return everything if modulo is None else everything % modulo


def set_reference_offset_noise(net: nn.Module, noise: float) -> None:
    """Sets the noise on the reference's offsets everywhere in ``net``; 0 makes its evaluation deterministic."""
    for module in net.modules():
        if hasattr(module, "ref_offset_noise"):
            module.ref_offset_noise = noise  # type: ignore[assignment]
