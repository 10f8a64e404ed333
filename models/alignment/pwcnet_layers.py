"""The parts of PWC-Net (D. Sun et al., CVPR 2018, arXiv 1709.02371), with the names that its weight file uses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.alignment.flow_images import pair_up
from models.layers.correlation import pwc_correlation

_SLOPE = 0.1
_FEATURES = {"netOne": 16, "netTwo": 32, "netThr": 64, "netFou": 96, "netFiv": 128, "netSix": 196}
_DENSE = {"netOne": 128, "netTwo": 128, "netThr": 96, "netFou": 64, "netFiv": 32}
_COSTS = 81
# How far the warp goes per unit of the upsampled flow, by level: 20 / 2^level.
_WARP_SCALE = {2: 5.0, 3: 2.5, 4: 1.25, 5: 0.625}


def backwarp(x: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """PWC-Net's own warp: [B, C, H, W] sampled where ``flow`` [B, 2, H, W] points to, zero where that lies outside.

    Unlike :func:`utils.ops.warp.warp` it moves by W / (W - 1) times the flow (H alike): grid and flow are
    normalised by different conventions, and the published weights were trained that way. Positions whose four
    neighbours lie inside with less than 0.999 of their weight are set to zero.
    """
    height, width = x.shape[-2:]
    columns = _pixel_centres(width, flow)
    rows = _pixel_centres(height, flow)
    grid = torch.stack(
        (columns + flow[:, 0] / ((width - 1) / 2), rows[:, None] + flow[:, 1] / ((height - 1) / 2)), dim=-1
    )
    with torch.no_grad():
        inside = F.grid_sample(x.new_ones(x.shape[0], 1, height, width), grid, align_corners=False) > 0.999
    return F.grid_sample(x, grid, align_corners=False) * inside


def _pixel_centres(count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.linspace(-1 + 1 / count, 1 - 1 / count, count, device=like.device, dtype=like.dtype)


class Extractor(nn.Module):
    """Six stages of three 3×3 convolutions; stage ℓ has 1 / 2^ℓ of the resolution."""

    def __init__(self) -> None:
        super().__init__()
        in_dim = 3
        for name, dim in _FEATURES.items():
            stage = nn.Sequential(
                nn.Conv2d(in_dim, dim, 3, stride=2, padding=1),
                nn.LeakyReLU(_SLOPE),
                nn.Conv2d(dim, dim, 3, padding=1),
                nn.LeakyReLU(_SLOPE),
                nn.Conv2d(dim, dim, 3, padding=1),
                nn.LeakyReLU(_SLOPE),
            )
            self.add_module(name, stage)
            in_dim = dim

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """[B, 3, H, W] → the features of the six stages, finest first."""
        levels = []
        for stage in self.children():
            image = stage(image)
            levels.append(image)
        return levels


class Decoder(nn.Module):
    """Flow of one level from the cost volume, the features, and the coarser level's flow."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level
        self.is_coarsest = level == len(_FEATURES)
        dim = _COSTS
        if not self.is_coarsest:
            below = _COSTS if level + 1 == len(_FEATURES) else self._input_dim(level + 1)
            self.netUpflow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
            self.netUpfeat = nn.ConvTranspose2d(below + sum(_DENSE.values()), 2, 4, stride=2, padding=1)
            dim = self._input_dim(level)
        for name, out_dim in _DENSE.items():
            self.add_module(name, nn.Sequential(nn.Conv2d(dim, out_dim, 3, padding=1), nn.LeakyReLU(_SLOPE)))
            dim += out_dim
        self.netSix = nn.Sequential(nn.Conv2d(dim, 2, 3, padding=1))

    @staticmethod
    def _input_dim(level: int) -> int:
        return _COSTS + list(_FEATURES.values())[level - 1] + 4

    def forward(
        self, first: torch.Tensor, second: torch.Tensor, coarser: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of the level [B, C, H, W] and the coarser (flow, dense features) → (flow, dense features)."""
        first, second = pair_up(first, second)
        if coarser is None:
            x = F.leaky_relu(pwc_correlation(first, second), _SLOPE)
        else:
            flow, feat = coarser
            flow = self.netUpflow(flow)
            warped = backwarp(second, flow * _WARP_SCALE[self.level])
            costs = F.leaky_relu(pwc_correlation(first, warped), _SLOPE)
            x = torch.cat((costs, first, flow, self.netUpfeat(feat)), dim=1)
        for name in _DENSE:
            x = torch.cat((self.get_submodule(name)(x), x), dim=1)
        return self.netSix(x), x


class Refiner(nn.Module):
    """Dilated convolutions that correct the finest flow."""

    def __init__(self) -> None:
        super().__init__()
        dims = (Decoder._input_dim(2) + sum(_DENSE.values()), 128, 128, 128, 96, 64, 32, 2)
        layers: list[nn.Module] = []
        for in_dim, out_dim, dilation in zip(dims[:-1], dims[1:], (1, 2, 4, 8, 16, 1, 1), strict=True):
            layers.append(nn.Conv2d(in_dim, out_dim, 3, padding=dilation, dilation=dilation))
            layers.append(nn.LeakyReLU(_SLOPE))
        self.netMain = nn.Sequential(*layers[:-1])

    def forward(self, feat: torch.Tensor) -> torch.Tensor:
        refined: torch.Tensor = self.netMain(feat)
        return refined


class Network(nn.Module):
    """The whole network at its working size: flow at 1/4 of the resolution, in twentieths of full-size pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.netExtractor = Extractor()
        self.netTwo = Decoder(2)
        self.netThr = Decoder(3)
        self.netFou = Decoder(4)
        self.netFiv = Decoder(5)
        self.netSix = Decoder(6)
        self.netRefiner = Refiner()

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """[B, 3, H64, W64] twice (or one image for several of the other) → flow [B, 2, H64 / 4, W64 / 4].

        The flow lies on the grid of ``first`` and points into ``second``.
        """
        firsts, seconds = self.netExtractor(first), self.netExtractor(second)
        state: tuple[torch.Tensor, torch.Tensor] | None = None
        for decoder in (self.netSix, self.netFiv, self.netFou, self.netThr, self.netTwo):
            state = decoder(firsts[decoder.level - 1], seconds[decoder.level - 1], state)
        assert state is not None
        flow, feat = state
        refined: torch.Tensor = flow + self.netRefiner(feat)
        return refined
