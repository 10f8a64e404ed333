"""Operators that sample images at displaced places: adjoint, gradient, batch, size, precision."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import torch

from models.alignment.pwcnet_layers import backwarp
from models.layers import burst_warp
from models.layers.burst_warp import BurstWarp, with_reference
from models.two_stage_align.deformed_sampling import deform_conv2d_by_sampling
from tests.operators import BATCH, Operator, OperatorChecks, Tensors, random
from utils.ops.warp import sample, sample_adjoint, sampling_grid, warp, warp_adjoint

REACH = 1.5  # pixels: samples inside, half outside and outside
FRAMES, GROUPS, TAPS = 2, 2, 9
_torch_seeded = torch.Generator().manual_seed(3)
WEIGHT = torch.randn(4, 4, 3, 3, generator=_torch_seeded, dtype=torch.float64)


def image_and_flow(height: int, width: int) -> Tensors:
    return random(2, height, width), REACH * random(2, height, width)


def grid_and_values(height: int, width: int) -> Tensors:
    return random(2, height, width), sampling_grid(REACH * random(2, height, width), (height, width))


def image_and_flows(height: int, width: int) -> Tensors:
    return random(2, height, width), REACH * random(FRAMES, 2, height, width)


def frames_and_flows(height: int, width: int) -> Tensors:
    return random(FRAMES, 2, height, width), REACH * random(FRAMES, 2, height, width)


def deformed(height: int, width: int) -> Tensors:
    return (
        random(4, height, width),
        random(2 * GROUPS * TAPS, height, width),
        random(GROUPS * TAPS, height, width).sigmoid(),
    )


def size_of(images: torch.Tensor) -> tuple[int, int]:
    return images.shape[-2], images.shape[-1]


def to_frames(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    return BurstWarp(flow, size_of(image)).warp(image).unflatten(0, flow.shape[:2])


def from_frames(frames: torch.Tensor, flow: torch.Tensor, trained: bool = False) -> torch.Tensor:
    return BurstWarp(flow, size_of(flow), adjoint_flow_gradient=trained).adjoint(frames.flatten(0, 1))


def as_on_a_gpu(operator: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Gathering and scattering, in place of the sums of rows that are faster on a CPU."""

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        with mock.patch.object(burst_warp, "_sums_rows_faster", return_value=False):
            return operator(*inputs)

    return run


def first_frame_alone(image: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return to_frames(image, flow[:, :1]), to_frames(image, flow)[:, :1]


def one_frame_back(frames: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return from_frames(frames[:, :1], flow[:, :1]), warp_adjoint(frames[:, 0], flow[:, 0])


def modes() -> list[Operator]:
    def mode(name: str, padding: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        return lambda feat, flow: warp(feat, flow, name, padding)

    return [
        Operator(
            f"warp, {name}, {padding}",
            mode(name, padding),
            image_and_flow,
            (warp,),
            sizes=((5, 7), (4, 9), (2, 3)),
            gradients=(0,) if name == "nearest" else (0, 1),
            adjoint=warp_adjoint if (name, padding) == ("bilinear", "zeros") else None,
        )
        for name in ("bilinear", "nearest", "bicubic")
        for padding in ("zeros", "border", "reflection")
    ]


OPERATORS = [
    *modes(),
    Operator("warp adjoint", warp_adjoint, image_and_flow, (warp_adjoint,), adjoint=warp),
    Operator(
        "warp adjoint, with the gradient of its flow",
        lambda values, flow: warp_adjoint(values, flow, flow_gradient=True),
        image_and_flow,
        (warp_adjoint,),
        gradients=(0, 1),
    ),
    Operator(
        "warp adjoint to another size",
        lambda values, flow: warp_adjoint(values, flow, (6, 3)),
        image_and_flow,
        (warp_adjoint,),
        shape=lambda height, width: (6, 3),
        adjoint=warp,
    ),
    Operator(
        "sampling",
        sample,
        grid_and_values,
        (sample, sampling_grid),
        gradients=(0, 1),
        adjoint=lambda values, grid: sample_adjoint(values, grid, size_of(values)),
    ),
    Operator(
        "sampling adjoint",
        lambda values, grid: sample_adjoint(values, grid, size_of(values)),
        grid_and_values,
        (sample_adjoint,),
        adjoint=sample,
    ),
    Operator("PWC-Net's warp", backwarp, image_and_flow, (backwarp,), sizes=((5, 7), (4, 9), (2, 3)), gradients=(0, 1)),
    Operator(
        "burst warp",
        to_frames,
        image_and_flows,
        (BurstWarp,),
        gradients=(0, 1),
        adjoint=from_frames,
        one_frame=first_frame_alone,
    ),
    Operator(
        "burst warp as on a GPU",
        as_on_a_gpu(to_frames),
        image_and_flows,
        (BurstWarp,),
        gradients=(0, 1),
        adjoint=as_on_a_gpu(from_frames),
    ),
    Operator("burst adjoint", from_frames, frames_and_flows, (BurstWarp,), adjoint=to_frames, one_frame=one_frame_back),
    Operator(
        "burst adjoint, with the gradient of its flow",
        lambda frames, flow: from_frames(frames, flow, trained=True),
        frames_and_flows,
        (BurstWarp,),
        gradients=(0, 1),
    ),
    Operator(
        "burst adjoint as on a GPU",
        as_on_a_gpu(from_frames),
        frames_and_flows,
        (BurstWarp,),
        adjoint=as_on_a_gpu(to_frames),
    ),
    Operator(
        "offsets with those of the reference",
        with_reference,
        lambda height, width: (random(FRAMES, 2, height, width),),
        (with_reference,),
        adjoint=lambda values: values[:, 1:],
    ),
    Operator(
        "deformed convolution",
        lambda x, offset, mask: deform_conv2d_by_sampling(
            x, offset, WEIGHT.to(x), x.new_zeros(len(WEIGHT)), stride=1, padding=1, dilation=1, mask=mask
        ),
        deformed,
        (deform_conv2d_by_sampling,),
        gradients=(0, 1, 2),
    ),
]


class TestWarps(OperatorChecks):
    operators = OPERATORS


def test_one_flow_serves_images_of_another_size() -> None:
    """The operator and its adjoint for an image that is larger than the grid of the flow."""
    image, flow = random(2, 9, 6), 3 * random(2, 4, 5)
    values = torch.randn(BATCH, 2, 4, 5, dtype=torch.float64)
    spread = warp_adjoint(values, flow, (9, 6))
    torch.testing.assert_close((warp(image, flow) * values).sum(), (image * spread).sum())
