"""RawSR's full-width recordings keep no weights: every value is a hash of its TensorFlow name and its index.

The hash differs from that of `tests.golden.closed_form` in that it counts from 1 and keeps all 32 bits.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from numpy.typing import NDArray

from models.rawsr.rawsrnet import RawSR
from util_scripts.convert_rawsr_checkpoint import to_torch, variable_name


def hashed_uniform(name: str, count: int) -> NDArray[np.float64]:
    """The first ``count`` numbers in [0, 1) that belong to a name."""
    x = np.arange(1, count + 1, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(zlib.crc32(name.encode()))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x / 2.0**32


def closed_form_state(net: RawSR) -> dict[str, torch.Tensor]:
    """The weights of the recordings: hashed in TensorFlow's layout, then turned into ours."""
    state: dict[str, torch.Tensor] = {}
    for parameter, value in net.state_dict().items():
        variable, shape = variable_name(parameter), tuple(value.shape)
        shape = (*shape[2:], *shape[1::-1]) if len(shape) > 1 else shape
        limit = 0.05 if len(shape) == 1 else (6 / (np.prod(shape[:-2]) * (shape[-1] + shape[-2]))) ** 0.5
        values = ((2 * hashed_uniform(variable, value.numel()) - 1) * limit).reshape(shape)
        if parameter == "restore.to_rgb.bias":
            values += 0.4
        elif parameter == "color.to_matrix.bias":
            values += [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
        state[parameter] = to_torch(values.astype(np.float32))
    return state
