"""What the RAW burst super-resolution benchmarks share: how networks are called, and the training-free rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.network_param import NetworkParam
from models.classical import AlignedMeanUpsampling, BilinearUpsampling, DemosaicUpsampling, RobustSuperResolution

# Pixels of the ground truth that no published figure counts.
BORDER = 40

ENCODING = PredictionEncoding(space="linear sensor RGB")

BASELINES = (
    NetworkParam(network=BilinearUpsampling, unique_name="bilinear", display_name="bilinear, 1 frame"),
    NetworkParam(
        network=DemosaicUpsampling, unique_name="demosaic_lanczos", display_name="demosaic + Lanczos, 1 frame"
    ),
    NetworkParam(network=AlignedMeanUpsampling, unique_name="aligned_mean", display_name="aligned mean"),
    NetworkParam(network=RobustSuperResolution, unique_name="classical", display_name="classical"),
)


def call_super_resolution(net: nn.Module, burst: torch.Tensor, info: Mapping[str, Any]) -> torch.Tensor:
    """Networks get the burst [1, T, 4, H, W] alone and give linear sensor RGB [1, 3, 8H, 8W]."""
    prediction: torch.Tensor = net(burst)[0]
    return prediction
