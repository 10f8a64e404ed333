"""Learning rates that start anew: cosines or steps, per optimiser step, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch


class Rate(Protocol):
    """The learning rate of a parameter group."""

    def rate(self, step: int, base: float) -> float:
        """The rate in force during step ``step`` (from 1) of a group whose initial rate is ``base``."""


@dataclass(frozen=True)
class CosineRestarts:
    """Falls along half a cosine and starts anew (I. Loshchilov and F. Hutter, SGDR, ICLR 2017).

    Attributes:
        periods: steps from a start down to ``eta_min``, for the first start and every restart.
        restarts: steps after which it starts anew, ascending.
        weights: of the initial rate after every restart; all 1 if empty.
        eta_min: the lowest rate.

    Raises:
        ValueError: the numbers of periods, restarts and weights do not belong together.
    """

    periods: Sequence[int]
    restarts: Sequence[int] = ()
    weights: Sequence[float] = ()
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        _check_restarts(self.restarts, self.weights)
        if len(self.periods) != len(self.restarts) + 1:
            raise ValueError(f"{len(self.restarts)} restarts need one period more, got periods={list(self.periods)}")

    def rate(self, step: int, base: float) -> float:
        done, start, weight = _latest_restart(step, self.restarts, self.weights)
        turned = math.pi * (step - start) / self.periods[done]
        return self.eta_min + (weight * base - self.eta_min) * (1 + math.cos(turned)) / 2


@dataclass(frozen=True)
class StepRestarts:
    """Multiplied by ``gamma`` at every milestone; a restart goes back to the initial rate.

    Attributes:
        milestones: steps; one that is named twice counts twice.
        gamma: the factor.
        restarts, weights: as in :class:`CosineRestarts`.
    """

    milestones: Sequence[int]
    gamma: float
    restarts: Sequence[int] = ()
    weights: Sequence[float] = ()

    def __post_init__(self) -> None:
        _check_restarts(self.restarts, self.weights)

    def rate(self, step: int, base: float) -> float:
        _, start, weight = _latest_restart(step, self.restarts, self.weights)
        return weight * base * self.gamma ** sum(start < milestone <= step for milestone in self.milestones)


def scheduler_of(rates: Rate, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
    """A scheduler, to be stepped after every optimiser step, that gives every parameter group its ``rates``."""

    def factor_of(base: float) -> Callable[[int], float]:
        return lambda steps_done: rates.rate(steps_done + 1, base) / base

    return torch.optim.lr_scheduler.LambdaLR(optimizer, [factor_of(group["lr"]) for group in optimizer.param_groups])


def _check_restarts(restarts: Sequence[int], weights: Sequence[float]) -> None:
    if list(restarts) != sorted(set(restarts)):
        raise ValueError(f"restarts={list(restarts)} must ascend")
    if weights and len(weights) != len(restarts):
        raise ValueError(f"{len(restarts)} restarts need as many weights, got weights={list(weights)}")


def _latest_restart(step: int, restarts: Sequence[int], weights: Sequence[float]) -> tuple[int, int, float]:
    """How many restarts have taken effect in ``step``, the step that had the initial rate last, and its weight."""
    passed = [restart for restart in restarts if step > restart]
    if not passed:
        return 0, 0, 1.0
    return len(passed), passed[-1] + 1, weights[len(passed) - 1] if weights else 1.0
