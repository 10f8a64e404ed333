"""Cost volumes and flow networks against their plain twins: values, gradients, memory, work shared in a burst."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.alignment.pwcnet import PWCNet
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import AlignmentWrapper
from models.layers.correlation import CostVolume, local_correlation
from tests.twins import flow as plain


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("shape", "d"), [((2, 5, 6, 7), 4), ((1, 3, 4, 40), 4), ((2, 3, 5, 17), 2), ((3, 2, 1, 1), 4), ((1, 4, 3, 33), 0)]
)
def test_cost_volumes_equal_those_by_unfolding(shape: tuple[int, ...], d: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for _ in range(2))
    outcomes = []
    for correlate in (local_correlation, plain.correlation):
        volume = correlate(a, b, d)
        outcomes.append((volume.detach(), *torch.autograd.grad(volume.square().sum(), (a, b))))
    torch.testing.assert_close(outcomes[0], outcomes[1])


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_order_in_memory_makes_no_difference(order: torch.memory_format) -> None:
    a, b = torch.randn(2, 2, 5, 6, 20)
    mixed = local_correlation(a.contiguous(memory_format=order), b, 3)
    torch.testing.assert_close(mixed, plain.correlation(a, b, 3))


def test_the_backward_pass_keeps_no_unfolded_features() -> None:
    a, b = (torch.randn(1, 32, 16, 32, requires_grad=True) for _ in range(2))
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        volume = local_correlation(a, b, 4)
    assert volume.requires_grad
    assert sum(storages.values()) < 5 * a.nbytes


def pwcnet() -> PWCNet:
    net = PWCNet(load_pretrained=False)
    for name, parameter in net.named_parameters():
        if "netRefiner.netMain.12" in name or "netUpflow" in name:
            parameter.data.mul_(10)
    return net


def pyrcorr() -> PyrCorr:
    net = PyrCorr(3, 6, 2, 4, 6, (6,), corr_max_disp=(1, 2))
    for head in net.offset_predictors:
        torch.nn.init.normal_(head[-1][0].bias, std=0.1)  # type: ignore[index]
    return net


@pytest.mark.parametrize("build", [pwcnet, pyrcorr])
def test_a_bursts_flow_equals_that_of_its_pairs(build: Any) -> None:
    torch.manual_seed(0)
    alignment = AlignmentWrapper(build().double(), train_alignmentnet=True)
    burst = torch.rand(2, 3, 3, 20, 70, dtype=torch.float64)
    outcomes = []
    for offsets in (alignment(burst)[0], plain.burst_offsets(alignment, burst)):
        gradients = torch.autograd.grad(offsets.square().sum(), list(alignment.parameters()), allow_unused=True)
        outcomes.append((offsets.detach(), [g for g in gradients if g is not None]))
    assert outcomes[0][0].abs().max() > 0.5
    torch.testing.assert_close(outcomes[0], outcomes[1])


def test_features_of_the_reference_are_computed_once_per_burst() -> None:
    net = pyrcorr()
    images: list[int] = []
    net.init_layer.register_forward_pre_hook(lambda module, args: images.append(args[0].shape[0]))
    AlignmentWrapper(net)(torch.rand(2, 4, 3, 16, 16))
    assert sorted(images) == [2, 6]


def test_the_window_sum_equals_its_plain_form() -> None:
    a, b = torch.randn(2, 2, 3, 7, 18, dtype=torch.float64)
    volume = plain.correlation(a, b, 2)
    window = torch.nn.functional.conv2d(volume.flatten(0, 1)[:, None], volume.new_ones(1, 1, 3, 3), padding=1)
    torch.testing.assert_close(CostVolume(3, 2)(a, b), window.view_as(volume))
