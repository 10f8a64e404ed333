"""Operators that change the size of images: adjoint, gradient, batch, size, precision."""

from __future__ import annotations

import torch
from torch import nn

from data.processing_utils import resize_batch
from models.alignment.flow_images import flow_in_pixels, prepare, resize, working_size
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.layers.upsampling import PixShuffleUpsampler
from models.rawsr.layers import HalvingConv
from models.rawsr.rawsrnet import mirrored_to_multiple
from models.rawsr.restoration import depth_to_space
from models.two_stage_align.patch_matching import quarter_size
from models.two_stage_align.tiles import pad_to_next_multiple
from tests.operators import Operator, OperatorChecks, divided_by, same_size, times
from utils.ops.box import sliding_box_mean
from utils.ops.crop import crop_boundary
from utils.ops.pad import reflected_to_size

TARGET = (6, 11)
FRAME = (70, 130)  # whose flow is known at 128 x 192 pixels


def next_multiple(side: int, multiple: int) -> int:
    return (side // multiple + 1) * multiple


def fixed(module: nn.Module) -> nn.Module:
    """With random weights that stay, and without bias, so that it is linear."""
    torch.manual_seed(2)
    for name, parameter in module.double().named_parameters():
        nn.init.zeros_(parameter) if name.endswith("bias") else nn.init.normal_(parameter)
    return module.requires_grad_(False)


def in_its_precision(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = module.to(x.dtype)(x)
    return result


UPSAMPLERS = {
    (2, None): fixed(PixShuffleUpsampler(3, 2, upsample_factor=2, activation="none")),
    (3, 1.0): fixed(PixShuffleUpsampler(3, 2, upsample_factor=3, activation="none", gauss_blur_sd=1.0)),
}
HALVING = fixed(HalvingConv(2, 3))
DEGRADATIONS = {stride: ConvDegradation(3, 2, stride=stride).requires_grad_(False) for stride in (1, 2)}


OPERATORS = [
    Operator(
        "sliding mean",
        lambda image: sliding_box_mean(image, 3),
        same_size(2),
        (sliding_box_mean,),
        sizes=((5, 7), (4, 9), (3, 3)),
        shape=lambda height, width: (height - 2, width - 2),
        leading=True,
    ),
    Operator(
        "crop",
        lambda image: crop_boundary(image, 2),
        same_size(2),
        (crop_boundary,),
        sizes=((5, 7), (6, 9), (5, 5)),
        shape=lambda height, width: (height - 4, width - 4),
        leading=True,
    ),
    Operator(
        "reflection",
        lambda image: reflected_to_size(image, 2 * image.shape[-2] + 3, image.shape[-1] + 1),
        same_size(2),
        (reflected_to_size,),
        shape=lambda height, width: (2 * height + 3, width + 1),
        leading=True,
    ),
    Operator(
        "reflection to multiples of 4",
        mirrored_to_multiple,
        same_size(2),
        (mirrored_to_multiple,),
        sizes=((5, 7), (4, 9), (2, 3)),
        shape=lambda height, width: (-(-height // 4) * 4, -(-width // 4) * 4),
        leading=True,
    ),
    Operator(
        "zeros to the next multiple",
        lambda image: pad_to_next_multiple(image, 4),
        same_size(2),
        (pad_to_next_multiple,),
        shape=lambda height, width: (next_multiple(height, 4), next_multiple(width, 4)),
        leading=True,
    ),
    Operator(
        "bilinear resize", lambda image: resize(image, TARGET), same_size(2), (resize,), shape=lambda *size: TARGET
    ),
    Operator(
        "bilinear resize of samples",
        lambda image: resize_batch(image, TARGET),
        same_size(2),
        (resize_batch,),
        shape=lambda *size: TARGET,
    ),
    Operator(
        "quarter size",
        quarter_size,
        same_size(2),
        (quarter_size,),
        sizes=((9, 13), (4, 4), (8, 5)),
        shape=lambda height, width: (height // 4, width // 4),
    ),
    Operator(
        "what a flow network sees",
        lambda image: prepare(image, 3, rgb2bgr=True, what="image"),
        same_size(3),
        (prepare, working_size),
        shape=lambda height, width: (64, 64),
    ),
    Operator(
        "flow in pixels",
        lambda flow: flow_in_pixels(flow, FRAME),
        same_size(2),
        (flow_in_pixels, working_size),
        shape=lambda height, width: FRAME,
    ),
    *(
        Operator(
            f"depth to space, scale {scale}",
            lambda maps, scale=scale: depth_to_space(maps, scale),
            same_size(12 * scale**2),
            (depth_to_space,),
            sizes=((2, 3), (1, 1), (3, 2)),
            shape=times(2 * scale),
        )
        for scale in (2, 4)
    ),
    *(
        Operator(
            f"pixel shuffle, factor {factor}, blur {blur}",
            lambda x, module=module: in_its_precision(module, x),
            same_size(3),
            (PixShuffleUpsampler,),
            sizes=((3, 5), (1, 2), (4, 3)),
            shape=times(factor),
        )
        for (factor, blur), module in UPSAMPLERS.items()
    ),
    Operator(
        "halving convolution",
        lambda x: in_its_precision(HALVING, x),
        same_size(2),
        (HalvingConv,),
        shape=divided_by(2),
        sizes=((5, 7), (4, 9), (2, 2)),
    ),
    *(
        Operator(
            f"degradation, stride {stride}",
            lambda x, module=module: in_its_precision(module, x),
            same_size(3),
            (ConvDegradation,),
            sizes=((6, 10), (2, 4), (4, 14)) if stride == 2 else ((5, 7), (4, 9), (1, 2)),
            shape=divided_by(stride),
            adjoint=lambda values, module=module: module.to(values.dtype).apply_transposed(values),
            leading=True,
        )
        for stride, module in DEGRADATIONS.items()
    ),
]


class TestResizing(OperatorChecks):
    operators = OPERATORS
