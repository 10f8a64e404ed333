"""The quick start's denoiser: stabilisation, the kernel decoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.deeprep.identity_start import start_as_aligned_mean
from models.deeprep.kernel_decoder import KernelDecoder
from models.deeprep.small_denoiser import StabilisedDenoiser, _fitted, deeprep_denoise_small
from utils.ops.warp import sample, sampling_grid, warp_adjoint

NETWORK: dict[str, Any] = {
    "num_iter": 0,  # as the shipped network: the weighted mean of the frames, no step after it
    "enc_dim": 8,
    "enc_num_res_blocks": 1,
    "latent_dim": 8,
    "dec_widths": (8, 8),
    "dec_num_res_blocks": (1, 1),
    "wp_project_dim": 4,
    "align_init_dim": 8,
    "align_num_res_blocks": 1,
    "align_ds_factor": 2,
    "offset_cdim": 8,
    "offset_predictor_dims": (52, 8),
    "corr_max_disp": (3, 2),
    "search_reach": 4,
}


def started(**changes: Any) -> StabilisedDenoiser:
    torch.manual_seed(0)
    net = deeprep_denoise_small(**{**NETWORK, **changes})
    start_as_aligned_mean(net.net)
    return net


def noisy(read: float, shot: float, frames: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Burst, its noise estimate and the clean image: a ramp and a few stripes."""
    generator = torch.Generator().manual_seed(5)
    row = torch.linspace(0.02, 0.8, 36)
    clean = (row.expand(3, 20, 36) + 0.1 * (torch.arange(36) // 6 % 2)).clone()
    sigma = (read**2 + shot * clean).sqrt()
    burst = clean + sigma * torch.randn(1, frames, 3, 20, 36, generator=generator)
    return burst, (read**2 + shot * burst.clamp(min=0)).sqrt(), clean


@pytest.mark.parametrize(("read", "shot"), [(0.01, 0.0), (0.05, 0.02), (0.03, 0.01)])
def test_stabilised_noise_is_equally_strong_everywhere_and_its_mean_comes_back_without_bias(
    read: float, shot: float
) -> None:
    burst, sigma, clean = noisy(read, shot, frames=4096)
    stabiliser = _fitted(burst, sigma)
    stable = stabiliser.forward(burst) * stabiliser.scale
    dark, bright = stable[..., :12].std(dim=1).mean(), stable[..., 24:].std(dim=1).mean()
    assert dark == pytest.approx(1.0, rel=0.1)
    assert bright == pytest.approx(1.0, rel=0.1)
    restored = stabiliser.inverse(stabiliser.forward(burst).mean(dim=1, keepdim=True))[0, 0]
    # Without the correction, a quarter of the shot noise factor is missing everywhere.
    assert (restored - clean).mean().abs() < max(shot, 0.001) / 20


@pytest.mark.parametrize("num_iter", [0, 1])
@pytest.mark.parametrize("brightness", [1.0, 0.1])
def test_it_starts_as_a_smoothed_mean_of_the_burst_at_any_brightness(brightness: float, num_iter: int) -> None:
    burst, sigma, clean = noisy(0.03, 0.005)
    pred, aux = started(num_iter=num_iter)(burst * brightness, noise_estimate=sigma * brightness)
    error = (pred[0] / brightness - clean).mean(dim=(1, 2)).abs().max()
    assert error < 0.01  # the same brightness and colour
    assert (pred[0] / brightness - clean).std() < clean.std() / 2
    assert aux["offsets"].shape == (1, 7, 2, 20, 36)


@pytest.mark.parametrize(("frames", "size"), [(1, (17, 23)), (3, (30, 21))])
@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("num_iter", [0, 1])
def test_any_size_and_number_of_frames(frames: int, size: tuple[int, int], color: bool, num_iter: int) -> None:
    burst = torch.rand(2, frames, 3 if color else 1, *size)
    pred, _ = started(color_input=color, num_iter=num_iter)(burst, noise_estimate=torch.full_like(burst[:, 0], 0.1))
    assert pred.shape == burst[:, 0].shape
    assert pred.isfinite().all()


def test_double_precision_works_too() -> None:
    burst, sigma, _ = noisy(0.03, 0.005, frames=3)
    net = started().double()
    pred, aux = net(burst.double(), noise_estimate=sigma.double())
    assert pred.dtype is aux["offsets"].dtype is torch.float64
    torch.testing.assert_close(pred.float(), net.float()(burst, noise_estimate=sigma)[0], atol=1e-3, rtol=0)


@pytest.mark.parametrize("num_iter", [0, 1])
def test_a_black_burst_is_no_error(num_iter: int) -> None:
    burst = torch.zeros(1, 2, 3, 16, 16)
    pred, _ = started(num_iter=num_iter)(burst, noise_estimate=torch.zeros_like(burst))
    assert pred.isfinite().all()


@pytest.mark.parametrize("num_iter", [0, 1])
def test_every_weight_that_the_number_of_steps_leaves_in_use_learns(num_iter: int) -> None:
    net = started(num_iter=num_iter)
    burst, sigma, _ = noisy(0.03, 0.005)
    pred, aux = net(burst, noise_estimate=sigma)
    (pred.square().mean() + aux["offsets"].square().mean()).backward()
    without = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    # The regularisation is off, and only steps ask what the encoder would see.
    of_steps = set() if num_iter else {"net.optimizer.degradation_operator.ds.0.0.weight"}
    assert without == {"net.optimizer.feat_reg_w"} | of_steps


def test_the_mean_counts_the_frames_by_their_certainty(monkeypatch: pytest.MonkeyPatch) -> None:
    net, burst = started(), torch.rand(1, 4, 3, 16, 16)
    sigma = torch.full_like(burst, 0.1)
    weights = torch.zeros(1, 4, 1, 1, 1)
    weights[:, 0] = 1e3  # of frame 0 alone, whatever the others show
    inner = net.net
    certainty = weights.expand(1, 4, 8, 16, 16)
    monkeypatch.setattr(inner.optimizer.weight_predictor, "forward", lambda *_, **__: certainty)
    enc = inner.lr_encoder(torch.cat((burst, sigma), dim=2))["enc"]
    mean = inner._first_estimate(enc, torch.zeros(1, 3, 2, 16, 16), sigma)
    torch.testing.assert_close(mean, inner.hr_initializer(enc[:, :1]), atol=1e-4, rtol=1e-3)


def test_a_missing_or_misshapen_noise_estimate_is_named() -> None:
    net, burst = started(), torch.rand(1, 2, 3, 16, 16)
    with pytest.raises(ValueError, match="needs noise_estimate"):
        net(burst)
    with pytest.raises(ValueError, match=r"\(1, 2, 3, 16, 8\) does not fit the burst \(1, 2, 3, 16, 16\)"):
        net(burst, noise_estimate=burst[..., :8])


def test_the_decoder_keeps_odd_sizes_and_refuses_levels_that_do_not_fit() -> None:
    decoder = KernelDecoder(5, (4, 6), (1, 1), out_dim=3)
    seen = {"fused_enc": torch.rand(2, 5, 13, 18), "noise": torch.zeros(2, 3, 13, 18)}
    pred = decoder(seen)["pred"]
    assert pred.shape == (2, 3, 13, 18)
    plain = decoder.skip(seen["fused_enc"])
    assert plain.amin() <= pred.amin()  # without noise nothing but means of the plain image
    assert pred.amax() <= plain.amax()
    with pytest.raises(ValueError, match="differ in length"):
        KernelDecoder(5, (4, 6), (1,))


def test_half_precision_samples_at_the_right_place() -> None:
    torch.manual_seed(2)
    feat, flow = torch.rand(1, 2, 40, 200), torch.full((1, 2, 40, 200), 0.3)
    exact = sample(feat, sampling_grid(flow, (40, 200)))
    half = sample(feat.bfloat16(), sampling_grid(flow.bfloat16(), (40, 200)))
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.02, rtol=0)
    adjoint = warp_adjoint(feat.bfloat16(), flow.bfloat16())
    torch.testing.assert_close(adjoint.float(), warp_adjoint(feat, flow), atol=0.02, rtol=0)
