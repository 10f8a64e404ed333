"""Convolutions with weight normalisation (Salimans and Kingma, NeurIPS 2016, eq. 2) under its classical key names.

The effective weight is ``g v / ‖v‖``, the norm taken over all axes except the first. Torch's own parametrisation uses
other keys (``parametrizations.weight.original0``), and its older hook leaves a module that cannot be copied.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class _WeightNormed(nn.Module):
    """Splits the weight of a convolution into ``weight_g`` [axis 0, 1, 1, 1] and ``weight_v``; at first g = ‖v‖."""

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def _split_weight(self) -> None:
        weight: torch.Tensor = self._parameters.pop("weight")  # type: ignore[assignment]
        self.weight_g = nn.Parameter(weight.detach().flatten(1).norm(dim=1)[:, None, None, None])
        self.weight_v = nn.Parameter(weight.detach())

    def effective_weight(self) -> torch.Tensor:
        """The weight that the convolution uses."""
        # The kernel behind torch's own weight_norm: written out, rounding moves some gradients by 0.2 % of the largest.
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def apply_weight(self, maps: torch.Tensor, weight: torch.Tensor, with_bias: bool = True) -> torch.Tensor:
        """Convolves with an effective weight that was computed before, or with that of some of the input channels."""
        raise NotImplementedError


class WeightNormConv2d(_WeightNormed, nn.Conv2d):
    """``nn.Conv2d`` with a normalised weight; axis 0 of ``weight_g`` is the output channel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._split_weight()

    def apply_weight(self, maps: torch.Tensor, weight: torch.Tensor, with_bias: bool = True) -> torch.Tensor:
        return F.conv2d(maps, weight, self.bias if with_bias else None, self.stride, self.padding)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Convolves ``maps`` [B, C, H, W]."""
        return self.apply_weight(maps, self.effective_weight())


class WeightNormConvTranspose2d(_WeightNormed, nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` with a normalised weight; axis 0 of ``weight_g`` is the *input* channel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._split_weight()

    def apply_weight(self, maps: torch.Tensor, weight: torch.Tensor, with_bias: bool = True) -> torch.Tensor:
        bias = self.bias if with_bias else None
        return F.conv_transpose2d(maps, weight, bias, self.stride, self.padding)  # type: ignore[arg-type]

    def forward(self, maps: torch.Tensor, output_size: Any = None) -> torch.Tensor:
        """Convolves ``maps`` [B, C, H, W]."""
        return self.apply_weight(maps, self.effective_weight())


class Stage(nn.Sequential):
    """Layers that see every map of a batch on its own, but for the statistics of BatchNorm in training.

    The first layer, a convolution, takes its input channels in parts. It is linear, so what all frames of a burst share
    is convolved once per burst instead of once per frame, and nothing has to be put together before.

    In evaluation on a CPU the maps go through the layers one by one. Kernels may round a value differently depending on
    where in the batch it stands (vector or remainder, which thread), and the order of the frames of a burst must not
    change a single bit.
    """

    def forward(
        self, maps: torch.Tensor, shared: torch.Tensor | None = None, skipped: torch.Tensor | None = None
    ) -> torch.Tensor:
        """[B N, C, H, W] of N frames of each burst to [B N, C', H', W'].

        Args:
            maps: the first input channels, or all.
            shared: the next ones, [B, S, H, W].
            skipped: the last ones, [B N, R, H, W].
        """
        one_by_one = not self.training and maps.device.type == "cpu"
        first, *others = self
        assert isinstance(first, _WeightNormed)
        parts = [part for part in (maps, shared, skipped) if part is not None]
        own, *more = first.effective_weight().split([part.shape[1] for part in parts], dim=1)
        layers = [(layer, layer.effective_weight() if isinstance(layer, _WeightNormed) else None) for layer in others]

        common = None
        if shared is not None:
            common = _convolved(first, shared, more[0], one_by_one)

        def through(maps: torch.Tensor, common: torch.Tensor | None, skipped: torch.Tensor | None) -> torch.Tensor:
            maps = first.apply_weight(maps, own, with_bias=common is None)
            if skipped is not None:
                maps += first.apply_weight(skipped, more[-1], with_bias=False)
            if common is not None:
                maps.unflatten(0, (len(common), -1)).add_(common[:, None])
            for layer, weight in layers:
                maps = _applied(layer, maps, weight)
            return maps

        if not one_by_one:
            return through(maps, common, skipped)
        frames = len(maps) // (1 if common is None else len(common))
        return torch.cat(
            [
                through(
                    maps[index : index + 1],
                    None if common is None else common[index // frames][None],
                    None if skipped is None else skipped[index : index + 1],
                )
                for index in range(len(maps))
            ]
        )


def _convolved(conv: _WeightNormed, maps: torch.Tensor, weight: torch.Tensor, one_by_one: bool) -> torch.Tensor:
    return torch.cat([conv.apply_weight(part, weight) for part in (maps.split(1) if one_by_one else [maps])])


def _applied(layer: nn.Module, maps: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    if isinstance(layer, _WeightNormed):
        assert weight is not None
        return layer.apply_weight(maps, weight)
    if isinstance(layer, nn.ELU) and not torch.is_grad_enabled():
        return F.elu_(maps)
    return torch.as_tensor(layer(maps))
