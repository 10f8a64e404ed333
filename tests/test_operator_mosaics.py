"""Bayer mosaics, packing and demosaicking: adjoint, gradient, batch, size, precision."""

from __future__ import annotations

import numpy as np
import torch

from models.alignment.wrappers import flow_image
from tests.operators import Operator, OperatorChecks, divided_by, random, same_size, times
from utils.ops.demosaic import colour_balance, demosaic
from utils.ops.mosaic import mosaic, pack, unpack

EVEN = ((6, 10), (2, 2), (4, 14))
GAINS = np.array([2.0, 1.0, 1.0, 1.5], dtype=np.float32)


def of_each(packed: torch.Tensor, gains: np.ndarray | None) -> torch.Tensor:
    """Demosaicked frames [B, 3, 2h, 2w]."""
    rgb = [demosaic(frame.float().numpy(), gains) for frame in packed]
    return torch.from_numpy(np.stack(rgb)).permute(0, 3, 1, 2)


OPERATORS = [
    *(
        Operator(
            f"mosaic {mode}",
            lambda rgb, mode=mode: mosaic(rgb, mode),
            same_size(3),
            (mosaic,),
            sizes=EVEN,
            shape=divided_by(2),
            leading=True,
        )
        for mode in ("rggb", "grbg")
    ),
    Operator("pack", pack, same_size(2), (pack,), sizes=EVEN, shape=divided_by(2), adjoint=unpack, leading=True),
    Operator("unpack", unpack, same_size(4), (unpack,), shape=times(2), adjoint=pack, leading=True),
    Operator(
        "demosaic",
        lambda packed: of_each(packed, GAINS),
        same_size(4),
        (demosaic,),
        shape=times(2),
        gradients=(),
        sizes=((5, 7), (4, 9), (2, 3)),
        dtype=torch.float32,
    ),
    Operator(
        "demosaic, balanced by itself",
        lambda packed: of_each(packed, None),
        lambda height, width: (random(4, height, width).exp(),),
        (demosaic, colour_balance),
        shape=times(2),
        linear=False,
        gradients=(),
        sizes=((5, 7), (4, 9), (2, 3)),
        dtype=torch.float32,
    ),
    *(
        Operator(f"flow image of {channels}", flow_image, same_size(channels), (flow_image,), leading=True)
        for channels in (1, 3, 4)
    ),
]


class TestMosaics(OperatorChecks):
    operators = OPERATORS
