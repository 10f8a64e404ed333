"""Network, noise schedules, training steps and sampling of SR3 against their recordings."""

from __future__ import annotations

from typing import Any

import torch

from models.sr3.diffusion import GaussianDiffusion, kept_interval
from models.sr3.sampling import Posterior, clean_image
from models.sr3.schedules import NoiseSchedule
from models.sr3.unet import UNet
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "sr3_multiframe"


@checks(PART, names=["unet_*"], functions=["UNet"])
def check_unet(case: Case, judge: Judge) -> None:
    net = _unet(case)
    x, level = case["in.x"].clone().requires_grad_(), case["in.noise_level"]
    y = net(x, level)
    if "out.noise_encoding" in case:
        judge.close("noise_encoding", net.noise_level_mlp[0](level), case["out.noise_encoding"], atol=1e-4)
    if "out.noise_embedding" in case:
        judge.close("noise_embedding", net.noise_level_mlp(level), case["out.noise_embedding"], atol=1e-4)
    judge.close("y", y, case["out.y"], atol=1e-4)
    if "in.loss_weight" in case:
        (y * case["in.loss_weight"]).mean().backward()
        _judge_gradients(case, judge, net)
        judge.relative_to_max("gradient of the input", x.grad, case["grad_input.x"], share=1e-3)


@checks(PART, names=["schedules_*"], functions=["beta schedule*"])
def check_schedules(case: Case, judge: Judge) -> None:
    names = ("schedule", "n_timestep", "linear_start", "linear_end")
    for recorded in case.meta["cases"]:
        title = f"{recorded['index']} {recorded['schedule']}"
        schedule = NoiseSchedule.from_options({name: recorded.get(name) for name in names})
        expected = case.group(f"out.{recorded['index']}.")
        judge.close(f"{title} betas", schedule.betas, expected.pop("betas_f64"), atol=1e-12)
        levels = expected.pop("sqrt_alphas_cumprod_prev_f64")
        judge.close(f"{title} levels", schedule.levels, levels, atol=1e-12)
        buffers = schedule.buffers()
        judge.equal(f"{title} names of the buffers", sorted(buffers), sorted(expected))
        for name, values in expected.items():
            judge.close(f"{title} {name}", buffers[name], values, rtol=2**-23)
        judge.equal(f"{title} steps", len(schedule), recorded["num_timesteps"])
        judge.equal(f"{title} distance of kept images", kept_interval(len(schedule)), recorded["sample_inter"])


@checks(PART, names=["diffusion_ops_*"])
def check_single_steps(case: Case, judge: Judge) -> None:
    net = _diffusion(case)
    noisy = net.q_sample(case["in.x0"], case["in.level"], case["in.noise"])
    judge.relative_to_max("q_sample", noisy, case["out.q_sample"], share=1e-4)
    posterior = Posterior(net.schedule)
    noisy = case["out.q_sample"]
    image = torch.cat((case["in.condition"], noisy), dim=1) if "in.condition" in case else noisy
    for t in case["in.t"].tolist():
        level = float(net.schedule.levels[t + 1])
        with torch.no_grad():
            eps = net.denoise_fn(image, torch.full((image.shape[0], 1), level))
        clean = clean_image(noisy, eps, level)
        ours = {
            "eps": eps,
            "x0_unclipped": clean,
            "mean_clipped": posterior.mean(clean.clamp(-1, 1), noisy, t),
            "mean_unclipped": posterior.mean(clean, noisy, t),
            "log_variance": torch.tensor(posterior.log_variance(t)),
        }
        for name, expected in case.group(f"out.t{t}.").items():
            judge.relative_to_max(f"t {t} {name}", ours[name], expected, share=1e-4)


@checks(PART, names=["train_steps_*"])
def check_training_steps(case: Case, judge: Judge) -> None:
    net = _diffusion(case)
    options = case.meta["optimizer"]
    optimizer = getattr(torch.optim, options["type"])(net.parameters(), lr=options["lr"])
    losses = []
    for step in range(len(case["in.t"])):
        data = {key: case[f"in.{key}"][step] for key in ("HR", "SR") if f"in.{key}" in case}
        t = int(case["in.t"][step])
        before, after = torch.from_numpy(net.schedule.levels)[[t - 1, t]]
        levels = before + case["in.unit"][step] * (after - before)
        judge.close(f"levels of step {step}", levels, case["in.level"][step], atol=1e-12)
        raw = net.training_loss(data, case["in.noise"][step], levels)
        loss = raw / data["HR"].numel()
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            judge.close("raw_loss_0", raw, case["out.raw_loss_0"], rtol=1e-5)
            _judge_gradients(case, judge, net.denoise_fn)
        optimizer.step()
        losses.append(loss.item())
    judge.close("l_pix", losses, case["out.l_pix"], rtol=1e-5)
    weights = net.denoise_fn.state_dict()
    for name, expected in case.group("out.after.").items():
        difference = (weights[name] - expected).abs().mean()
        judge.close(f"after the last step: {name}, mean difference", difference, torch.zeros(()), atol=1e-6)


@checks(PART, names=["sample_*"])
def check_sampling(case: Case, judge: Judge) -> None:
    net = _diffusion(case)
    last = len(net.schedule) - 1
    injected: dict[str, Any] = {
        "start": case["in.init_noise"],
        "step_noise": lambda t, image: case["in.step_noise"][last - t],
    }

    def sampled(continous: bool) -> torch.Tensor:
        if net.conditional:
            return net.super_resolution(case["in.condition"], continous, **injected)
        return net.sample(len(case["in.init_noise"]), continous, **injected)

    interval = kept_interval(len(net.schedule))
    judge.equal("distance of kept images", interval, case.meta["sample_inter"])
    judge.equal("kept", [t for t in range(last, -1, -1) if t % interval == 0], case.meta["kept_timesteps"])
    judge.close("full", sampled(True), case["out.full"], atol=1e-3)
    final = case["out.final"]
    # The original returned only the last row of a batch.
    images = sampled(False)
    judge.close("final", images if final.ndim == 4 else images[-1], final, atol=1e-3)


def _unet(case: Case) -> UNet:
    net = UNet(**case.kwargs)
    net.load_state_dict(case.group("state."))
    return net.train(case.meta.get("mode") == "train")


def _diffusion(case: Case) -> GaussianDiffusion:
    options = dict(case.meta["diffusion"])
    schedule = options.pop("schedule")
    net = GaussianDiffusion(_unet(case), case.kwargs.get("image_size", 128), schedule_opt=schedule, **options)
    return net.eval()


def _judge_gradients(case: Case, judge: Judge, net: torch.nn.Module) -> None:
    parameters = dict(net.named_parameters())
    expected = case.group("grad.")
    judge.equal("parameters with gradients", sorted(parameters), sorted(expected))
    for name, gradient in expected.items():
        judge.relative_to_max(f"gradient of {name}", parameters[name].grad, gradient, share=1e-3)
