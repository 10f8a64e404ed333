"""Blocks, kernels, sub-pixel enlargement and the offsets of a burst."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from models.layers import reference_offsets
from models.layers.blocks import ResBlock, conv_block
from models.layers.checks import check_burst
from models.layers.filtering import apply_kernel, centred_gaussian, gauss_2d, get_gaussian_kernel
from models.layers.reference_offsets import burst_offsets, set_reference_offset_noise
from models.layers.upsampling import ICNR, PixShuffleUpsampler


@pytest.mark.parametrize(
    ("activation", "batch_norm", "keys"),
    [
        ("relu", False, ["0.weight", "0.bias"]),
        ("prelu", False, ["0.weight", "0.bias", "1.weight"]),
        ("none", True, ["0.weight", "0.bias", "1.weight", "1.bias"]),
        ("prelu", True, ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight"]),
    ],
)
def test_parameter_names_of_a_block(activation: str, batch_norm: bool, keys: list[str]) -> None:
    block = conv_block(2, 3, activation=activation, batch_norm=batch_norm)
    assert [name for name, _ in block.named_parameters()] == keys


def test_leaky_slope_is_a_tenth_unless_given() -> None:
    assert conv_block(1, 1, activation="lrelu")[1].negative_slope == 0.1
    params = {"negative_slope": 0.3}
    assert conv_block(1, 1, activation="lrelu", activation_params=params)[1].negative_slope == 0.3


def test_unknown_activation_and_attention_are_named() -> None:
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        conv_block(1, 1, activation="swish")
    with pytest.raises(ValueError, match="unknown attention 'se'"):
        ResBlock(1, 1, attention="se")


def test_residual_block_without_activation_is_the_plain_sum() -> None:
    block = ResBlock(3, 3, activation="none")
    x = torch.randn(1, 3, 4, 5)
    torch.testing.assert_close(block(x), x + block.conv2(block.conv1(x)))


def test_residual_block_may_stride_past_a_downsampling() -> None:
    block = ResBlock(3, 5, stride=2, downsample=conv_block(3, 5, stride=2, activation="none"))
    assert block(torch.randn(2, 3, 7, 6)).shape == (2, 5, 4, 3)


def test_gaussian_kernel_has_sum_one_and_the_size_of_its_deviation() -> None:
    kernel, size = get_gaussian_kernel(1.5)
    assert size == 7
    assert kernel.shape == (1, 1, 7, 7)
    torch.testing.assert_close(kernel.sum(), torch.tensor(1.0))
    torch.testing.assert_close(kernel, kernel.flip(2).flip(3))
    with pytest.raises(ValueError, match="odd size, got 4"):
        get_gaussian_kernel(1.0, 4)


def test_gaussian_lies_around_its_centre() -> None:
    gauss = gauss_2d(5, 1.0, torch.tensor([[1.0, -2.0]]))
    assert (gauss[0] == gauss.max()).nonzero().tolist() == [[0, 3]]


def test_smoothing_keeps_a_constant_image_up_to_its_border() -> None:
    kernel, size = get_gaussian_kernel(1.5)
    image = torch.full((2, 3, 8, 9), 0.7)
    torch.testing.assert_close(apply_kernel(image, size, kernel), image)


def test_icnr_starts_as_nearest_neighbour_enlargement() -> None:
    upsampler = PixShuffleUpsampler(4, 3, upsample_factor=3, icnrinit=True)
    y = upsampler(torch.rand(1, 4, 5, 6))
    assert list(upsampler.state_dict()) == ["conv_layer.0.weight"]
    torch.testing.assert_close(y, nn.functional.interpolate(y[:, :, ::3, ::3], scale_factor=3))


def test_icnr_refuses_channels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"10 output channels are no multiple of 2²"):
        ICNR(torch.empty(10, 3, 1, 1))


@pytest.mark.parametrize("ksz", [3, 5])
def test_blur_follows_the_enlargement_and_darkens_the_border(ksz: int) -> None:
    upsampler = PixShuffleUpsampler(1, 2, activation="none", gauss_blur_sd=1.0, gauss_ksz=ksz)
    nn.init.zeros_(upsampler.conv_layer.get_parameter("0.weight"))
    nn.init.ones_(upsampler.conv_layer.get_parameter("0.bias"))
    y = upsampler(torch.rand(1, 1, 6, 7))
    assert y.shape == (1, 2, 12, 14)
    torch.testing.assert_close(y[..., ksz:-ksz, ksz:-ksz], torch.ones(1, 2, 12 - 2 * ksz, 14 - 2 * ksz))
    torch.testing.assert_close(y[0, 0, 0, 0], centred_gaussian(ksz, 1.0)[0, ksz // 2 :, ksz // 2 :].sum())


def test_blur_kernel_is_no_state_but_moves_with_the_module() -> None:
    upsampler = PixShuffleUpsampler(1, 2, gauss_blur_sd=1.0)
    assert set(upsampler.state_dict()) == {"conv_layer.0.weight", "conv_layer.0.bias"}
    assert not list(upsampler.buffers())
    moved = copy.deepcopy(upsampler).double()
    assert moved.blur_kernel is not None
    assert moved.blur_kernel.dtype == torch.float64
    assert moved(torch.rand(1, 1, 3, 3, dtype=torch.float64)).dtype == torch.float64


def test_reference_comes_first_with_zero_offsets() -> None:
    offsets = torch.randn(2, 3, 2, 4, 5)
    everyones = burst_offsets(offsets, reference_noise=0.0, modulo=None)
    assert torch.equal(everyones, torch.cat((torch.zeros(2, 1, 2, 4, 5), offsets), dim=1))


def test_offsets_modulo_one_lie_in_the_unit_interval_with_gradient_one() -> None:
    offsets = (torch.randn(1, 2, 2, 4, 5) * 3).requires_grad_()
    everyones = burst_offsets(offsets, reference_noise=0.0, modulo=1.0)
    everyones.sum().backward()
    assert ((everyones >= 0) & (everyones < 1)).all()
    torch.testing.assert_close(offsets.grad, torch.ones_like(offsets))


def test_reference_noise_is_drawn_around_zero_from_the_global_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets = torch.zeros(1, 1, 2, 30, 30)
    torch.manual_seed(3)
    first = burst_offsets(offsets, 0.02, None)[:, 0]
    torch.manual_seed(3)
    assert (burst_offsets(offsets, 0.02, None)[:, 0] == first).all()
    assert first.min() >= -0.02
    assert first.max() < 0.02
    assert first.min() < -0.015
    assert first.max() > 0.015
    monkeypatch.setattr(reference_offsets, "draw_reference_offsets", lambda *_: torch.full((1, 1, 2, 30, 30), 0.75))
    torch.testing.assert_close(burst_offsets(offsets, 0.02, None)[:, 0], torch.full((1, 2, 30, 30), 0.01))


def test_reference_noise_can_be_switched_off_everywhere() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.Module())
    vars(net[1])["ref_offset_noise"] = 0.02
    set_reference_offset_noise(net, 0.0)
    assert vars(net[1])["ref_offset_noise"] == 0.0


@pytest.mark.parametrize("shape", [(3, 4, 8, 8), (1, 2, 3, 8, 8), (1, 0, 4, 8, 8)])
def test_a_wrong_burst_is_named_with_what_was_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Linear expects a burst \[B, N, 4, H, W\].*got \("):
        check_burst(nn.Linear(1, 1), torch.zeros(shape), 4)


def test_a_wrong_dtype_is_named() -> None:
    with pytest.raises(ValueError, match=r"burst as torch.float32, got torch.float64"):
        check_burst(nn.Linear(1, 1), torch.zeros(1, 1, 4, 2, 2, dtype=torch.float64), 4)
