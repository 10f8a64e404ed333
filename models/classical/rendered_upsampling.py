"""Training-free RawSR: the camera's own picture, enlarged. Same call as the network, no parameters."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch import nn

_INTERPOLATIONS = {"bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


class RenderedUpsampling(nn.Module):
    """The rendered reference, which is the demosaicked mosaic, enlarged by interpolation.

    Pixel (i, j) of the reference covers pixels S i ... S i + S - 1 and S j ... S j + S - 1 of the result.

    Args:
        scale: S.
        interpolation: ``bicubic``, or ``lanczos`` with windows of 8 x 8.
    """

    def __init__(self, scale: int, interpolation: Literal["bicubic", "lanczos"]) -> None:
        super().__init__()
        self.scale = scale
        self._flag = _INTERPOLATIONS[interpolation]

    def forward(self, raw: torch.Tensor, isp: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """Enlarges references.

        Args:
            raw: mosaics [B, 1, H, W], not looked at.
            isp: references [B, 3, H, W], gamma-encoded RGB, 0..1.

        Returns:
            [B, 3, S H, S W] on the device of ``isp``, and an empty dict.
        """
        size = (isp.shape[3] * self.scale, isp.shape[2] * self.scale)
        pictures = isp.detach().float().permute(0, 2, 3, 1).cpu().numpy()
        enlarged = np.stack([cv2.resize(picture, size, interpolation=self._flag) for picture in pictures])
        return torch.from_numpy(enlarged).permute(0, 3, 1, 2).to(isp), {}
