"""SR3: network, noise schedules, diffusion model and samplers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.checkpoints import CheckpointError
from models.sr3.constructors import sr3
from models.sr3.diffusion import GaussianDiffusion, condition_of, middle_frames
from models.sr3.mean_of_samples import MeanOfSamples
from models.sr3.original_files import load_original
from models.sr3.sampling import SAMPLERS, ancestral, ddim, dpm_solver
from models.sr3.schedules import SCHEDULES, NoiseSchedule
from models.sr3.unet import UNet

COSINE = {"schedule": "cosine", "n_timestep": 20}
LINEAR = NoiseSchedule.make("linear", 1000, 1e-4, 2e-2)
TINY: dict[str, Any] = {
    "inner_channel": 8,
    "norm_groups": 2,
    "channel_mults": (1, 2),
    "attn_res": (),
    "res_blocks": 1,
    "dropout": 0.0,
    "image_size": 8,
}


def tiny(**changes: Any) -> GaussianDiffusion:
    """A network of a few thousand weights, always the same one."""
    torch.manual_seed(0)
    net = sr3(**{"schedule": COSINE, **TINY, **changes}).eval()
    assert isinstance(net, GaussianDiffusion)
    return net


def gaussian_denoiser(mean: float, deviation: float) -> Any:
    """The exact noise prediction for images whose values are independent and normal."""

    def predict(image: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        a = level.view(-1, 1, 1, 1)
        variance = a**2 * deviation**2 + 1 - a**2
        return (1 - a**2).sqrt() * (image - a * mean) / variance

    return predict


@pytest.mark.parametrize(
    ("kwargs", "parameters"),
    [
        ({"in_channel": 12, "inner_channel": 64, "attn_res": [16], "res_blocks": 2, "dropout": 0.2}, 97_810_947),
        ({"in_channel": 6, "inner_channel": 64, "attn_res": [16], "res_blocks": 2, "dropout": 0.2}, 97_807_491),
        (
            {
                "in_channel": 6,
                "inner_channel": 64,
                "norm_groups": 16,
                "channel_mults": (1, 2, 4, 8, 16),
                "attn_res": [],
                "res_blocks": 1,
                "image_size": 512,
            },
            155_334_339,
        ),
    ],
)
def test_published_networks_have_the_published_number_of_parameters(kwargs: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        net = UNet(**kwargs)
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters


def test_attention_stands_where_the_published_table_has_it() -> None:
    with torch.device("meta"):
        net = UNet(in_channel=12, inner_channel=64, attn_res=[16], res_blocks=2)
    attended = {name.rsplit(".attn", 1)[0] for name, _ in net.named_modules() if name.endswith(".attn")}
    assert attended == {"downs.10", "downs.11", "mid.0", "ups.4", "ups.5", "ups.6"}


def test_a_channel_per_group_makes_the_network_blind_to_the_noise_level() -> None:
    image = torch.randn(1, 12, 8, 8, generator=torch.Generator().manual_seed(0))

    @torch.no_grad()
    def difference(groups: int) -> float:
        net = tiny(norm_groups=groups, channel_mults=(1, 1)).denoise_fn
        return float((net(image, torch.tensor([[0.1]])) - net(image, torch.tensor([[0.9]]))).abs().max())

    assert difference(8) < 1e-4 < 1e-2 < difference(2)


@pytest.mark.parametrize(
    ("shape", "level", "part"),
    [
        ((1, 11, 8, 8), (1, 1), "12"),
        ((1, 12, 9, 8), (1, 1), "multiples of 2"),
        ((2, 12, 8, 8), (1, 1), r"\[2, 1\]"),
        ((12, 8, 8), (1, 1), "B, 12"),
    ],
)
def test_the_network_says_which_input_it_expects(shape: tuple[int, ...], level: tuple[int, ...], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        tiny().denoise_fn(torch.zeros(shape), torch.zeros(level))


def test_groups_that_do_not_divide_the_channels_are_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="norm_groups = 3 does not divide 8"):
        tiny(norm_groups=3)


@given(
    st.sampled_from(sorted(SCHEDULES)),
    st.integers(2, 60),
    st.floats(1e-6, 1e-3),
    st.floats(2e-3, 0.5),
)
@settings(max_examples=40, deadline=None)
def test_every_schedule_only_adds_noise_and_keeps_the_posterior_a_distribution(
    name: str, steps: int, start: float, end: float
) -> None:
    schedule = NoiseSchedule.make(name, steps, start, end)
    assert schedule.levels[0] == 1
    assert (np.diff(schedule.levels) < 0).all()
    buffers = schedule.buffers()
    assert (buffers["posterior_variance"] >= 0).all()
    # The mean of an image that equals its clean image is that image, but for the noise-free level it had.
    total = buffers["posterior_mean_coef1"] + buffers["posterior_mean_coef2"] * buffers["sqrt_alphas_cumprod"]
    np.testing.assert_allclose(total, np.sqrt(buffers["alphas_cumprod_prev"]), atol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 120])
def test_respacing_keeps_both_ends_of_the_schedule(steps: int) -> None:
    schedule = NoiseSchedule.make("cosine", 50)
    fewer = schedule.respaced(steps)
    assert len(fewer) == steps
    assert fewer.levels[-1] == pytest.approx(schedule.levels[-1], rel=1e-6)
    half = schedule.respaced(steps, begin=0.5)
    assert half.levels[-1] == pytest.approx(schedule.levels[25])


def test_a_tenth_of_the_steps_stops_at_every_tenth_level() -> None:
    schedule = NoiseSchedule.make("cosine", 50)
    np.testing.assert_allclose(schedule.respaced(5).levels, schedule.levels[::10])


def test_an_unknown_schedule_offers_the_nearest() -> None:
    with pytest.raises(ValueError, match="cosine"):
        NoiseSchedule.make("cosin", 10)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_a_schedule_that_ends_without_signal_cannot_be_sampled_from_and_says_so(sampler: str) -> None:
    schedule = NoiseSchedule.make("jsd", 5)
    with pytest.raises(ValueError, match="another schedule"):
        SAMPLERS[sampler](lambda image, level: image, schedule, torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("sampler", [ddim, dpm_solver])
def test_few_step_samplers_are_deterministic_and_converge_to_one_image(sampler: Any) -> None:
    net = tiny(schedule={"schedule": "linear", "n_timestep": 200, "linear_start": 1e-4, "linear_end": 2e-2})
    generator = torch.Generator().manual_seed(1)
    condition, start = torch.rand(1, 9, 8, 8, generator=generator), torch.randn(1, 3, 8, 8, generator=generator)

    def sampled(run: Any, steps: int) -> torch.Tensor:
        with torch.no_grad():
            return run(net._denoiser(condition), net.schedule.respaced(steps), start, clip=False)

    assert torch.equal(sampled(sampler, 10), sampled(sampler, 10))
    limit = sampled(dpm_solver, 250)
    errors = [float((sampled(sampler, steps) - limit).abs().max()) for steps in (8, 25, 80)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.05 * float(limit.abs().max())


def test_the_solver_of_second_order_is_nearer_to_the_limit_than_ddim() -> None:
    denoiser = gaussian_denoiser(0.2, 0.3)
    start = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    limit = dpm_solver(denoiser, LINEAR.respaced(1000), start, clip=False)

    def error(run: Any) -> float:
        return float((run(denoiser, LINEAR.respaced(30), start, clip=False) - limit).abs().max())

    assert error(dpm_solver) < 0.5 * error(ddim)


@pytest.mark.parametrize(("sampler", "steps"), [(ancestral, 500), (ddim, 300), (dpm_solver, 60)])
def test_samples_of_an_exact_denoiser_have_the_distribution_of_the_images(sampler: Any, steps: int) -> None:
    torch.manual_seed(0)
    start = torch.randn(2, 3, 32, 32)
    images = sampler(gaussian_denoiser(0.2, 0.3), LINEAR.respaced(steps), start, clip=False)
    assert float(images.mean()) == pytest.approx(0.2, abs=0.02)
    assert float(images.std()) == pytest.approx(0.3, rel=0.05)


def test_callbacks_see_every_step_and_the_result_last() -> None:
    seen: list[tuple[int, torch.Tensor]] = []
    result = tiny().sample_images(
        torch.zeros(1, 9, 8, 8), sampler="dpm_solver", steps=5, callback=lambda t, image: seen.append((t, image))
    )
    assert [t for t, _ in seen] == [4, 3, 2, 1, 0]
    assert torch.equal(seen[-1][1], result)


@pytest.mark.parametrize("n_frames", [1, 3, 5])
def test_any_odd_number_of_frames_is_restored_and_shown(n_frames: int) -> None:
    net = tiny(n_frames=n_frames, schedule={"schedule": "cosine", "n_timestep": 3})
    condition = torch.rand(2, 3 * n_frames, 8, 12)
    assert net.super_resolution(condition).shape == (2, 3, 8, 12)
    whole = net.super_resolution(condition, continous=True)
    assert whole.shape == (2 * (n_frames + 3), 3, 8, 12)
    assert torch.equal(whole[2 : 2 * 2], condition[:, 3:6]) or n_frames == 1


def test_an_even_number_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="n_frames = 2"):
        tiny(n_frames=2)


def test_a_batch_samples_as_its_images_do_alone() -> None:
    net = tiny(schedule={"schedule": "linear", "n_timestep": 20, "linear_start": 1e-3, "linear_end": 0.2})
    condition, start = torch.rand(3, 9, 8, 8), torch.randn(3, 3, 8, 8)
    together = net.sample_images(condition, sampler="ddim", steps=4, start=start)
    for i in range(3):
        alone = net.sample_images(condition[i : i + 1], sampler="ddim", steps=4, start=start[i : i + 1])
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-4)


@given(st.integers(1, 9), st.sampled_from([1, 3, 5]))
@settings(max_examples=20, deadline=None)
def test_the_middle_frame_stays_the_middle_frame(available: int, wanted: int) -> None:
    indices = middle_frames(available, wanted)
    assert len(indices) == wanted
    assert indices[wanted // 2] == available // 2
    assert indices == sorted(indices)


def test_any_size_is_restored_and_wrong_bursts_are_named() -> None:
    net = tiny(sampler="ddim", steps=2)
    restored, aux = net(torch.rand(1, 3, 3, 7, 9))
    assert restored.shape == (1, 3, 7, 9)
    assert aux == {}
    assert 0 <= float(restored.min()) <= float(restored.max()) <= 1
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 7, 9\)"):
        net(torch.rand(1, 3, 4, 7, 9))
    assert condition_of(torch.rand(2, 1, 3, 4, 4), 3).shape == (2, 9, 4, 4)


def test_sampling_that_begins_at_the_middle_frame_stays_near_it() -> None:
    net = tiny(begin=0.05, sampler="ddim", steps=1, schedule={"schedule": "cosine", "n_timestep": 100})
    frames = torch.rand(1, 3, 3, 8, 8)
    assert (net.sample_images(condition_of(frames, 3)) - (frames[:, 1] * 2 - 1)).abs().mean() < 0.2


def test_levels_of_a_batch_share_one_time_unless_asked_otherwise() -> None:
    net = tiny(schedule={"schedule": "cosine", "n_timestep": 10})
    table = net.schedule.levels

    def times(generator: torch.Generator) -> set[int]:
        levels = net.draw_levels(64, generator).numpy()
        assert levels.min() >= table[-1]
        assert levels.max() <= 1
        return {int(np.searchsorted(-table, -level)) for level in levels}

    generator = torch.Generator().manual_seed(0)
    assert [len(times(generator)) for _ in range(5)] == [1] * 5
    net.shared_time = False
    assert len(times(generator)) > 5


def test_the_loss_is_the_summed_error_of_the_predicted_noise() -> None:
    batch = {"HR": torch.rand(2, 3, 8, 8) * 2 - 1, "SR": torch.rand(2, 9, 8, 8)}
    noise, levels = torch.randn(2, 3, 8, 8), torch.tensor([0.5, 0.9])
    for loss_type, power in (("l1", 1), ("l2", 2)):
        net = tiny(loss_type=loss_type)
        a = levels.view(-1, 1, 1, 1)
        noisy = a * batch["HR"] + (1 - a**2).sqrt() * noise
        predicted = net.denoise_fn(torch.cat((batch["SR"], noisy), 1), levels[:, None])
        expected = ((noise - predicted).abs() ** power).sum()
        torch.testing.assert_close(net.training_loss(batch, noise, levels), expected)
    with pytest.raises(ValueError, match="l3"):
        tiny(loss_type="l3")


def test_the_mean_of_samples_is_nearer_to_the_mean_image_than_one_sample() -> None:
    torch.manual_seed(0)
    net = tiny(sampler="ancestral", schedule={"schedule": "linear", "n_timestep": 50, "linear_end": 0.3})
    net.denoise_fn = Exact()
    burst = torch.rand(1, 3, 3, 16, 16)
    one, many = (float((MeanOfSamples(net, count)(burst)[0] - 0.6).square().mean()) for count in (1, 16))
    assert many < one / 8


class Exact(torch.nn.Module):
    """The denoiser of normal images of mean 0.2, in place of a network with three frames."""

    stride = 1

    def forward(self, x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(gaussian_denoiser(0.2, 0.2)(x[:, 9:], level))


def write_original(folder: Any, net: GaussianDiffusion, step: int = 12) -> str:
    """A pair of files as the original system writes it, after one step of Adam."""
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    net.training_loss({"HR": torch.zeros(1, 3, 8, 8), "SR": torch.zeros(1, 9, 8, 8)}).backward()
    optimizer.step()
    torch.save(net.state_dict(), folder / f"I{step}_E3_gen.pth")
    state = {"epoch": 3, "iter": step, "scheduler": None, "optimizer": optimizer.state_dict()}
    torch.save(state, folder / f"I{step}_E3_opt.pth")
    return str(folder / f"I{step}_E3")


def test_files_of_the_original_are_loaded_with_their_optimiser(tmp_path: Any) -> None:
    source, target = tiny(), tiny(inner_channel=8)
    prefix = write_original(tmp_path, source)
    assert set(source.state_dict()) >= {"betas", "posterior_mean_coef2", "denoise_fn.downs.0.weight"}
    optimizer = torch.optim.Adam(target.parameters())
    loaded = load_original(target, prefix, optimizer)
    assert (loaded.step, loaded.epoch) == (12, 3)
    assert optimizer.param_groups[0]["lr"] == 1e-4
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in target.state_dict().items())


def test_the_noise_schedule_of_the_configuration_wins_over_that_of_the_file(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = write_original(tmp_path, tiny())
    net = tiny(schedule={"schedule": "cosine", "n_timestep": 7})
    load_original(net, f"{prefix}_gen.pth")
    assert "20 steps" in caplog.text
    assert "7" in caplog.text
    assert len(net.state_dict()["betas"]) == len(net.schedule) == 7


def test_files_that_do_not_fit_are_named(tmp_path: Any) -> None:
    prefix = write_original(tmp_path, tiny())
    with pytest.raises(CheckpointError, match=r"I12_E3_gen\.pth"):
        load_original(tiny(inner_channel=16), prefix)
    with pytest.raises(FileNotFoundError, match="I99_E3"):
        load_original(tiny(), tmp_path / "I99_E3")


def test_posterior_and_levels_agree_with_their_definition() -> None:
    alphas = 1 - LINEAR.betas
    assert LINEAR.levels[5] == pytest.approx(math.sqrt(math.prod(alphas[:5])))
