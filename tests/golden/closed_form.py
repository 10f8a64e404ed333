"""Weights that need no file: every value is a hash of the tensor's name and the index in it.

The recordings define the rule: a 32-bit hash of (index, name), mapped to [-1, 1), times a gain that depends on the kind
of tensor, plus an offset.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
from torch import nn

from models.alignment.pwcnet import PWCNet


def closed_form(
    key: str, shape: tuple[int, ...], gain: float, offset: float = 0.0, fan_in: int | None = None
) -> torch.Tensor:
    """The float32 tensor of this name: ``gain`` scales 1-D tensors, ``gain * sqrt(3 / fan_in)`` all others."""
    index = np.arange(math.prod(shape), dtype=np.uint32)
    h = index * np.uint32(0x9E3779B1) + np.uint32(zlib.crc32(key.encode()))
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    values = (h >> np.uint32(8)).astype(np.float64) / 8388608 - 1
    if len(shape) > 1:
        gain *= math.sqrt(3 / (fan_in or math.prod(shape[1:])))
    return torch.from_numpy((gain * values + offset).astype(np.float32).reshape(shape))


def pwcnet_tensor(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A weight of PWC-Net; ``key`` is the name inside the network, e.g. ``netExtractor.netOne.0.weight``."""
    if len(shape) == 1:
        return closed_form(key, shape, 0.05)
    if shape[2:] == (4, 4):
        return closed_form(key, shape, 0.8, fan_in=4 * shape[0])
    return closed_form(key, shape, 0.15 if shape[0] == 2 else 1.6)


def published_tensor(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A weight of a network recorded at its published size, PWC-Net's excepted; ``key`` is its state-dict key."""
    if key.endswith("feat_reg_w"):
        return torch.ones(shape)
    if len(shape) == 1:
        return closed_form(key, shape, 0.05, 0.3 if key.endswith("decoder.predictor.0.bias") else 0.0)
    return closed_form(key, shape, 0.1 if key.startswith("alignment_net.") and shape[0] == 2 else 0.9)


def fill_pwcnets(net: nn.Module) -> set[str]:
    """Gives every PWC-Net inside ``net`` its closed-form weights; returns the state-dict keys of ``net`` it filled."""
    filled = set()
    for name, module in net.named_modules():
        if isinstance(module, PWCNet):
            inner = module.net.state_dict()
            module.net.load_state_dict({key: pwcnet_tensor(key, tuple(value.shape)) for key, value in inner.items()})
            filled |= {f"{name}.net.{key}".lstrip(".") for key in inner}
    return filled


def fill_published(net: nn.Module) -> None:
    """Gives a whole network, flow network included, the weights of the recordings at published size."""
    fill_pwcnets(net)
    inside = tuple(f"{name}." for name, module in net.named_modules() if isinstance(module, PWCNet))
    others = {
        key: published_tensor(key, tuple(value.shape))
        for key, value in net.state_dict().items()
        if not (inside and key.startswith(inside))
    }
    net.load_state_dict(others, strict=False)
