"""DeepRep's own flow network: a small pyramid of cost volumes that is trained from scratch with the rest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from models.alignment.flow_images import FLOW_SCALE, flow_in_pixels, pair_up, prepare, resize
from models.layers.blocks import ResBlock, conv_block
from models.layers.correlation import CostVolume
from models.layers.warp import warp


class PyrCorr(nn.Module):
    """Flow of a pair of images by cost volumes on a pyramid, coarsest level first (DeepRep, section "custom flow").

    Args:
        input_channels: channels of the images.
        init_dim: channels of the feature extractor.
        num_res_blocks: its residual blocks; after each one the features are halved until ``ds_factor`` is reached.
        ds_factor: the finest level lies at 1/ds_factor of the working size.
        offset_cdim: channels of the features that are correlated.
        offset_predictor_dims: channels of the hidden layers of each level's flow predictor.
        corr_max_disp: largest displacement of each level, finest first; its length is the number of levels.
        corr_kernel_sz: window of the cost volumes.
        use_ref_for_offset: the predictors also see the features of the source image.
        rgb2bgr: reverse the order of the channels first.
        use_bn, activation: of the convolution blocks.
    """

    # One source image may be given for several consecutive targets: its features are then computed once.
    shares_source = True

    def __init__(
        self,
        input_channels: int,
        init_dim: int,
        num_res_blocks: int,
        ds_factor: int,
        offset_cdim: int,
        offset_predictor_dims: Sequence[int],
        corr_max_disp: Sequence[int] = (2, 2, 4),
        corr_kernel_sz: int = 3,
        use_ref_for_offset: bool = True,
        rgb2bgr: bool = False,
        use_bn: bool = False,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        self.input_channels = input_channels
        self.ds_factor = ds_factor
        self.use_ref_for_offset = use_ref_for_offset
        self.rgb2bgr = rgb2bgr
        self.corr_max_disp = tuple(corr_max_disp)

        self.init_layer = conv_block(input_channels, init_dim, batch_norm=use_bn, activation=activation)
        layers: list[nn.Module] = []
        factor_left = ds_factor
        for _ in range(num_res_blocks):
            layers.append(ResBlock(init_dim, init_dim, batch_norm=use_bn, activation=activation))
            if factor_left > 1.1:
                layers.append(conv_block(init_dim, init_dim, stride=2, batch_norm=use_bn, activation=activation))
                factor_left //= 2
        self.offset_res_layers = nn.Sequential(*layers)

        self.offsetfeat_layers = nn.ModuleList(
            conv_block(
                offset_cdim if level else init_dim,
                offset_cdim,
                stride=2 if level else 1,
                batch_norm=use_bn,
                activation=activation,
            )
            for level in range(len(corr_max_disp))
        )
        self.cost_volumes = nn.ModuleList(CostVolume(corr_kernel_sz, d) for d in corr_max_disp)
        self.offset_predictors = nn.ModuleList(
            _predictor((2 * d + 1) ** 2 + offset_cdim * use_ref_for_offset, offset_predictor_dims, use_bn, activation)
            for d in corr_max_disp
        )

    def forward(
        self, source_img: torch.Tensor, target_img: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, list[torch.Tensor] | None]]:
        """The flow from ``target_img`` into ``source_img``: ``warp(source_img, flow)`` resembles ``target_img``.

        Args:
            source_img: [B, C, H, W]; or [B / k, C, H, W], each for k consecutive targets.
            target_img: [B, C, H, W].

        Returns:
            flow [B, 2, H, W] in pixels on the grid of the target, and a dict whose ``flow_all`` holds the flow of each
            level, coarsest first, in pixels of the working size; None unless H and W are multiples of 64.
        """
        size = (target_img.shape[-2], target_img.shape[-1])
        source = prepare(source_img, self.input_channels, self.rgb2bgr, "source_img")
        target = prepare(target_img, self.input_channels, self.rgb2bgr, "target_img")
        # As trained, the cost volumes and warps treat the source as the reference image, although the result is used
        # on the grid of the target.
        flow, levels = self._estimate(self._features(target), self._features(source))
        exact = size[0] % 64 == 0 and size[1] % 64 == 0
        flow_all = [level * FLOW_SCALE for level in levels] if exact else None
        return flow_in_pixels(flow, size), {"flow_all": flow_all}

    def _features(self, image: torch.Tensor) -> list[torch.Tensor]:
        feat = self.offset_res_layers(self.init_layer(image))
        levels = []
        for layer in self.offsetfeat_layers:
            feat = layer(feat)
            levels.append(feat)
        return levels

    def _estimate(
        self, target: list[torch.Tensor], source: list[torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        offsets: torch.Tensor | None = None
        levels = []
        for level in reversed(range(len(target))):
            feat_target, feat_source = pair_up(target[level], source[level])
            if offsets is not None:
                offsets = 2 * resize(offsets, (feat_target.shape[-2], feat_target.shape[-1]))
                # The offsets are in the network's own units here, without the factor that the result gets.
                feat_target = warp(feat_target, offsets)
            evidence = self.cost_volumes[level](feat_source, feat_target)
            if self.use_ref_for_offset:
                evidence = torch.cat((evidence, feat_source), dim=1)
            update = self.offset_predictors[level](evidence)
            offsets = update if offsets is None else update + offsets
            levels.append(offsets)
        assert offsets is not None
        flow = F.interpolate(offsets, scale_factor=self.ds_factor, mode="bilinear", align_corners=False)
        return self.ds_factor * flow, levels


def _predictor(input_dim: int, dims: Sequence[int], use_bn: bool, activation: str) -> nn.Sequential:
    widths = (input_dim, *dims)
    hidden = [
        conv_block(width, next_width, batch_norm=use_bn, activation=activation)
        for width, next_width in itertools.pairwise(widths)
    ]
    return nn.Sequential(*hidden, conv_block(widths[-1], 2, activation="none"))
