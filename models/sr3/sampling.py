"""Samplers: plain functions that turn noise into an image with any network that predicts noise.

``denoiser(image, level)`` gets the image [B, C, H, W] and its level as [B, 1], and returns the predicted noise. Every
sampler calls it once for each step of the schedule it is given; ``schedule.respaced(20)`` makes it 20 calls.
``callback(t, image)`` is told the image after each step, t counting down to 0.

The full reverse process draws new noise in each step. DDIM and DPM-Solver++ solve the ordinary differential equation of
the same process: from the same start they give the same image, and with growing steps both approach one image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from models.sr3.schedules import NoiseSchedule
from utils.suggestions import unknown_name_message

Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Callback = Callable[[int, torch.Tensor], object]
StepNoise = Callable[[int, torch.Tensor], torch.Tensor]


class Sampler(Protocol):
    """What all samplers look like."""

    def __call__(
        self,
        denoiser: Denoiser,
        schedule: NoiseSchedule,
        image: torch.Tensor,
        clip: bool = True,
        callback: Callback | None = None,
    ) -> torch.Tensor:
        """Samples.

        Args:
            denoiser: the network.
            schedule: its steps are gone through from the last to the first.
            image: [B, C, H, W], the start: standard normal noise.
            clip: limit the clean image that each step predicts to -1..1.
            callback: told (t, image) after each step.

        Returns:
            The sampled image [B, C, H, W].

        Raises:
            ValueError: the schedule ends in an image without any signal, from which nothing can be predicted.
        """
        ...


def ancestral(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    image: torch.Tensor,
    clip: bool = True,
    callback: Callback | None = None,
    step_noise: StepNoise | None = None,
) -> torch.Tensor:
    """The full reverse process (SR3, algorithm 2; DDPM, equations 6 and 7, with the smaller posterior variance).

    ``step_noise(t, image)`` gives the noise of step t > 0; by default torch's global generator draws it. Arguments,
    result and errors otherwise as :class:`Sampler`.
    """
    draw = step_noise or (lambda t, current: torch.randn_like(current))
    posterior = Posterior(schedule)
    for t, level in _steps(schedule):
        clean = _clean(image, denoiser(image, _per_sample(level, image)), level, clip)
        image = posterior.mean(clean, image, t)
        if t:
            image = image + math.exp(0.5 * posterior.log_variance(t)) * draw(t, image)
        if callback is not None:
            callback(t, image)
    return image


def ddim(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    image: torch.Tensor,
    clip: bool = True,
    callback: Callback | None = None,
) -> torch.Tensor:
    """DDIM without noise (J. Song et al., arXiv 2010.02502, equation 12 with sigma = 0). See :class:`Sampler`."""
    for t, level in _steps(schedule):
        clean = _clean(image, denoiser(image, _per_sample(level, image)), level, clip)
        noise = (image - level * clean) / _deviation(level)  # that of the clipped clean image
        target = float(schedule.levels[t])
        image = target * clean + _deviation(target) * noise
        if callback is not None:
            callback(t, image)
    return image


def dpm_solver(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    image: torch.Tensor,
    clip: bool = True,
    callback: Callback | None = None,
) -> torch.Tensor:
    """DPM-Solver++(2M), of second order (Lu et al., arXiv 2211.01095, algorithm 2). See :class:`Sampler`.

    The first and the last step are of first order: before the first nothing is known, and the last ends at a clean
    image, infinitely far away on the axis of the logarithmic signal-to-noise ratio.
    """
    before: tuple[torch.Tensor, float] | None = None  # clean image and width of the step before
    for t, level in _steps(schedule):
        clean = _clean(image, denoiser(image, _per_sample(level, image)), level, clip)
        target = float(schedule.levels[t])
        width = _log_snr(target) - _log_snr(level)
        direction = clean
        if before is not None and t:
            share = width / (2 * before[1])
            direction = (1 + share) * clean - share * before[0]
        # The formula written as a mean of where the image is and where it should go: no difference of large numbers.
        kept = _deviation(target) / _deviation(level)
        image = kept * image + target * -math.expm1(-width) * direction
        before = clean, width
        if callback is not None:
            callback(t, image)
    return image


SAMPLERS: dict[str, Sampler] = {"ancestral": ancestral, "ddim": ddim, "dpm_solver": dpm_solver}


def find_sampler(name: str) -> Sampler:
    """The sampler of that name.

    Raises:
        ValueError: there is none; offers the nearest.
    """
    if name not in SAMPLERS:
        raise ValueError(unknown_name_message("sampler", name, SAMPLERS))
    return SAMPLERS[name]


class Posterior:
    """The distribution of the image before step t, given the image after it and the clean one (DDPM, equation 7)."""

    def __init__(self, schedule: NoiseSchedule) -> None:
        self._alphas_cumprod, self._betas = schedule.alphas_cumprod, schedule.betas

    def mean(self, clean: torch.Tensor, image: torch.Tensor, t: int) -> torch.Tensor:
        """[B, C, H, W] of a clean image and the image after step t."""
        now, before, beta = self._at(t)
        of_clean = beta * math.sqrt(before) / (1 - now)
        of_image = (1 - before) * math.sqrt(1 - beta) / (1 - now)
        return of_clean * clean + of_image * image

    def log_variance(self, t: int) -> float:
        """The logarithm of beta (1 - alpha_bar before) / (1 - alpha_bar), at least ln 1e-20."""
        now, before, beta = self._at(t)
        return math.log(max(beta * (1 - before) / (1 - now), 1e-20))

    def _at(self, t: int) -> tuple[float, float, float]:
        before = float(self._alphas_cumprod[t - 1]) if t else 1.0
        return float(self._alphas_cumprod[t]), before, float(self._betas[t])


def clean_image(image: torch.Tensor, noise: torch.Tensor, level: float) -> torch.Tensor:
    """The clean image that a noise prediction means (DDPM, equation 15 and the text above it)."""
    return image / level - math.sqrt(1 / level**2 - 1) * noise


def _clean(image: torch.Tensor, noise: torch.Tensor, level: float, clip: bool) -> torch.Tensor:
    clean = clean_image(image, noise, level)
    return clean.clamp(-1, 1) if clip else clean


def _steps(schedule: NoiseSchedule) -> Iterator[tuple[int, float]]:
    """(t, level of the image before step t is undone) from T - 1 to 0."""
    if schedule.levels[-1] == 0:
        raise ValueError(
            f"this noise schedule of {len(schedule)} steps ends at level 0: no clean image can be predicted from pure "
            "noise. It can be trained with, but not sampled from ('jsd' always ends so); sample with another schedule"
        )
    for t in reversed(range(len(schedule))):
        yield t, float(schedule.levels[t + 1])


def _per_sample(level: float, image: torch.Tensor) -> torch.Tensor:
    return torch.full((image.shape[0], 1), level, dtype=image.dtype, device=image.device)


def _deviation(level: float) -> float:
    return math.sqrt(max(0.0, 1 - level**2))


def _log_snr(level: float) -> float:
    """Logarithm of level over noise deviation: half the logarithmic signal-to-noise ratio."""
    return math.inf if level == 1 else math.log(level / _deviation(level))
