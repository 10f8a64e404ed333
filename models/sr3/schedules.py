"""Noise schedules of diffusion models: how much noise is in an image after each step.

Notation of DDPM (arXiv 2006.11239): ``beta`` the variance that a step adds, ``alpha = 1 - beta``, ``alpha_bar`` the
product of all alphas so far. The *level* is ``sqrt(alpha_bar)``: 1 for a clean image, near 0 for pure noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.suggestions import unknown_name_message

Array = NDArray[np.float64]


def _warmup(share: float) -> Callable[[int, float, float], Array]:
    def betas(steps: int, start: float, end: float) -> Array:
        result = np.full(steps, end, dtype=np.float64)
        rising = int(steps * share)
        result[:rising] = np.linspace(start, end, rising, dtype=np.float64)
        return result

    return betas


def _cosine(steps: int, start: float, end: float) -> Array:
    """Nichol and Dhariwal (arXiv 2102.09672), equation 17, with offset 0.008 and betas of at most 0.999."""
    remaining = np.cos((np.arange(steps + 1, dtype=np.float64) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.asarray(np.minimum(1 - remaining[1:] / remaining[:-1], 0.999))


# Name -> betas of (number of steps, linear_start, linear_end).
SCHEDULES: dict[str, Callable[[int, float, float], Array]] = {
    "linear": lambda steps, start, end: np.linspace(start, end, steps, dtype=np.float64),
    "quad": lambda steps, start, end: np.linspace(start**0.5, end**0.5, steps, dtype=np.float64) ** 2,
    "warmup10": _warmup(0.1),
    "warmup50": _warmup(0.5),
    "const": lambda steps, start, end: np.full(steps, end, dtype=np.float64),
    "jsd": lambda steps, start, end: 1 / np.linspace(steps, 1, steps, dtype=np.float64),
    "cosine": _cosine,
}


@dataclass(frozen=True)
class NoiseSchedule:
    """The betas of T steps and what follows from them, in float64.

    Attributes:
        betas: [T], variances that the steps add.
    """

    betas: Array

    @classmethod
    def make(
        cls, schedule: str, n_timestep: int, linear_start: float = 1e-4, linear_end: float = 2e-2
    ) -> NoiseSchedule:
        """One of the published schedules.

        Args:
            schedule: a name in ``SCHEDULES``.
            n_timestep: number of steps T.
            linear_start, linear_end: first and last beta; ``jsd`` and ``cosine`` do not look at them.

        Raises:
            ValueError: an unknown name, no step, or betas outside of 0..1.
        """
        if schedule not in SCHEDULES:
            raise ValueError(unknown_name_message("noise schedule", schedule, SCHEDULES))
        if int(n_timestep) < 1:
            raise ValueError(f"n_timestep = {n_timestep}: a noise schedule has at least 1 step")
        betas = SCHEDULES[schedule](int(n_timestep), float(linear_start), float(linear_end))
        if not ((betas >= 0) & (betas <= 1)).all():
            raise ValueError(f"betas of {schedule} from {betas.min():g} to {betas.max():g}: they must lie in 0..1")
        return cls(betas)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> NoiseSchedule:
        """From ``schedule``, ``n_timestep``, ``linear_start``, ``linear_end``, as in a configuration file."""
        return cls.make(**{name: value for name, value in options.items() if value is not None})

    def __len__(self) -> int:
        return len(self.betas)

    @cached_property
    def alphas_cumprod(self) -> Array:
        """alpha_bar after each step, [T]."""
        return np.asarray(np.cumprod(1 - self.betas))

    @cached_property
    def levels(self) -> Array:
        """Levels before and after each step, [T + 1], beginning with 1."""
        levels: Array = np.sqrt(np.append(1.0, self.alphas_cumprod))
        return levels

    def respaced(self, steps: int, begin: float = 1.0) -> NoiseSchedule:
        """The same way from clean to noise in fewer (or more) steps.

        The most noise stays what it is; steps lie evenly on the (continuous) time axis.

        Args:
            steps: number of steps.
            begin: share of the time axis at which the way to noise ends, and a sampling begins.

        Raises:
            ValueError: no step, or a share that is not in 0..1.
        """
        if steps < 1:
            raise ValueError(f"steps = {steps}: sampling takes at least 1 network evaluation")
        if not 0 < begin <= 1:
            raise ValueError(f"begin = {begin}: a share of the noise schedule, above 0 and at most 1")
        if steps == len(self) and begin == 1:
            return self
        places = np.linspace(0, begin * len(self), steps + 1)
        remaining = np.interp(places, np.arange(len(self) + 1), self.levels) ** 2
        return NoiseSchedule(1 - remaining[1:] / remaining[:-1])

    def buffers(self) -> dict[str, NDArray[np.float32]]:
        """The twelve arrays that checkpoints of the original keep, under their names, float32 [T].

        ``jsd`` ends in pure noise (alpha_bar 0), where the two reciprocals are infinite.
        """
        alphas, now = 1 - self.betas, self.alphas_cumprod
        before = np.append(1.0, now[:-1])
        with np.errstate(divide="ignore"):
            variance = self.betas * (1 - before) / (1 - now)
            values = {
                "betas": self.betas,
                "alphas_cumprod": now,
                "alphas_cumprod_prev": before,
                "sqrt_alphas_cumprod": np.sqrt(now),
                "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - now),
                "log_one_minus_alphas_cumprod": np.log(1 - now),
                "sqrt_recip_alphas_cumprod": np.sqrt(1 / now),
                "sqrt_recipm1_alphas_cumprod": np.sqrt(1 / now - 1),
                "posterior_variance": variance,
                "posterior_log_variance_clipped": np.log(np.maximum(variance, 1e-20)),
                "posterior_mean_coef1": self.betas * np.sqrt(before) / (1 - now),
                "posterior_mean_coef2": (1 - before) * np.sqrt(alphas) / (1 - now),
            }
        return {name: value.astype(np.float32) for name, value in values.items()}
