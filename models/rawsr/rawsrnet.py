"""RawSR: super-resolution from one RAW mosaic and its rendered colour image.

X. Xu, Y. Ma, W. Sun, Towards Real Scene Super-Resolution with Raw Images, CVPR 2019 (arXiv 1905.12156), and
X. Xu, Y. Ma, W. Sun, M.-H. Yang, Exploiting Raw Images for Real-Scene Super-Resolution, TPAMI 2021 (arXiv 2102.01579).
"""

from __future__ import annotations

import torch
from torch import nn

from admin.model_constructor import model_constructor
from models.layers.checks import check_dtype
from models.rawsr.color_correction import ColorCorrectionBranch, apply_color_transform
from models.rawsr.restoration import RestorationBranch
from utils.ops.pad import reflected_to_size

SCALES = (2, 4)
_MULTIPLE = 4


class RawSR(nn.Module):
    """Two branches: one restores enlarged linear colours, one predicts the colour transform of every pixel.

    Args:
        scale: 2 or 4, seen from the mosaic.
        feature_fusion: tell the colour branch what the restoration branch has seen.
        width, growth, layers, bottle: C, g, n and b of the papers' network.

    Raises:
        ValueError: another scale.
    """

    def __init__(
        self,
        scale: int,
        feature_fusion: bool = True,
        width: int = 128,
        growth: int = 16,
        layers: int = 8,
        bottle: int = 256,
    ) -> None:
        if scale not in SCALES:
            raise ValueError(f"RawSR enlarges by 2 or 4, not by {scale}")
        super().__init__()
        self.scale = scale
        self.restore = RestorationBranch(scale, width, growth, layers, bottle)
        self.color = ColorCorrectionBranch(scale, width, bottle, feature_fusion)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The published initialisation: Xavier-uniform weights, zero biases, and a fusion that starts with nothing."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for fuse in (self.color.fuse1, self.color.fuse2):
            if fuse is not None:
                nn.init.zeros_(fuse.weight)

    def forward(self, raw: torch.Tensor, isp: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Restores enlarged images.

        Args:
            raw: mosaics [B, 1, H, W] that start on red (R G / G B), linear, 0..1, black level removed, no white
                balance. Any H and W of at least 2: the network works on multiples of 4, to which it mirrors the border.
            isp: the same frames rendered, RGB [B, 3, H, W], gamma-encoded, 0..1.

        Returns:
            RGB [B, 3, SH, SW], gamma-encoded, nominally 0..1 and not clipped; and an empty dict.

        Raises:
            ValueError: wrong shape or dtype.
        """
        self._check(raw, isp)
        height, width = raw.shape[-2:]
        raw, isp = mirrored_to_multiple(raw), mirrored_to_multiple(isp)
        rgb, coarse, fine = self.restore(raw)
        restored = apply_color_transform(rgb, self.color(isp, coarse, fine))
        return restored[..., : self.scale * height, : self.scale * width], {}

    def _check(self, raw: torch.Tensor, isp: torch.Tensor) -> None:
        for what, tensor, channels in (("raw", raw, 1), ("isp", isp, 3)):
            if tensor.ndim != 4 or tensor.shape[1] != channels or min(tensor.shape[-2:]) < 2 or not len(tensor):
                raise ValueError(
                    f"RawSR expects its {what} as [B, {channels}, H, W] with sides of at least 2, "
                    f"got {tuple(tensor.shape)}"
                )
            check_dtype(self, tensor, what)
        if raw.shape[0] != isp.shape[0] or raw.shape[-2:] != isp.shape[-2:]:
            raise ValueError(
                f"RawSR expects raw and isp of the same frames, got {tuple(raw.shape)} and {tuple(isp.shape)}"
            )


def mirrored_to_multiple(image: torch.Tensor) -> torch.Tensor:
    """``image`` [..., H, W] continued to the right and below up to multiples of 4.

    Mirrored about the last pixel, which is not repeated: so a mosaic goes on with the right colours.
    """
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in image.shape[-2:])
    return reflected_to_size(image, height, width)


@model_constructor
def rawsr(
    scale: int, feature_fusion: bool = True, width: int = 128, growth: int = 16, layers: int = 8, bottle: int = 256
) -> RawSR:
    """RawSR with the widths of the papers' network by default; arguments as in :class:`RawSR`."""
    return RawSR(scale, feature_fusion, width, growth, layers, bottle)
