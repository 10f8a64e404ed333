"""A decoder that predicts how to smooth: kernels for every pixel at several scales.

After B. Mildenhall et al., Burst Denoising with Kernel Prediction Networks, CVPR 2018 (section 4), with a pyramid in
place of large kernels, as deep noise asks for wide surroundings, and with non-local means beside it: what repeats in an
image need not be learned.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.blocks import ResBlock, conv_block
from models.layers.non_local_means import non_local_means

_SIDE = 5  # of the kernels
_TAPS = _SIDE**2
_PACKED = 2
_ACTIVATION = "lrelu"  # with ReLU nine features of ten were dead after a few hundred steps
# How much of the random weights stays in the layers that speak: the decoder starts as a mean over many scales.
_KEPT_KERNELS, _KEPT_DETAIL, _KEPT_BRANCH = 0.05, 0.02, 0.1


class KernelDecoder(nn.Module):
    """Image = kernels applied to a pyramid of the plain image, blended with non-local means, + noise level · detail.

    The plain image is a 1×1 convolution of the latent image. A small U-Net on 2×2-packed pixels looks at the latent
    image and gives, for every pixel of every scale, the weights of a 5×5 mean (the same for all colours, so colours
    cannot drift) and its share against the coarser scales; the share of the plain image's non-local means, which it
    sees too; and a detail in units of the noise, so that where there is hardly any it does no harm. The non-local means
    are detached: no gradient goes through them to the plain image. Keeps the size.

    Args:
        input_dim: channels of the latent image.
        widths: channels at each level of the U-Net, finest (half resolution) first.
        num_res_blocks: residual blocks at each level, on the way down and again on the way up (the coarsest once).
        out_dim: channels of the image.
    """

    def __init__(self, input_dim: int, widths: Sequence[int], num_res_blocks: Sequence[int], out_dim: int = 3) -> None:
        super().__init__()
        if len(widths) != len(num_res_blocks):
            raise ValueError(f"widths {tuple(widths)} and num_res_blocks {tuple(num_res_blocks)} differ in length")
        levels = list(zip(widths, num_res_blocks, strict=True))
        steps = list(itertools.pairwise(widths))
        self.stride = _PACKED * 2 ** len(steps)
        self.skip = nn.Conv2d(input_dim, out_dim, 1)
        self.init_layer = conv_block((input_dim + out_dim) * _PACKED**2, widths[0], activation=_ACTIVATION)
        self.down_layers = nn.ModuleList(_blocks(*level) for level in levels)
        self.downsamplers = nn.ModuleList(
            conv_block(a, b, kernel_size=2, stride=2, padding=0, activation=_ACTIVATION) for a, b in steps
        )
        self.upsamplers = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in steps)
        self.up_layers = nn.ModuleList(_blocks(*level) for level in levels[:-1])
        self.kernel_layers = nn.ModuleList(
            nn.Conv2d(width, (_TAPS + 1) * copies, 3, padding=1)
            for width, copies in [(widths[0], _PACKED**2), *((width, 1) for width in widths)]
        )
        self.pilot_layer = nn.Conv2d(widths[0], _PACKED**2, 3, padding=1)
        self.detail_layer = nn.Conv2d(widths[0], out_dim * _PACKED**2, 3, padding=1)
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module is not self.skip:
                nn.init.kaiming_normal_(module.weight, a=0.1)
                nn.init.zeros_(module.get_parameter("bias"))
        for block in self.modules():
            if isinstance(block, ResBlock):
                block.get_parameter("conv2.0.weight").mul_(_KEPT_BRANCH)
        for layer in self.kernel_layers:
            layer.get_parameter("weight").mul_(_KEPT_KERNELS)
        self.pilot_layer.weight.mul_(_KEPT_KERNELS)
        self.detail_layer.weight.mul_(_KEPT_DETAIL)

    def forward(self, x: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The image, ``pred`` [B, out_dim, H, W].

        ``x['fused_enc']`` [B, C, H, W] is the latent image, ``x['noise']`` [B, out_dim, H, W] its noise's deviation.
        """
        latent = x["fused_enc"]
        height, width = latent.shape[-2:]
        latent = F.pad(latent, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")
        plain = self.skip(latent).float()
        pilot = non_local_means(plain, x["noise"].float().mean(dim=(1, 2, 3), keepdim=True))
        features = self._features(torch.cat((latent, pilot.to(latent.dtype)), dim=1))
        spoken = [layer(feat) for layer, feat in zip(self.kernel_layers, [features[0], *features], strict=True)]
        spoken[0] = F.pixel_shuffle(spoken[0], _PACKED)
        share, detail = (
            F.pixel_shuffle(layer(features[0]), _PACKED) for layer in (self.pilot_layer, self.detail_layer)
        )
        smooth = torch.lerp(_smoothed(plain, [kernels.float() for kernels in spoken]), pilot, share.float().sigmoid())
        return {"pred": smooth[..., :height, :width] + x["noise"] * detail[..., :height, :width]}

    def _features(self, seen: torch.Tensor) -> list[torch.Tensor]:
        """Those of the U-Net at every level, finest first."""
        feat = self.init_layer(F.pixel_unshuffle(seen, _PACKED))
        passed = []
        for blocks, downsampler in zip(self.down_layers, self.downsamplers, strict=False):
            feat = blocks(feat)
            passed.append(feat)
            feat = downsampler(feat)
        features = [self.down_layers[-1](feat)]
        for level in reversed(range(len(passed))):
            finer = F.pixel_shuffle(self.upsamplers[level](features[0]), 2)
            features.insert(0, self.up_layers[level](finer + passed[level]))
        return features


def _smoothed(image: torch.Tensor, spoken: Sequence[torch.Tensor]) -> torch.Tensor:
    """From the coarsest scale up: the own mean and the enlarged coarser result, blended by the predicted share.

    ``spoken``: [B, 25 + 1, h, w] per scale, finest first; logits of the kernel's weights and of the share.
    """
    pyramid = [image]
    for _ in spoken[1:]:
        pyramid.append(F.avg_pool2d(pyramid[-1], 2))
    coarser = None
    for scale, said in zip(reversed(pyramid), reversed(spoken), strict=True):
        own = _kernel_mean(scale, said[:, :_TAPS].softmax(dim=1))
        if coarser is not None:
            share = said[:, _TAPS:].sigmoid()
            enlarged = F.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False)
            own = share * own + (1 - share) * enlarged
        coarser = own
    assert coarser is not None
    return coarser


def _kernel_mean(image: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of the 5×5 surroundings of every pixel, weighted by ``weights`` [B, 25, H, W], which sum to 1."""
    height, width = image.shape[-2:]
    padded = F.pad(image, (_SIDE // 2,) * 4, mode="replicate")
    mean = torch.zeros_like(image)
    for tap, (row, column) in enumerate(itertools.product(range(_SIDE), repeat=2)):
        mean = mean + padded[..., row : row + height, column : column + width] * weights[:, tap : tap + 1]
    return mean


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResBlock(width, width, activation=_ACTIVATION) for _ in range(count)))
