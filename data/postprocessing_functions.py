"""From linear sensor colours to pictures that can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from data.camera_pipeline import apply_ccm, apply_gains, apply_smoothstep, gamma_compression
from utils.data_format_utils import torch_to_npimage


def process_linear_image_rgb(
    image: torch.Tensor,
    meta_info: Mapping[str, Any],
    gains: bool = True,
    ccm: bool = True,
    gamma: bool = True,
    smoothstep: bool = True,
    return_np: bool = False,
) -> torch.Tensor | np.ndarray:
    """Camera pipeline of one linear RGB image.

    Args:
        image: [3, H, W] linear sensor colours in 0..1.
        meta_info: ``rgb_gain``, ``red_gain``, ``blue_gain``, ``cam2rgb`` [3, 3], and the bools ``gamma`` and
            ``smoothstep`` that say which curves the burst synthesis had inverted.
        gains, ccm, gamma, smoothstep: False leaves that step out.
        return_np: return uint8 HWC BGR (truncated) instead of a float tensor in 0..1.
    """
    if gains:
        image = apply_gains(image, meta_info["rgb_gain"], meta_info["red_gain"], meta_info["blue_gain"])
    if ccm:
        image = apply_ccm(image, meta_info["cam2rgb"])
    image = image.clamp(0.0, 1.0)
    if meta_info["gamma"] and gamma:
        image = gamma_compression(image)
    if meta_info["smoothstep"] and smoothstep:
        image = apply_smoothstep(image)
    image = image.clamp(0.0, 1.0)
    return torch_to_npimage(image) if return_np else image


class SimplePostProcess:
    """:func:`process_linear_image_rgb` with its options fixed."""

    def __init__(
        self,
        gains: bool = True,
        ccm: bool = True,
        gamma: bool = True,
        smoothstep: bool = True,
        return_np: bool = False,
    ) -> None:
        self.gains, self.ccm, self.gamma, self.smoothstep, self.return_np = gains, ccm, gamma, smoothstep, return_np

    def process(self, image: torch.Tensor, meta_info: Mapping[str, Any]) -> torch.Tensor | np.ndarray:
        return process_linear_image_rgb(
            image, meta_info, self.gains, self.ccm, self.gamma, self.smoothstep, self.return_np
        )


class Identity:
    """Shows the values as they are, clamped to [0, 1] if asked."""

    def __init__(self, return_np: bool = False, clamp: bool = True) -> None:
        self.return_np, self.clamp = return_np, clamp

    def process(self, image: torch.Tensor, meta_info: Mapping[str, Any] | None = None) -> torch.Tensor | np.ndarray:
        if self.clamp:
            image = image.clamp(0.0, 1.0)
        return torch_to_npimage(image) if self.return_np else image


class DenoisingPostProcess:
    """Divides by the white level and applies the sRGB-like curve in which burst denoising is scored.

    With ``clamp`` the result is in [0, 1]; ``return_np`` gives uint8 HWC BGR (truncated).
    """

    def __init__(self, return_np: bool = False, clamp: bool = True) -> None:
        self.return_np, self.clamp = return_np, clamp

    def process(self, image: torch.Tensor, meta_info: Mapping[str, Any]) -> torch.Tensor | np.ndarray:
        """``meta_info['white_level']``: a number, or a tensor [1], or [B] (also [B, 1]) for a batch [B, C, H, W]."""
        white_level = torch.as_tensor(meta_info["white_level"], dtype=image.dtype, device=image.device)
        if white_level.numel() > 1:
            white_level = white_level.reshape(-1, *[1] * (image.dim() - 1))
        image = self.apply_gamma(image / white_level)
        if self.clamp:
            image = image.clamp(0.0, 1.0)
        return torch_to_npimage(image) if self.return_np else image

    @staticmethod
    def apply_gamma(image: torch.Tensor) -> torch.Tensor:
        """Linear to display: k0 x below 0.0031308, (1 + a) x^(1/2.4) - a up to 1, straight on above.

        The slopes of the pieces agree where they meet, hence a = 0.0557 instead of the 0.055 of sRGB, and the
        straight end keeps a gradient for values above white.
        """
        curve = (1 + _OFFSET) * image.clamp(_BREAK, 1.0) ** _EXPONENT - _OFFSET
        above = 1 + _SLOPE_ABOVE * (image - 1.0)
        return torch.where(image < _BREAK, _SLOPE_BELOW * image, torch.where(image >= 1.0, above, curve))


_EXPONENT = 1.0 / 2.4
_BREAK = 0.0031308
_OFFSET = 1.0 / (1.0 / (_BREAK**_EXPONENT * (1.0 - _EXPONENT)) - 1.0)
_SLOPE_BELOW = (1.0 + _OFFSET) * _EXPONENT * _BREAK ** (_EXPONENT - 1.0)
_SLOPE_ABOVE = (1.0 + _OFFSET) * _EXPONENT
