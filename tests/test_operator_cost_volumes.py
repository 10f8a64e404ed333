"""Cost volumes and scores of matching: adjoint, gradient, batch, size, precision."""

from __future__ import annotations

import torch

from models.layers.correlation import CostVolume, local_correlation, pwc_correlation
from models.two_stage_align.similarity import normalised_cross_correlation
from tests.operators import Operator, OperatorChecks, Tensors, divided_by, random


def two_maps(height: int, width: int) -> Tensors:
    return random(3, height, width), random(3, height, width)


def similarity(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """As [B, 1, 1]."""
    return normalised_cross_correlation(x, y)[:, None, None]


OPERATORS = [
    *(
        Operator(
            f"local correlation to {reach}",
            lambda a, b, reach=reach: local_correlation(a, b, reach),
            two_maps,
            (local_correlation,),
            sizes=((3, 5), (4, 19), (1, 1)),
            gradients=(0, 1),
        )
        for reach in (0, 1, 3)
    ),
    Operator(
        "PWC-Net's cost volume",
        pwc_correlation,
        two_maps,
        (pwc_correlation,),
        sizes=((3, 5), (2, 17), (1, 1)),
        gradients=(0, 1),
    ),
    *(
        Operator(
            f"cost volume, window {kernel}, stride {stride}",
            CostVolume(kernel, 2, stride),
            two_maps,
            (CostVolume,),
            sizes=((3, 5), (4, 9), (1, 2)),
            shape=divided_by(stride),
            gradients=(0, 1),
        )
        for kernel, stride in ((1, 1), (3, 1), (3, 2))
    ),
    Operator(
        "normalised cross-correlation",
        similarity,
        two_maps,
        (normalised_cross_correlation,),
        shape=lambda *size: (1, 1),
        linear=False,
        gradients=(0, 1),
    ),
]


class TestCostVolumes(OperatorChecks):
    operators = OPERATORS
