"""The fast paths of two-stage alignment compute what the plain ones do, gradients included."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import deform_conv2d

from models.two_stage_align import deformed_sampling
from models.two_stage_align.blocks import to_one_channel
from models.two_stage_align.deformed_sampling import deform_conv2d_by_sampling
from models.two_stage_align.patch_matching import Corner
from models.two_stage_align.two_stage_net import PatchToTrain, TwoStageNet, two_stage_align
from tests.twins.two_stage_align import plain_two_stage


def deformed(offset_scale: float, stride: int, dilation: int, seed: int = 0) -> list[torch.Tensor]:
    """Image, offsets, mask, weight and bias of a convolution from 4 to 6 channels with 2 deformable groups."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    height, width = ((side - 1) // stride + 1 for side in (11, 14))  # the padding makes up for the taps
    offset = offset_scale * random(3, 36, height, width)
    return [random(3, 4, 11, 14), offset, random(3, 18, height, width).sigmoid(), random(6, 4, 3, 3), random(6)]


def values_and_gradients(convolve, tensors: list[torch.Tensor], stride: int, dilation: int) -> list[torch.Tensor]:
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    x, offset, mask, weight, bias = leaves
    result = convolve(x, offset, weight, bias, stride, dilation, dilation, mask)
    result.square().sum().backward()
    return [result.detach(), *(leaf.grad for leaf in leaves)]


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("offset_scale", [0.0, 0.5, 8.0])  # whole pixels, as at the start; inside; far outside
def test_deformable_convolution_by_sampling_is_that_of_torchvision(offset_scale: float, stride: int, dilation: int):
    tensors = deformed(offset_scale, stride, dilation)
    fast = values_and_gradients(deform_conv2d_by_sampling, tensors, stride, dilation)
    plain = values_and_gradients(deform_conv2d, tensors, stride, dilation)
    for ours, theirs in zip(fast, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_deformable_convolution_does_not_depend_on_how_many_images_are_sampled_at_a_time(monkeypatch):
    x, offset, mask, weight, bias = deformed(2.0, 1, 1)
    together = deform_conv2d_by_sampling(x, offset, weight, bias, 1, 1, 1, mask)
    monkeypatch.setattr(deformed_sampling, "_MOST_VALUES", 1)
    torch.testing.assert_close(deform_conv2d_by_sampling(x, offset, weight, bias, 1, 1, 1, mask), together)


def test_a_convolution_to_one_channel_is_the_convolution():
    conv = nn.Conv2d(5, 1, 7, padding=3)
    results = []
    for convolve in (conv, lambda x: to_one_channel(x, conv)):
        x = torch.rand(2, 5, 9, 12, generator=torch.Generator().manual_seed(1)).requires_grad_()
        result = convolve(x)
        gradients = torch.autograd.grad(result.square().sum(), (x, *conv.parameters()))
        results.append([result.detach(), *gradients])
    for plain, fast in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-5)


def small_net() -> TwoStageNet:
    torch.manual_seed(0)
    return two_stage_align(channels=4, deformable_groups=2, patch=16, search_window=32).double()


def burst_and_noise(size: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 4, size, size, generator=generator, dtype=torch.float64) for _ in range(2)]


def test_a_whole_frame_is_restored_as_in_plain_form():
    net = small_net().eval()
    with torch.no_grad():
        (image, aux), (expected, plain_aux) = (one(*burst_and_noise(36)) for one in (net, plain_two_stage(net)))
    assert torch.equal(aux["positions"], plain_aux["positions"])
    torch.testing.assert_close(image, expected, rtol=1e-9, atol=1e-9)


def test_a_training_step_has_the_gradients_of_the_plain_form():
    net = small_net()
    gradients = []
    for one in (net, plain_two_stage(net)):
        image, aux = one(*burst_and_noise(32), patch=PatchToTrain(Corner(8, 8), 8, 16))
        (image.square().sum() + aux["interpolated"].square().sum()).backward()
        gradients.append({name: weight.grad for name, weight in one.named_parameters()})
    for name, expected in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], expected, rtol=1e-7, atol=1e-9)
