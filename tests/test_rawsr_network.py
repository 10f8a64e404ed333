"""RawSR's network: layouts of its original framework, any size, honest errors, and the start of short trainings."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rawsr.enlarging_start import start_as_enlarged_reference
from models.rawsr.layers import HalvingConv, leaky_relu
from models.rawsr.rawsrnet import RawSR, mirrored_to_multiple, rawsr
from models.rawsr.restoration import depth_to_space
from models.rawsr.tensorflow_adam import TensorFlowAdam

SMALL: dict[str, Any] = {"width": 8, "growth": 3, "layers": 2, "bottle": 8}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("scale", "fusion", "parameters"),
    [(2, True, 5_163_324), (2, False, 5_064_508), (4, True, 5_495_244), (4, False, 5_396_428)],
)
def test_default_widths_have_the_published_number_of_parameters(scale: int, fusion: bool, parameters: int) -> None:
    with torch.device("meta"):
        net = RawSR(scale, fusion)
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters


@settings(max_examples=8, deadline=None)
@given(height=st.integers(2, 11), width=st.integers(2, 11), scale=st.sampled_from([2, 4]))
def test_any_size_is_restored_as_its_upper_left_part_of_a_padded_one(height: int, width: int, scale: int) -> None:
    torch.manual_seed(0)
    net = rawsr(scale, **SMALL)
    raw, isp = torch.rand(1, 1, height, width), torch.rand(1, 3, height, width)
    with torch.no_grad():
        pred, aux = net(raw, isp)
        padded, _ = net(mirrored_to_multiple(raw), mirrored_to_multiple(isp))
    assert pred.shape == (1, 3, scale * height, scale * width)
    assert aux == {}
    assert torch.equal(pred, padded[..., : scale * height, : scale * width])


@pytest.mark.parametrize("size", [2, 3, 5, 6, 7])
def test_a_mirrored_mosaic_goes_on_with_the_right_colours(size: int) -> None:
    row_colours = torch.arange(size) % 2
    mosaic = (2 * row_colours[:, None] + row_colours).float()[None]
    longer = mirrored_to_multiple(mosaic)
    expected = torch.arange(longer.shape[-1]) % 2
    assert torch.equal(longer[0], (2 * expected[:, None] + expected).float())


@pytest.mark.parametrize("scale", [2, 4])
def test_depth_to_space_is_the_nested_order_at_2_and_one_step_at_4(scale: int) -> None:
    plane = depth_to_space(torch.arange(12.0 * scale**2)[None, :, None, None], scale)[0]
    for channel in range(4 * scale**2):
        if scale == 4:
            row, column = divmod(channel, 8)
        else:
            row_high, column_high, row_low, column_low = (channel >> shift & 1 for shift in (3, 2, 1, 0))
            row, column = 2 * row_high + row_low, 2 * column_high + column_low
        for colour in range(3):
            assert plane[colour, row, column] == colour * 4 * scale**2 + channel


@pytest.mark.parametrize(("size", "first"), [(6, 0), (7, -1)])
def test_the_halving_convolution_pads_as_tensorflow_does(size: int, first: int) -> None:
    layer = HalvingConv(1, 1)
    assert layer.bias is not None
    torch.nn.init.zeros_(layer.bias)
    layer.weight.data = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 0]])[None, None]
    image = torch.arange(float(size * size)).reshape(1, 1, size, size) + 1
    result = layer(image)[0, 0]
    assert result.shape == (math.ceil(size / 2), math.ceil(size / 2))
    expected = image[0, 0, 2 + first, 2 + first]  # upper left tap of the second window
    assert result[1, 1] == expected
    assert result[0, 0] == (image[0, 0, 0, 0] if first == 0 else 0)


def test_the_leaky_relu_has_slope_one_at_zero() -> None:
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0], requires_grad=True)
    y = leaky_relu(x)
    y.sum().backward()
    assert torch.equal(y, torch.tensor([-0.4, 0.0, 0.0, 3.0]))
    assert x.grad is not None
    assert torch.equal(x.grad, torch.tensor([0.2, 1.0, 1.0, 1.0]))
    with torch.no_grad():
        assert torch.equal(leaky_relu(x), y)


def test_feature_fusion_contributes_nothing_at_first() -> None:
    net = rawsr(2, **SMALL)
    isp = torch.rand(1, 3, 8, 8)
    features = [(torch.rand(1, 8, 2, 2), torch.rand(1, 8, 4, 4)) for _ in range(2)]
    assert torch.equal(net.color(isp, *features[0]), net.color(isp, *features[1]))
    loss = net(torch.rand(1, 1, 8, 8), isp)[0].square().mean()
    loss.backward()
    assert net.color.fuse1 is not None
    assert net.color.fuse1.weight.grad is not None
    assert float(net.color.fuse1.weight.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ("raw", "isp", "what"),
    [
        ((1, 4, 8, 8), (1, 3, 8, 8), r"raw as \[B, 1, H, W\].*\(1, 4, 8, 8\)"),
        ((1, 1, 8, 8), (1, 1, 8, 8), r"isp as \[B, 3, H, W\]"),
        ((1, 8, 8), (1, 3, 8, 8), "raw as"),
        ((1, 1, 1, 8), (1, 3, 1, 8), "at least 2"),
        ((1, 1, 8, 8), (1, 3, 8, 6), "of the same frames"),
    ],
)
def test_wrong_input_is_named(raw: tuple[int, ...], isp: tuple[int, ...], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        rawsr(2, **SMALL)(torch.rand(raw), torch.rand(isp))


def test_wrong_dtype_and_scale_are_named() -> None:
    with pytest.raises(ValueError, match="float64"):
        rawsr(2, **SMALL)(torch.rand(1, 1, 8, 8).double(), torch.rand(1, 3, 8, 8))
    with pytest.raises(ValueError, match="by 2 or 4, not by 3"):
        rawsr(3)


def test_tensorflows_adam_differs_from_torchs_by_its_epsilon_alone() -> None:
    gradients = [torch.tensor([1e-7, -3e-6, 2.0]), torch.tensor([2e-7, 1e-6, -1.0])]
    weights = torch.nn.Parameter(torch.zeros(3))
    optimizer = TensorFlowAdam([weights], lr=1e-3, epsilon=1e-8)
    first, second, expected = torch.zeros(3), torch.zeros(3), torch.zeros(3)
    for step, gradient in enumerate(gradients, start=1):
        weights.grad = gradient
        optimizer.step()
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        rate = 1e-3 * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        expected -= rate * first / (second.sqrt() + 1e-8)
        torch.testing.assert_close(weights.detach(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("scale", [2, 4])
def test_short_trainings_start_as_the_enlarged_reference(scale: int) -> None:
    net = rawsr(scale, **SMALL | {"width": 16})
    start_as_enlarged_reference(net)
    side = 32
    ramp = torch.linspace(0.2, 0.8, side)
    isp = torch.stack((ramp.expand(side, -1), ramp[:, None].expand(-1, side), torch.full((side, side), 0.4)))[None]
    raw = torch.full((1, 1, side, side), 0.3)
    with torch.no_grad():
        pred = net(raw, isp)[0]
    enlarged = F.interpolate(isp, scale_factor=scale, mode="bilinear")
    inner = slice(scale * 6, -scale * 6)
    assert float((pred - enlarged)[..., inner, inner].abs().max()) < 0.05


def test_the_start_interpolates_every_colour_of_the_mosaic_where_it_lies() -> None:
    net = rawsr(2, **SMALL | {"width": 16})
    start_as_enlarged_reference(net)
    sites = torch.arange(24.0)
    with torch.no_grad():
        rgb, _, _ = net.restore((sites[:, None] / 40 + sites / 80)[None, None])
    places = (torch.arange(48.0) - 0.5) / 2
    expected = places[:, None] / 40 + places / 80
    assert float((rgb[0] - expected)[:, 8:-8, 8:-8].abs().max()) < 0.03


def test_the_start_refuses_networks_that_cannot_carry_an_image() -> None:
    with pytest.raises(ValueError, match="width 4"):
        start_as_enlarged_reference(rawsr(2, width=4, growth=2, layers=1, bottle=4))
    with pytest.raises(ValueError, match="feature fusion"):
        start_as_enlarged_reference(rawsr(2, False, **SMALL))
