"""DeepRep: published shapes, the optimiser against its plain form, any burst, clear errors, the start as a mean."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from admin.model_constructor import building_from_checkpoint
from models.deeprep import deeprepnet
from models.deeprep.deeprepnet import DeepRepNet, deeprep_denoise_custom_flow_iccv21
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.identity_start import start_as_aligned_mean
from models.deeprep.initializers import Conv as ConvInitializer
from models.deeprep.initializers import PixelShuffleInitializer, Zeros
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.deeprep.weight_predictors import Identity, SimpleWeightPredictor
from models.layers.reference_offsets import set_reference_offset_noise
from models.layers.warp import warp, warp_adjoint

PUBLISHED = json.loads((Path(__file__).parent / "golden/deeprep_dbsr_models/state_dict_keys.json").read_text())
SMALL: dict[str, Any] = {
    "num_iter": 2,
    "enc_dim": 8,
    "enc_num_res_blocks": 1,
    "enc_out_dim": 10,
    "dec_dim_pre": 8,
    "dec_in_dim": 6,
    "wp_project_dim": 4,
    "wp_offset_feat_dim": 4,
    "wp_num_offset_feat_extractor_res": 0,
    "wp_num_weight_predictor_res": 0,
}
FLOW: dict[str, Any] = {
    "dec_num_res_blocks": 1,
    "align_init_dim": 6,
    "align_num_res_blocks": 2,
    "align_ds_factor": 4,
    "offset_cdim": 6,
    "offset_predictor_dims": (6,),
    "corr_max_disp": (1, 2),
}


def small_denoiser(**kwargs: Any) -> DeepRepNet:
    return deeprep_denoise_custom_flow_iccv21(**{**SMALL, **FLOW, **kwargs})


@pytest.mark.parametrize("setting", [name for name in PUBLISHED if name.startswith("deeprep")])
def test_published_configurations_have_their_state_in_its_order(setting: str) -> None:
    record = PUBLISHED[setting]
    with building_from_checkpoint():
        net = getattr(deeprepnet, record["constructor"])(**record["kwargs"])
    assert [[key, list(value.shape)] for key, value in net.state_dict().items()] == record["state_dict"]
    assert [name for name, _ in net.named_parameters()] == [key for key, _ in record["state_dict"]]
    assert sum(p.numel() for p in net.parameters()) == record["num_parameters"]
    assert len(list(net.buffers())) == record["num_buffers"]
    assert type(net).__name__ == record["net_type"]
    constructor = vars(net)["constructor"]
    assert (constructor.fun_module, constructor.fun_name) == (record["module"], record["constructor"])


def plain_steepest_descent(
    net: SteepestDescentOptimizer, y_init: torch.Tensor, x: torch.Tensor, offsets: torch.Tensor
) -> torch.Tensor:
    """The optimiser word for word: every frame by itself, every residual computed anew."""
    degradation = net.degradation_operator
    factor = y_init.shape[-1] // offsets.shape[-1]
    flows = [F.interpolate(flow, scale_factor=factor, mode="nearest") * factor for flow in offsets.unbind(dim=1)]
    weights = net.weight_predictor({"x": x, "offsets": offsets}).unbind(dim=1)
    lam = net.feat_reg_w / 8 if net.use_feature_regularization else torch.zeros(1, dtype=x.dtype)
    y = y_init
    for step in range(net.num_iter):
        if step and step % net.detach_length == 0:
            y = y.detach()
        gradient = lam.abs() * (y - y_init)
        for i, weight in enumerate(weights):
            latent = y if i == 0 else warp(y, flows[i - 1])
            residual = weight * (degradation(latent) - x[:, i])
            back = degradation.apply_transposed(weight * residual)
            gradient = gradient + (back if i == 0 else warp_adjoint(back, flows[i - 1]))
        squares = lam * gradient.square().sum(dim=(1, 2, 3))
        for i, weight in enumerate(weights):
            latent = gradient if i == 0 else warp(gradient, flows[i - 1])
            squares = squares + (weight * degradation(latent)).square().sum(dim=(1, 2, 3))
        length = gradient.square().sum(dim=(1, 2, 3)) / squares.clamp(min=1e-8)
        y = y - length[:, None, None, None] * gradient
    return y


def problem(stride: int = 1, **kwargs: Any) -> tuple[SteepestDescentOptimizer, dict[str, torch.Tensor]]:
    predictor = SimpleWeightPredictor(
        5, 4, 3, num_offset_feat_extractor_res=0, num_weight_predictor_res=0, offset_modulo=1.0, use_softmax=False
    )
    net = SteepestDescentOptimizer(ConvDegradation(4, 5, stride=stride), predictor, **kwargs).double()
    inputs = {
        "y_init": torch.randn(2, 4, 6 * stride, 7 * stride, dtype=torch.float64),
        "x": torch.randn(2, 3, 5, 6, 7, dtype=torch.float64),
        "offsets": torch.randn(2, 2, 2, 6, 7, dtype=torch.float64) * 1.3,
    }
    return net, inputs


@pytest.mark.parametrize(
    "kwargs",
    [
        {"num_iter": 3},
        {"num_iter": 2, "stride": 2},
        {"num_iter": 3, "use_feature_regularization": True, "detach_length": 2},
        {"num_iter": 2, "use_feature_regularization": True, "init_feat_reg_w": -0.4},
    ],
)
def test_the_optimiser_equals_its_plain_form_gradients_included(kwargs: dict[str, Any]) -> None:
    net, inputs = problem(**kwargs)
    leaves = {name: tensor.requires_grad_() for name, tensor in inputs.items()} | dict(net.named_parameters())
    results = []
    for solve in (lambda: net(**inputs)[0], lambda: plain_steepest_descent(net, **inputs)):
        y = solve()
        gradients = torch.autograd.grad(y.square().sum(), list(leaves.values()), allow_unused=True)
        results.append({"y": y.detach(), **dict(zip(leaves, gradients, strict=True))})
    fast, plain = results
    torch.testing.assert_close(fast, plain)


def objective(net: SteepestDescentOptimizer, y: torch.Tensor, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Half the sum of squares of each burst, without regularisation and with unit weights."""
    offsets = inputs["offsets"].unbind(dim=1)
    latents = torch.stack([y, *(warp(y, flow) for flow in offsets)], dim=1)
    return 0.5 * (net.degradation_operator(latents) - inputs["x"]).square().sum(dim=(1, 2, 3, 4))


def test_a_step_goes_down_the_gradient_to_the_lowest_point_of_its_line() -> None:
    net, inputs = problem(num_iter=1)
    net.weight_predictor = Identity()
    start = inputs["y_init"].requires_grad_()
    (gradient,) = torch.autograd.grad(objective(net, start, inputs).sum(), start)
    with torch.no_grad():
        step = net(**inputs)[0] - start
        ratio = step / gradient
        lengths = ratio.flatten(1).median(dim=1).values
        torch.testing.assert_close(step, lengths[:, None, None, None] * gradient)
        lowest = objective(net, start + step, inputs)
        for factor in (0.99, 1.01):
            assert (objective(net, start + factor * step, inputs) > lowest).all()


def test_offset_gradients_leave_out_the_adjoint_warp_unless_asked() -> None:
    net, inputs = problem(num_iter=2)
    net.weight_predictor = Identity()
    offsets = inputs["offsets"].requires_grad_()
    by_rule = torch.autograd.grad(net(**inputs)[0].square().sum(), offsets)[0]
    net.full_offset_gradient = True
    full = torch.autograd.grad(net(**inputs)[0].square().sum(), offsets)[0]
    assert (by_rule - full).norm() > 0.05 * full.norm()
    assert torch.autograd.gradcheck(lambda o: net(inputs["y_init"], inputs["x"], o)[0], (offsets,))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_evaluation_without_a_graph_gives_the_same(mode: Any) -> None:
    net, inputs = problem(num_iter=2, use_feature_regularization=True)
    expected = net(**inputs)[0].detach()
    with mode():
        torch.testing.assert_close(net(**inputs)[0], expected)


def test_objective_values_are_local_to_the_call() -> None:
    net, inputs = problem(num_iter=2, compute_losses=True)
    with torch.no_grad():
        assert net(**inputs)[1] == []
    losses = net(**inputs)[1]
    assert len(losses) == 3
    assert losses[0] > losses[1] > losses[2]
    y, losses = net(**inputs, num_iter=0)
    assert y is inputs["y_init"]
    assert len(losses) == 1


def test_detaching_before_every_step_leaves_only_the_last_one_in_the_graph() -> None:
    net, inputs = problem(num_iter=2, detach_length=0)
    inputs["y_init"].requires_grad_()
    assert torch.autograd.grad(net(**inputs)[0].sum(), inputs["y_init"], allow_unused=True)[0] is None
    net.detach_length = math.inf
    assert torch.autograd.grad(net(**inputs)[0].sum(), inputs["y_init"])[0].abs().max() > 0


@pytest.mark.parametrize("frames", [1, 2, 4])
@pytest.mark.parametrize("size", [(5, 7), (8, 6)])
def test_denoisers_take_any_burst(frames: int, size: tuple[int, int]) -> None:
    net = small_denoiser(use_noise_estimate=True)
    im = torch.rand(2, frames, 3, *size)
    pred, aux = net(im, noise_estimate=torch.rand(2, 3, *size))
    assert pred.shape == (2, 3, *size)
    assert aux["offsets"].shape == (2, frames - 1, 2, *size)
    assert torch.isfinite(pred).all()
    pred.mean().backward()


def test_one_noise_map_for_all_frames_equals_the_same_map_for_each() -> None:
    net = small_denoiser(use_noise_estimate=True, color_input=False, wp_ref_offset_noise=0.0)
    im, noise = torch.rand(2, 3, 1, 9, 8), torch.rand(2, 1, 9, 8)
    each = noise[:, None].expand(-1, 3, -1, -1, -1)
    torch.testing.assert_close(net(im, noise_estimate=noise)[0], net(im, noise_estimate=each)[0])


def test_reference_noise_follows_the_global_generator_and_can_be_switched_off() -> None:
    net = small_denoiser(wp_ref_offset_noise=0.3).eval()
    im = torch.rand(1, 2, 3, 8, 8)

    def pred(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        with torch.no_grad():
            return net(im)[0]

    assert torch.equal(pred(0), pred(0))
    assert not torch.equal(pred(0), pred(1))
    set_reference_offset_noise(net, 0.0)
    assert torch.equal(pred(0), pred(1))


def test_more_steps_may_be_asked_for_at_call_time() -> None:
    net = small_denoiser(wp_ref_offset_noise=0.0)
    im = torch.rand(1, 3, 3, 8, 8)
    none, two, stored = net(im, num_iter=0)[0], net(im, num_iter=2)[0], net(im)[0]
    assert torch.equal(two, stored)
    assert not torch.equal(none, two)


def test_a_network_can_be_copied_after_a_training_step() -> None:
    net = small_denoiser()
    im = torch.rand(1, 2, 3, 8, 8)
    net(im)[0].mean().backward()
    twin = copy.deepcopy(net)
    assert twin.state_dict().keys() == net.state_dict().keys()


@pytest.mark.parametrize(
    ("burst", "noise", "message"),
    [
        ((1, 2, 4, 8, 8), (1, 3, 8, 8), r"expects a burst \[B, N, 3, H, W\].*got \(1, 2, 4, 8, 8\)"),
        ((2, 3, 8, 8), (1, 3, 8, 8), r"expects a burst"),
        ((1, 2, 3, 8, 8), None, "noise_estimate=True: pass noise_estimate="),
        ((1, 2, 3, 8, 8), (1, 1, 8, 8), r"expected a noise estimate of shape \(1, 2, 3, 8, 8\).*got \(1, 1, 8, 8\)"),
        ((1, 2, 3, 8, 8), (1, 3, 3, 8, 8), "got \\(1, 3, 3, 8, 8\\)"),
    ],
)
def test_wrong_inputs_are_named(burst: tuple[int, ...], noise: tuple[int, ...] | None, message: str) -> None:
    net = small_denoiser(use_noise_estimate=True)
    with pytest.raises(ValueError, match=message):
        net(torch.rand(burst), noise_estimate=None if noise is None else torch.rand(noise))


def test_a_noise_estimate_is_ignored_by_networks_that_do_not_use_it() -> None:
    net = small_denoiser(wp_ref_offset_noise=0.0)
    im = torch.rand(1, 2, 3, 8, 8)
    assert torch.equal(net(im)[0], net(im, noise_estimate=torch.rand(1, 1, 3, 3))[0])


def test_super_resolution_enlarges_any_raw_burst_and_is_never_negative() -> None:
    sizes = {**SMALL, "dec_dim_post": 4, "dec_num_pre_res_blocks": 1, "dec_num_post_res_blocks": 1}
    with building_from_checkpoint():
        net = deeprepnet.deeprep_sr_iccv21(**sizes, dec_upsample_factor=2)
    for frames in (1, 3):
        pred, aux = net(torch.rand(1, frames, 4, 5, 7))
        assert pred.shape == (1, 3, 20, 28)
        assert pred.min() >= 0
        assert aux["offsets"].shape == (1, frames - 1, 2, 5, 7)
        assert not aux["offsets"].requires_grad


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_transposed_degradation_is_the_adjoint(factor: int) -> None:
    degradation = ConvDegradation(3, 4, ksz=3, stride=factor).double()
    latent = torch.randn(2, 3, 5 * factor, 4 * factor, dtype=torch.float64)
    residual = torch.randn(2, 4, 5, 4, dtype=torch.float64)
    forward = (degradation(latent) * residual).sum()
    torch.testing.assert_close(forward, (latent * degradation.apply_transposed(residual)).sum())


def test_initialisers_start_from_the_reference_the_mean_or_nothing() -> None:
    enc = torch.rand(2, 3, 4, 5, 6)
    first, mean = ConvInitializer(4, 3), ConvInitializer(4, 3, use_mean=True)
    torch.testing.assert_close(first(enc), first.layers(enc[:, 0]))
    each = torch.stack([mean.layers(frame) for frame in enc.unbind(dim=1)])
    torch.testing.assert_close(mean(enc), each.mean(dim=0))
    assert torch.equal(Zeros(3, 2)(enc), torch.zeros(2, 3, 10, 12))
    torch.testing.assert_close(PixelShuffleInitializer(4, 3, 2)(enc).shape, torch.Size([2, 3, 10, 12]))


def test_softmax_weights_sum_to_the_number_of_frames() -> None:
    predictor = SimpleWeightPredictor(5, 4, 3, use_offset=False)
    weights = predictor({"x": torch.rand(1, 4, 5, 6, 7), "offsets": None})
    torch.testing.assert_close(weights.sum(dim=1), torch.full((1, 5, 6, 7), 4.0))
    with pytest.raises(ValueError, match="offsets are None"):
        SimpleWeightPredictor(5, 4, 3)({"x": torch.rand(1, 4, 5, 6, 7), "offsets": None})


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10((a - b).detach().square().mean()))


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("kwargs", [{}, {"use_feature_regularization": False}, {"use_softmax": True}])
def test_a_denoiser_can_start_as_the_mean_of_the_burst(color: bool, kwargs: dict[str, Any]) -> None:
    widths = dict.fromkeys(("enc_dim", "enc_out_dim", "dec_in_dim", "dec_dim_pre"), 8)
    net = small_denoiser(use_noise_estimate=True, color_input=color, **{**widths, **kwargs})
    start_as_aligned_mean(net)
    channels = 3 if color else 1
    scene = F.interpolate(torch.rand(1, channels, 6, 7), size=(24, 28), mode="bilinear")
    burst = scene[:, None] + 0.1 * torch.randn(1, 8, channels, 24, 28)
    pred, aux = net(burst, noise_estimate=torch.full((1, channels, 24, 28), 0.1))
    mean = burst.mean(dim=1)
    assert psnr(pred, mean) > 30 > psnr(burst[:, 0], mean)
    assert aux["offsets"].abs().max() < 0.1
    pred.square().mean().backward()
    without = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    assert without <= {"optimizer.feat_reg_w"}


def test_starting_as_a_mean_needs_room_and_a_denoiser() -> None:
    with pytest.raises(ValueError, match=r"dec_in_dim=4 cannot carry 3 colours.*must be 6"):
        start_as_aligned_mean(small_denoiser(dec_in_dim=4))
    net = small_denoiser()
    net.hr_decoder = nn.Identity()
    with pytest.raises(ValueError, match="only denoisers"):
        start_as_aligned_mean(net)
