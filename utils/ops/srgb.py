"""The transfer curve of sRGB (IEC 61966-2-1)."""

from __future__ import annotations

import torch

_BREAK_LINEAR = 0.0031308
_BREAK_ENCODED = 0.04045


def linear_to_srgb(linear: torch.Tensor) -> torch.Tensor:
    """12.92 x below 0.0031308, else 1.055 x^(1/2.4) - 0.055; not clamped."""
    curve = 1.055 * linear.clamp(min=_BREAK_LINEAR) ** (1 / 2.4) - 0.055
    return torch.where(linear < _BREAK_LINEAR, 12.92 * linear, curve)


def srgb_to_linear(encoded: torch.Tensor) -> torch.Tensor:
    """x / 12.92 below 0.04045, else ((x + 0.055) / 1.055)^2.4; not clamped."""
    curve = ((encoded.clamp(min=_BREAK_ENCODED) + 0.055) / 1.055) ** 2.4
    return torch.where(encoded < _BREAK_ENCODED, encoded / 12.92, curve)
