"""Two-stage alignment in plain form: one candidate after the other, and every frame through all of the network."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import deform_conv2d

from models.two_stage_align.blocks import AttentionBlock
from models.two_stage_align.deformable import ModulatedDeformConv
from models.two_stage_align.features import MATCHING_SCALE
from models.two_stage_align.patch_matching import search_radius, visiting_order
from models.two_stage_align.recurrent import BidirectionalGRU
from models.two_stage_align.tiles import merge_tiles
from models.two_stage_align.two_stage_net import TwoStageNet


class PlainDeformConv(ModulatedDeformConv):
    def forward(self, x: torch.Tensor, guide: torch.Tensor | None = None) -> torch.Tensor:
        predicted = self.conv_offset_mask(x if guide is None else guide)
        offset, mask = predicted[:, : 2 * self.taps], torch.sigmoid(predicted[:, 2 * self.taps :])
        return deform_conv2d(x, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)


class PlainAttentionBlock(AttentionBlock):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.extract_conv(self.activation(self.square_conv(x)))
        x = x + self.res_block1(x)
        x = x + self.res_block2(x)
        by_channel = torch.sigmoid(self.up(self.activation(self.down(F.adaptive_avg_pool2d(x, 1)))))
        return x + x * by_channel + x * torch.sigmoid(self.spatial_att(x))


class PlainBidirectionalGRU(BidirectionalGRU):
    """Runs over all frames in both directions, also over those that the centre frame's state does not see."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        centre = frames.shape[1] // 2
        before, after = self.forward_net(frames), self.forward_net(frames.flip(1))
        merged = torch.cat((before[centre + 1], after[centre + 1]), dim=1)
        if self.training and self.interpolation:
            merged = torch.cat((merged, torch.cat((before[centre], after[centre]), dim=1)), dim=0)
        return self.conv_1x1(merged)


class PlainTwoStageNet(TwoStageNet):
    """Restores also the tiles that lie in the padding altogether."""

    def _restored_frame(self, burst: torch.Tensor, noise_map: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tiling, (height, width) = self.tiling, burst.shape[-2:]
        both = self.padded(torch.cat((burst, noise_map), dim=1))
        rows, columns = ((side - 2 * tiling.margin) // tiling.patch for side in both.shape[-2:])
        step, size = tiling.patch // MATCHING_SCALE, tiling.patch + 2 * tiling.margin
        features = None if self.downsampling is None else self.downsampling(both[:, :4])
        places, tiles = [], []
        for row in range(rows):
            for column in range(columns):
                start = (row * step, column * step)
                found = [start] * len(burst) if features is None else self._matched(features, start)
                places.append(found)
                cut = [
                    frame[:, 4 * top : 4 * top + size, 4 * left : 4 * left + size]
                    for frame, (top, left) in zip(both, found, strict=True)
                ]
                tiles.append(torch.stack(cut))
        restored = [
            self.reconstruction(part[:, :, :4], part[:, :, 4:]) for part in torch.stack(tiles).split(tiling.max_batch)
        ]
        image = merge_tiles(torch.cat(restored), rows, columns, 2 * tiling.margin)
        positions = MATCHING_SCALE * torch.tensor(places).movedim(1, 0).unflatten(1, (rows, columns))
        return image[:, : 2 * height, : 2 * width], positions

    def _matched(self, features: torch.Tensor, start: tuple[int, int]) -> list[tuple[int, int]]:
        frames, centre = len(features), len(features) // 2
        p = (self.tiling.patch + 2 * self.tiling.margin) // MATCHING_SCALE
        template = features[centre, :, start[0] : start[0] + p, start[1] : start[1] + p]
        found = {centre: start}
        for frame in visiting_order(frames):
            around = found[frame + 1 if frame < centre else frame - 1]
            for reach, step in ((search_radius(self.tiling.search_window), 2), (2, 1)):
                around = self._best(features[frame], template, around, reach, step)
            found[frame] = around
        return [found[frame] for frame in range(frames)]

    def _best(
        self, features: torch.Tensor, template: torch.Tensor, around: tuple[int, int], reach: int, step: int
    ) -> tuple[int, int]:
        p = template.shape[-1]
        limits = [side - p + (1 if self.tiling.inclusive_search else 0) for side in features.shape[-2:]]
        errors: dict[tuple[int, int], float] = {}
        for row in range(around[0] - reach, around[0] + reach, step):
            for column in range(around[1] - reach, around[1] + reach, step):
                if 0 <= row < limits[0] and 0 <= column < limits[1]:
                    window = features[:, row : row + p, column : column + p]
                    errors[row, column] = float((template - window).abs().mean())
        return min(errors, key=lambda place: errors[place])


_PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    ModulatedDeformConv: PlainDeformConv,
    AttentionBlock: PlainAttentionBlock,
    BidirectionalGRU: PlainBidirectionalGRU,
    TwoStageNet: PlainTwoStageNet,
}


def plain_two_stage(net: nn.Module) -> nn.Module:
    """A copy of a two-stage network, or of a part of it, that computes in the plain form."""
    twin = copy.deepcopy(net)
    for module in twin.modules():
        if type(module) in _PLAIN:
            module.__class__ = _PLAIN[type(module)]
    return twin
