"""The middle frame of a clip as it is: where frames come enlarged, this is their interpolation."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class MiddleFrame(nn.Module):
    """Frame T // 2 of [B, T, C, H, W], and an empty dict."""

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        if burst.ndim != 5 or burst.shape[1] < 1:
            raise ValueError(f"burst of shape {tuple(burst.shape)}, expected [B, T, C, H, W]")
        return burst[:, burst.shape[1] // 2].clone(), {}
