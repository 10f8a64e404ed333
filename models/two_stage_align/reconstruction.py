"""The reconstruction network: a noisy packed burst to one clean linear RGB image (``JDDB_BiGRU``)."""

from __future__ import annotations

import torch
from torch import nn

from models.layers.checks import check_burst
from models.two_stage_align.blocks import AttentionBlock, SimpleBlock
from models.two_stage_align.deformable import PYRAMID_FACTOR, BurstAlignment
from models.two_stage_align.recurrent import BidirectionalGRU

RAW_CHANNELS = 4


class BurstReconstruction(nn.Module):
    """Features of every frame, pixel-wise alignment, bidirectional merging, and a U-net at full resolution.

    Args:
        channels: width of the features; the U-net has up to four times as many. Published: 64.
        deformable_groups: divides ``channels``. Published: 8.
        interpolation: in training, also restore the centre frame from the other frames alone.
        out_channels: of the result.

    Raises:
        ValueError: ``deformable_groups`` does not divide ``channels``.
    """

    def __init__(
        self, channels: int = 64, deformable_groups: int = 8, interpolation: bool = True, out_channels: int = 3
    ) -> None:
        super().__init__()
        if channels % deformable_groups:
            raise ValueError(f"{channels} channels cannot be divided into {deformable_groups} deformable groups")
        n = channels
        self.feature_extract = SimpleBlock(2 * RAW_CHANNELS, n, n, depth=5)
        self.feature_extract_acse1 = AttentionBlock(n)
        self.feature_extract_acse2 = AttentionBlock(n)
        self.feature_extract_acse3 = AttentionBlock(n)
        self.feature_extract_acse4 = AttentionBlock(n)
        self.pcd_align = BurstAlignment(n, deformable_groups)
        self.ConvBGRU = BidirectionalGRU(n, interpolation)

        self.feature_up = nn.ConvTranspose2d(n, n, 2, stride=2)
        self.conv_block_s1 = SimpleBlock(n, n, n, depth=2)
        self.acse_block_s1 = AttentionBlock(n)
        self.pool1 = nn.Conv2d(n, 2 * n, 3, stride=2, padding=1)
        self.conv_block_s2 = SimpleBlock(2 * n, 2 * n, 2 * n, depth=2)
        self.acse_block_s2 = AttentionBlock(2 * n)
        self.pool2 = nn.Conv2d(2 * n, 4 * n, 3, stride=2, padding=1)
        self.conv_block_s3 = SimpleBlock(4 * n, 4 * n, 4 * n, depth=2)
        self.acse_block_s3 = AttentionBlock(4 * n)
        self.conv_block_s3_2 = SimpleBlock(4 * n, 4 * n, 4 * n, depth=2)
        self.up1 = nn.ConvTranspose2d(4 * n, 2 * n, 2, stride=2)
        self.conv_block_s4 = SimpleBlock(4 * n, 2 * n, 2 * n, depth=2)
        self.acse_block_s4 = AttentionBlock(2 * n)
        self.up2 = nn.ConvTranspose2d(2 * n, n, 2, stride=2)
        self.conv_block_s5 = SimpleBlock(2 * n, n, out_channels, depth=3)

    def forward(self, burst: torch.Tensor, noise_map: torch.Tensor) -> torch.Tensor:
        """Restores the centre frame.

        Args:
            burst: [B, N, 4, H, W], packed RGGB, linear 0..1, N odd, H and W multiples of 4.
            noise_map: the same shape; see the camera model of the data for the two published formulas.

        Returns:
            Linear camera RGB [B, 3, 2H, 2W], not clipped; [2B, 3, 2H, 2W] in training with ``interpolation``, the last
            B images restored without the centre frame.

        Raises:
            ValueError: another shape or dtype.
        """
        check_inputs(self, burst, noise_map, PYRAMID_FACTOR)
        batch, frames = burst.shape[:2]
        features = self.feature_extract(torch.cat((burst, noise_map), dim=2).flatten(0, 1))
        features = self.feature_extract_acse2(self.feature_extract_acse1(features))
        features = self.feature_extract_acse4(self.feature_extract_acse3(features))
        merged = self.ConvBGRU(self.pcd_align(features.unflatten(0, (batch, frames))))
        return self._enlarged_image(merged)

    def _enlarged_image(self, merged: torch.Tensor) -> torch.Tensor:
        fine = self.acse_block_s1(self.conv_block_s1(self.feature_up(merged)))
        middle = self.acse_block_s2(self.conv_block_s2(self.pool1(fine)))
        coarse = self.conv_block_s3_2(self.acse_block_s3(self.conv_block_s3(self.pool2(middle))))
        middle = self.acse_block_s4(self.conv_block_s4(torch.cat((self.up1(coarse), middle), dim=1)))
        image: torch.Tensor = self.conv_block_s5(torch.cat((self.up2(middle), fine), dim=1))
        return image


def check_inputs(net: nn.Module, burst: torch.Tensor, noise_map: torch.Tensor, multiple_of: int = 1) -> None:
    """Raises ``ValueError`` unless both are [B, N, 4, H, W] with an odd N and sides that are multiples of a number."""
    check_burst(net, burst, RAW_CHANNELS)
    name = type(net).__name__
    if noise_map.shape != burst.shape:
        raise ValueError(f"{name}: the noise map {tuple(noise_map.shape)} must be as large as the burst")
    if burst.shape[1] % 2 == 0:
        raise ValueError(
            f"{name} restores the frame in the middle, so a burst needs an odd number of frames, not {burst.shape[1]}: "
            "leave out the first or the last"
        )
    height, width = burst.shape[-2:]
    if height % multiple_of or width % multiple_of:
        raise ValueError(
            f"{name}: packed frames of {height} x {width} pixels; sides must be multiples of {multiple_of}"
        )
