"""Filters, curves and orders in memory: adjoint, gradient, batch, size, precision."""

from __future__ import annotations

import numpy as np
import torch

from models.layers.filtering import apply_kernel
from models.layers.layout import by_burst, channels_last, frames_from_rows, rows_of_pixels
from models.rawsr.layers import leaky_relu
from tests.operators import Operator, OperatorChecks, random, same_size
from utils.ops.blur import blur
from utils.ops.srgb import linear_to_srgb, srgb_to_linear

KERNEL = torch.arange(25, dtype=torch.float64).reshape(1, 1, 5, 5) / 25


def through_rows(images: torch.Tensor) -> torch.Tensor:
    return frames_from_rows(rows_of_pixels(images), len(images), (images.shape[-2], images.shape[-1]))


def through_bursts(images: torch.Tensor) -> torch.Tensor:
    rows = by_burst(images, len(images))
    return frames_from_rows(rows, len(images), (images.shape[-2], images.shape[-1]))


def blurred(images: torch.Tensor) -> torch.Tensor:
    kernel = KERNEL[0, 0].float().numpy()
    frames = [blur(np.ascontiguousarray(image.permute(1, 2, 0).float().numpy()), kernel) for image in images]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)


OPERATORS = [
    Operator(
        "filter",
        lambda image: apply_kernel(image, 5, KERNEL),
        same_size(2),
        (apply_kernel,),
        sizes=((5, 7), (4, 9), (3, 3)),
        leading=True,
    ),
    *(
        Operator(
            f"blur of {channels} channels",
            blurred,
            same_size(channels),
            (blur,),
            sizes=((5, 7), (4, 9), (3, 3)),
            gradients=(),
            dtype=torch.float32,
        )
        for channels in (1, 3)
    ),
    Operator("to sRGB", linear_to_srgb, same_size(1), (linear_to_srgb,), linear=False, leading=True),
    Operator("from sRGB", srgb_to_linear, same_size(1), (srgb_to_linear,), linear=False, leading=True),
    Operator(
        "leaky ReLU",
        leaky_relu,
        lambda height, width: (random(2, height, width).sign() + random(2, height, width).tanh() / 2,),
        (leaky_relu,),
        linear=False,
        leading=True,
    ),
    Operator("channels last", channels_last, same_size(2), (channels_last,), adjoint=lambda values: values),
    Operator(
        "rows of pixels and back",
        through_rows,
        same_size(2),
        (rows_of_pixels, frames_from_rows),
        adjoint=lambda values: values,
    ),
    Operator(
        "rows of bursts and back",
        through_bursts,
        same_size(2),
        (by_burst, frames_from_rows),
        adjoint=lambda values: values,
    ),
]


class TestFilters(OperatorChecks):
    operators = OPERATORS
