"""Burst deblurring that shares work between frames computes what the plain form does, gradients included."""

from __future__ import annotations

import pytest
import torch

from models.burst_deblur.unet import UNet
from tests.twins.burst_deblur import PlainUNet


@pytest.mark.parametrize("training", [True, False])
def test_sharing_the_maximum_changes_neither_the_image_nor_the_gradients(training: bool):
    torch.manual_seed(0)
    fast, twin = UNet(width=8).double(), PlainUNet(width=8).double()
    twin.load_state_dict(fast.state_dict())
    burst = 255 * torch.rand(2, 3, 3, 32, 48, dtype=torch.float64)
    results = []
    for net in (fast, twin):
        net.train(training)
        seen = burst.clone().requires_grad_()
        image, _ = net(seen)
        image.square().mean().backward()
        gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
        results.append({"image": image.detach(), "burst": seen.grad, **gradients, **dict(net.named_buffers())})
    for name, expected in results[1].items():
        assert expected is not None
        scale = max(1e-6, float(expected.abs().max()))
        torch.testing.assert_close(results[0][name], expected, rtol=0, atol=1e-9 * scale, msg=f"{name} differs")


def test_evaluation_without_gradients_gives_the_image_of_the_plain_form():
    torch.manual_seed(0)
    fast, twin = UNet(width=8).eval(), PlainUNet(width=8).eval()
    twin.load_state_dict(fast.state_dict())
    burst = 255 * torch.rand(2, 4, 3, 33, 40)
    with torch.no_grad():
        torch.testing.assert_close(fast(burst)[0], twin(burst)[0], rtol=1e-4, atol=1e-3)
