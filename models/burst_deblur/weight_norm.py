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

    def apply_weight(self, maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Convolves with an effective weight that was computed before."""
        raise NotImplementedError


class WeightNormConv2d(_WeightNormed, nn.Conv2d):
    """``nn.Conv2d`` with a normalised weight; axis 0 of ``weight_g`` is the output channel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._split_weight()

    def apply_weight(self, maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.conv2d(maps, weight, self.bias, self.stride, self.padding)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Convolves ``maps`` [B, C, H, W]."""
        return self.apply_weight(maps, self.effective_weight())


class WeightNormConvTranspose2d(_WeightNormed, nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` with a normalised weight; axis 0 of ``weight_g`` is the *input* channel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._split_weight()

    def apply_weight(self, maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.conv_transpose2d(maps, weight, self.bias, self.stride, self.padding)  # type: ignore[arg-type]

    def forward(self, maps: torch.Tensor, output_size: Any = None) -> torch.Tensor:
        """Convolves ``maps`` [B, C, H, W]."""
        return self.apply_weight(maps, self.effective_weight())


class Stage(nn.Sequential):
    """Layers that see every map of a batch on its own, but for the statistics of BatchNorm in training.

    In evaluation on a CPU the maps also go through the layers one by one. Kernels may round a value differently
    depending on where in the batch it stands (vector or remainder, which thread), and the order of the frames of a
    burst must not change a single bit.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to [B, C', H', W']."""
        if self.training or maps.device.type != "cpu" or len(maps) == 1:
            return super().forward(maps)
        separate = list(maps.split(1))
        for layer in self:
            if isinstance(layer, _WeightNormed):
                weight = layer.effective_weight()
                separate = [layer.apply_weight(one, weight) for one in separate]
            else:
                separate = [layer(one) for one in separate]
        return torch.cat(separate)
