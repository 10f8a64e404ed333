"""Checks of what comes into a network."""

from __future__ import annotations

import torch
from torch import nn


def check_burst(net: nn.Module, burst: torch.Tensor, channels: int) -> None:
    """Raises ``ValueError`` unless ``burst`` is [B, N, channels, H, W] in the dtype of the network's weights."""
    name = type(net).__name__
    if burst.ndim != 5 or burst.shape[2] != channels or 0 in burst.shape:
        raise ValueError(
            f"{name} expects a burst [B, N, {channels}, H, W] with at least one frame, got {tuple(burst.shape)}"
        )
    check_dtype(net, burst, "burst")


def check_dtype(net: nn.Module, tensor: torch.Tensor, what: str) -> None:
    """Raises ``ValueError`` unless ``tensor`` has the dtype of the weights (any float dtype under autocast)."""
    expected = next(net.parameters()).dtype
    if tensor.dtype == expected:
        return
    if tensor.is_floating_point() and torch.is_autocast_enabled(tensor.device.type):
        return
    raise ValueError(f"{type(net).__name__} expects its {what} as {expected}, got {tensor.dtype}")
