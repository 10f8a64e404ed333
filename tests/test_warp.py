"""Warping, and that its adjoint is one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alignment.pwcnet_layers import backwarp
from utils.ops.warp import sample_adjoint, sampling_grid, warp, warp_adjoint

SIZES = st.integers(2, 9)


def random_pair(
    seed: int, height: int, width: int, reach: float = 3.0, channels: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    feat = torch.rand(2, channels, height, width, generator=generator, dtype=torch.float64)
    flow = (torch.rand(2, 2, height, width, generator=generator, dtype=torch.float64) * 2 - 1) * reach
    return feat, flow


def constant_flow(x: float, y: float, height: int, width: int) -> torch.Tensor:
    return torch.tensor([x, y], dtype=torch.float64)[:, None, None].expand(1, 2, height, width)


@settings(max_examples=20, deadline=None)
@given(height=SIZES, width=SIZES, x=st.integers(-2, 2), y=st.integers(-2, 2))
def test_whole_pixels_shift_exactly_whatever_the_size(height: int, width: int, x: int, y: int) -> None:
    feat = torch.rand(1, 1, height, width, dtype=torch.float64)
    expected = torch.zeros_like(feat)
    for row in range(height):
        for column in range(width):
            if 0 <= row + y < height and 0 <= column + x < width:
                expected[0, 0, row, column] = feat[0, 0, row + y, column + x]
    torch.testing.assert_close(warp(feat, constant_flow(x, y, height, width)), expected)


def test_samples_that_lie_half_outside_are_half_sums() -> None:
    ones = torch.ones(1, 1, 3, 4, dtype=torch.float64)
    warped = warp(ones, constant_flow(0.5, 0.0, 3, 4))
    torch.testing.assert_close(warped[0, 0, :, -1], torch.full((3,), 0.5, dtype=torch.float64))
    torch.testing.assert_close(warped[0, 0, :, :-1], torch.ones(3, 3, dtype=torch.float64))


def test_the_flow_sets_the_size_of_the_result() -> None:
    feat = torch.rand(1, 3, 4, 5)
    assert warp(feat, torch.zeros(1, 2, 2, 9)).shape == (1, 3, 2, 9)


def test_warp_is_differentiable_in_both_arguments() -> None:
    feat, flow = random_pair(0, 4, 5)
    assert torch.autograd.gradcheck(warp, (feat.requires_grad_(), flow.requires_grad_()))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), height=SIZES, width=SIZES)
def test_adjoint_property(seed: int, height: int, width: int) -> None:
    feat, flow = random_pair(seed, height, width)
    values, _ = random_pair(seed + 1, height, width)
    forward = (warp(feat, flow) * values).sum()
    torch.testing.assert_close(forward, (feat * warp_adjoint(values, flow)).sum())


def test_adjoint_property_for_another_size_than_the_flow() -> None:
    feat = torch.rand(2, 3, 7, 4, dtype=torch.float64)
    values, flow = random_pair(3, 5, 6, channels=3)
    spread = warp_adjoint(values, flow, size=(7, 4))
    torch.testing.assert_close((warp(feat, flow) * values).sum(), (feat * spread).sum())


def test_adjoint_gives_its_values_the_exact_gradient_and_the_flow_none() -> None:
    values, flow = random_pair(5, 4, 5)
    flow.requires_grad_()
    values.requires_grad_()
    assert torch.autograd.gradcheck(lambda v: warp_adjoint(v, flow.detach()), (values,))
    (warp_adjoint(values, flow) ** 2).sum().backward()
    assert flow.grad is None
    assert values.grad is not None


def test_adjoint_can_give_the_full_derivative() -> None:
    values, flow = random_pair(6, 4, 5)
    assert torch.autograd.gradcheck(
        lambda v, f: warp_adjoint(v, f, flow_gradient=True), (values.requires_grad_(), flow.requires_grad_())
    )


def test_adjoint_can_be_differentiated_twice() -> None:
    values, flow = random_pair(7, 3, 4)
    assert torch.autograd.gradgradcheck(lambda v: warp_adjoint(v, flow) ** 2, (values.requires_grad_(),))


def test_adjoint_needs_no_graph() -> None:
    values, flow = random_pair(8, 4, 5)
    expected = warp_adjoint(values.clone().requires_grad_(), flow)
    with torch.no_grad():
        torch.testing.assert_close(warp_adjoint(values, flow), expected.detach())
    with torch.inference_mode():
        torch.testing.assert_close(sample_adjoint(values, sampling_grid(flow, (4, 5)), (4, 5)), expected.detach())


@pytest.mark.parametrize(
    ("feat", "flow"), [((1, 2, 3), (1, 2, 3, 3)), ((1, 2, 3, 3), (1, 3, 3, 3)), ((2, 1, 3, 3), (1, 2, 3, 3))]
)
def test_wrong_shapes_are_named(feat: tuple[int, ...], flow: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected features \[B, C, H, W\] and a flow"):
        warp(torch.zeros(feat), torch.zeros(flow))


def test_inner_warp_of_pwcnet_moves_by_a_little_more_than_the_flow() -> None:
    width = 8
    feat = torch.rand(1, 1, 8, width, dtype=torch.float64)
    flow = constant_flow((width - 1) / width, 0.0, 8, width)
    torch.testing.assert_close(backwarp(feat, flow)[..., :-1], feat[..., 1:])


def test_inner_warp_of_pwcnet_drops_whatever_lies_partly_outside() -> None:
    feat = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    warped = backwarp(feat, constant_flow(0.25, 0.0, 4, 4))
    assert (warped[..., -1] == 0).all()
    torch.testing.assert_close(warped[..., :-1], feat[..., 1:])
