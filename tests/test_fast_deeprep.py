"""DeepRep's fast forms against their plain twins: values, gradients, and how much they keep for the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from admin.model_constructor import building_from_checkpoint
from models.deeprep import deeprepnet
from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.degradation_layers import Conv as ConvDegradation
from models.deeprep.line_search import step_length, weighted_residual
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.deeprep.weight_predictors import Identity
from models.layers import burst_warp
from models.layers.burst_warp import BurstWarp, with_reference
from models.layers.warp import warp
from tests.twins.deeprep import PlainDeepRep, steepest_descent

WIDTHS: dict[str, Any] = {
    "num_iter": 3,
    "enc_dim": 8,
    "enc_num_res_blocks": 1,
    "enc_out_dim": 12,
    "dec_dim_pre": 8,
    "dec_in_dim": 6,
    "wp_project_dim": 4,
    "wp_offset_feat_dim": 4,
    "wp_num_offset_feat_extractor_res": 0,
    "wp_num_weight_predictor_res": 1,
    "wp_ref_offset_noise": 0.0,
}
FLOW: dict[str, Any] = {
    "align_init_dim": 6,
    "align_num_res_blocks": 2,
    "align_ds_factor": 4,
    "offset_cdim": 6,
    "offset_predictor_dims": (6,),
    "corr_max_disp": (1, 2),
}


def super_resolution() -> DeepRepNet:
    with building_from_checkpoint():
        net = deeprepnet.deeprep_sr_iccv21(
            **WIDTHS, dec_dim_post=4, dec_num_pre_res_blocks=1, dec_num_post_res_blocks=1, gauss_blur_sd=1
        )
    return with_motion(net)


def denoiser(**kwargs: Any) -> DeepRepNet:
    return with_motion(
        deeprepnet.deeprep_denoise_custom_flow_iccv21(
            **{**WIDTHS, **FLOW, "dec_num_res_blocks": 1, "use_noise_estimate": True, **kwargs}
        )
    )


def with_motion(net: DeepRepNet) -> DeepRepNet:
    """Random flow networks hardly move anything: theirs is enlarged to a few pixels, some of them outside."""
    for name, parameter in net.alignment_net.named_parameters():
        if "offset_predictors" in name and name.endswith("1.0.bias"):
            torch.nn.init.normal_(parameter, std=0.1)
        elif "netRefiner.netMain.12" in name:
            parameter.data.mul_(20)
    return net


def inputs(net: DeepRepNet, dtype: torch.dtype, batch: int = 2) -> dict[str, torch.Tensor]:
    burst = torch.rand(batch, 3, net.input_channels, 10, 14, dtype=dtype)
    return {"im": burst, "noise_estimate": 0.1 * torch.rand_like(burst)} if net.use_noise_estimate else {"im": burst}


def outcome(net: DeepRepNet, predict: Callable[..., Any], data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    result = predict(**data)
    pred = result[0] if isinstance(result, tuple) else result
    names, parameters = zip(*net.named_parameters(), strict=True)
    gradients = torch.autograd.grad((pred - 0.3).square().sum(), parameters, allow_unused=True)
    return {"pred": pred} | {k: g for k, g in zip(names, gradients, strict=True) if g is not None}


NETWORKS = {
    "super-resolution": super_resolution,
    "trained flow": denoiser,
    "softmax without regularisation": lambda: denoiser(use_softmax=True, use_feature_regularization=False),
}


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS.keys())
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_network_equals_its_plain_twin(build: Callable[[], DeepRepNet], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = build().to(dtype)
    data = inputs(net, dtype)
    predict: Callable[..., Any] = net
    fast, plain = outcome(net, predict, data), outcome(net, PlainDeepRep(net), data)
    assert fast.keys() == plain.keys()
    assert net(**data)[1]["offsets"].abs().max() > 0.5
    for name, value in plain.items():
        if dtype == torch.float64:
            torch.testing.assert_close({name: fast[name]}, {name: value})
        else:
            assert (fast[name] - value).norm() <= 1e-3 * value.norm() + 1e-6, name


def test_steps_that_are_recomputed_give_the_same_gradients() -> None:
    torch.manual_seed(0)
    net = denoiser().double()
    data = inputs(net, torch.float64)
    kept = outcome(net, net, data)
    net.optimizer.recompute_steps = True
    torch.testing.assert_close(outcome(net, net, data), kept)


def bytes_kept(run: Callable[[], Any]) -> int:
    """Bytes that a graph saves, each storage counted once; the arguments of what is recomputed come on top."""
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run()
    del result
    return sum(storages.values())


def test_the_optimiser_keeps_less_than_half_of_what_its_twin_keeps() -> None:
    torch.manual_seed(0)
    optimizer = SteepestDescentOptimizer(ConvDegradation(32, 64, stride=2), Identity(), num_iter=3)
    problem = {
        "y_init": torch.rand(1, 32, 16, 16, requires_grad=True),
        "x": torch.rand(1, 8, 64, 8, 8),
        "offsets": torch.randn(1, 7, 2, 8, 8),
    }
    plain = bytes_kept(lambda: steepest_descent(optimizer, **problem))
    fast = bytes_kept(lambda: optimizer(**problem))
    optimizer.recompute_steps = True
    assert bytes_kept(lambda: optimizer(**problem)) < fast < 0.4 * plain


@pytest.fixture(params=[True, False], ids=["sums of rows", "gather and scatter"])
def _both_forms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst_warp, "_sums_rows_faster", lambda device: request.param)


def motion(seed: int = 0, size: tuple[int, int] = (5, 4)) -> torch.Tensor:
    return 2 * torch.randn(2, 3, 2, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.usefixtures("_both_forms")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_burst_warp_is_each_frames_warp(dtype: torch.dtype) -> None:
    flow, image = motion(), torch.randn(2, 3, 6, 7, dtype=torch.float64)
    frames = BurstWarp(flow, (6, 7)).warp(image.to(dtype))
    each = [warp(image, flow[:, i]) for i in range(3)]
    assert frames.dtype == dtype
    tolerance = {torch.bfloat16: 0.02, torch.float32: 1e-5, torch.float64: 1e-10}[dtype]
    torch.testing.assert_close(frames.double(), torch.stack(each, dim=1).flatten(0, 1), rtol=0, atol=tolerance)


@pytest.mark.usefixtures("_both_forms")
@pytest.mark.parametrize("trained", [True, False])
def test_warp_and_adjoint_are_each_others_derivative(trained: bool) -> None:
    flow = motion().requires_grad_()
    image = torch.randn(2, 3, 6, 7, dtype=torch.float64, requires_grad=True)
    frames = torch.randn(6, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    both = BurstWarp(flow, (6, 7), adjoint_flow_gradient=trained)
    warped, spread = both.warp(image), both.adjoint(frames)
    torch.testing.assert_close((warped * frames).sum(), (image * spread).sum())
    torch.testing.assert_close(torch.autograd.grad((warped * frames).sum(), image, retain_graph=True)[0], spread)
    torch.testing.assert_close(torch.autograd.grad((image * spread).sum(), frames, retain_graph=True)[0], warped)
    to_flow = torch.autograd.grad(spread.square().sum(), flow, allow_unused=True)[0]
    assert (to_flow is not None) == trained


@pytest.mark.usefixtures("_both_forms")
def test_derivatives_of_both_operators_are_exact() -> None:
    image = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    frames = torch.randn(6, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    flow = motion(size=(2, 3)).requires_grad_()
    assert torch.autograd.gradcheck(lambda image, flow: BurstWarp(flow, (3, 3)).warp(image), (image, flow))
    assert torch.autograd.gradcheck(lambda v, flow: BurstWarp(flow, (3, 3), True).adjoint(v), (frames, flow))
    assert torch.autograd.gradgradcheck(lambda image, flow: BurstWarp(flow, (3, 3)).warp(image), (image, flow))


def test_the_reference_and_whole_pixels_are_moved_exactly() -> None:
    image = torch.rand(1, 3, 9, 1001)
    offsets = torch.zeros(1, 1, 2, 9, 1001)
    offsets[:, :, 0] = 700
    reference, moved = BurstWarp(with_reference(offsets), (9, 1001)).warp(image)
    assert torch.equal(reference, image[0])
    assert torch.equal(moved[..., :301], image[0, ..., 700:])
    assert not moved[..., 301:].any()


def test_flow_that_is_not_finite_stays_visible_and_reads_nothing_outside() -> None:
    offsets = torch.zeros(1, 1, 2, 4, 4)
    offsets[..., 1, 1], offsets[..., 2, 2] = float("nan"), float("inf")
    warped = BurstWarp(offsets, (4, 4)).warp(torch.rand(1, 2, 4, 4))
    assert warped[..., 1, 1].isnan().all()
    assert warped[..., 0, 0].isfinite().all()


@pytest.mark.parametrize("regularised", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_residual_and_line_search_equal_their_formulas(regularised: bool, scale: float) -> None:
    generator = torch.Generator().manual_seed(1)
    error, squares, *changes = (
        torch.randn(2, 7, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(4)
    )
    slope = torch.tensor([0.7, 1.3], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([-0.02], dtype=torch.float64, requires_grad=True) if regularised else None
    leaves = [error, squares, *changes, slope, *([] if weight is None else [weight])]

    def plain_length(change: torch.Tensor) -> torch.Tensor:
        curvature = (squares.square() * change.square()).sum(dim=1)
        curvature = curvature if weight is None else curvature + weight * slope
        return slope / curvature.clamp(min=1e-8)

    def plain_residual(lengths: list[torch.Tensor], changes: list[torch.Tensor]) -> torch.Tensor:
        moved = sum(length[:, None] * change for length, change in zip(lengths, changes, strict=True))
        return squares.square() * (error - moved)

    both = []
    for plain in (True, False):
        small = [change * scale for change in changes]
        if plain:
            lengths = [plain_length(change) for change in small]
            residual = plain_residual(lengths, small)
        else:
            lengths = [step_length(change, squares.square(), slope, weight) for change in small]
            residual = weighted_residual(error, squares.square(), lengths, small)
        total = residual.square().sum() + sum(length.sum() for length in lengths)
        both.append([residual, *lengths, *torch.autograd.grad(total, leaves)])
    torch.testing.assert_close(both[1], both[0], rtol=1e-9, atol=1e-9)


def test_under_autocast_flow_step_length_and_latent_image_stay_in_full_precision() -> None:
    torch.manual_seed(0)
    net = denoiser()
    data = inputs(net, torch.float32)
    latents: list[torch.dtype] = []
    net.hr_decoder.register_forward_pre_hook(lambda module, args: latents.append(args[0]["fused_enc"].dtype))
    exact, aux = net(**data)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pred, coarse = net(**data)
    assert coarse["offsets"].dtype == torch.float32
    torch.testing.assert_close(coarse["offsets"], aux["offsets"])
    assert latents == [torch.float32, torch.float32]
    assert (pred.float() - exact).norm() < 0.05 * exact.norm()
    pred.float().mean().backward()
