"""The denoising network of SR3: a U-Net that is told the noise level (arXiv 2104.07636, section 2.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from models.layers.checks import check_dtype
from models.sr3.layers import Block, Downsample, LevelEncoding, ResnetBlockWithAttention, Upsample


class UNet(nn.Module):
    """Predicts the noise in an image, given condition images and the noise level.

    Args:
        in_channel: channels of condition and noisy image together, 3 n + 3 for n frames.
        out_channel: channels of the predicted noise.
        inner_channel: channels at full resolution.
        norm_groups: groups of every GroupNorm; it divides ``inner_channel``. Few groups let more of the noise level
            through (``models.sr3.layers.LevelShift``).
        channel_mults: channels of each level as multiples of ``inner_channel``; one level less of halvings.
        attn_res: resolutions (counted from ``image_size``) whose residual blocks are followed by attention.
        res_blocks: residual blocks of a level on the way down; one more on the way up.
        dropout: rate inside the residual blocks.
        with_noise_level_emb: only True makes a working network.
        image_size: nominal side; real images may have other sizes, attention stays where it is.

    Raises:
        ValueError: numbers that do not fit together.
    """

    def __init__(
        self,
        in_channel: int = 6,
        out_channel: int = 3,
        inner_channel: int = 32,
        norm_groups: int = 32,
        channel_mults: Sequence[int] = (1, 2, 4, 8, 8),
        attn_res: Sequence[int] | int = (8,),
        res_blocks: int = 3,
        dropout: float = 0.0,
        with_noise_level_emb: bool = True,
        image_size: int = 128,
    ) -> None:
        super().__init__()
        if not with_noise_level_emb:
            raise ValueError("with_noise_level_emb=False: a network that is not told the noise level cannot denoise")
        if not channel_mults or res_blocks < 1:
            raise ValueError(f"channel_mults = {channel_mults!r}, res_blocks = {res_blocks}: give at least one of each")
        self.in_channel, self.out_channel = in_channel, out_channel
        attended = {attn_res} if isinstance(attn_res, int) else set(attn_res)
        self.stride = 2 ** (len(channel_mults) - 1)
        self.noise_level_mlp = nn.Sequential(
            LevelEncoding(inner_channel),
            nn.Linear(inner_channel, 4 * inner_channel),
            nn.SiLU(),
            nn.Linear(4 * inner_channel, inner_channel),
        )

        def residual(channels_in: int, channels_out: int, attention: bool) -> ResnetBlockWithAttention:
            return ResnetBlockWithAttention(channels_in, channels_out, inner_channel, norm_groups, dropout, attention)

        channels, resolution = inner_channel, image_size
        downs: list[nn.Module] = [nn.Conv2d(in_channel, inner_channel, 3, padding=1)]
        skips = [channels]
        for level, factor in enumerate(channel_mults):
            for _ in range(res_blocks):
                downs.append(residual(channels, inner_channel * factor, resolution in attended))
                channels = inner_channel * factor
                skips.append(channels)
            if level < len(channel_mults) - 1:
                downs.append(Downsample(channels))
                skips.append(channels)
                resolution //= 2
        self.downs = nn.ModuleList(downs)
        self.mid = nn.ModuleList([residual(channels, channels, True), residual(channels, channels, False)])
        ups: list[nn.Module] = []
        for level, factor in reversed(list(enumerate(channel_mults))):
            for _ in range(res_blocks + 1):
                ups.append(residual(channels + skips.pop(), inner_channel * factor, resolution in attended))
                channels = inner_channel * factor
            if level:
                ups.append(Upsample(channels))
                resolution *= 2
        self.ups = nn.ModuleList(ups)
        self.final_conv = Block(channels, out_channel, norm_groups)

    def forward(self, x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Predicts noise.

        Args:
            x: [B, in_channel, H, W] in -1..1 (the noisy image beyond), condition first; H and W are multiples of
                ``self.stride``.
            level: [B, 1], the root of the product of all alphas; 1 is a clean image.

        Returns:
            The noise [B, out_channel, H, W] of deviation 1.

        Raises:
            ValueError: another shape or dtype.
        """
        self._check(x, level)
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 knows only 128 levels between 0.5 and 1
            embedded = self.noise_level_mlp(level)
        skips = []
        for layer in self.downs:
            x = layer(x, embedded) if isinstance(layer, ResnetBlockWithAttention) else layer(x)
            skips.append(x)
        for layer in self.mid:
            x = layer(x, embedded)
        for layer in self.ups:
            if isinstance(layer, ResnetBlockWithAttention):
                x = layer(torch.cat((x, skips.pop()), dim=1), embedded)
            else:
                x = layer(x)
        return torch.as_tensor(self.final_conv(x))

    def _check(self, x: torch.Tensor, level: torch.Tensor) -> None:
        if x.ndim != 4 or x.shape[1] != self.in_channel or 0 in x.shape:
            raise ValueError(
                f"UNet expects [B, {self.in_channel}, H, W] (condition and noisy image), got {tuple(x.shape)}"
            )
        if level.shape != (x.shape[0], 1):
            raise ValueError(f"UNet expects noise levels [{x.shape[0]}, 1], got {tuple(level.shape)}")
        if x.shape[2] % self.stride or x.shape[3] % self.stride:
            raise ValueError(
                f"UNet halves images {self.stride.bit_length() - 1} times: height and width must be multiples of "
                f"{self.stride}, got {x.shape[2]} x {x.shape[3]}"
            )
        check_dtype(self, x, "images")


def initialise_orthogonally(net: nn.Module) -> None:
    """The published start of a training: weights orthogonal (rows of ``[out, rest]``, gain 1), biases zero."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.orthogonal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.GroupNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
