"""Learning rates with restarts: published values, and resumed runs."""

from __future__ import annotations

import pytest
import torch

from trainers.restarts import CosineRestarts, StepRestarts, scheduler_of
from trainers.schedule import learning_rates, restore_schedule, schedule_progress

PUBLISHED = CosineRestarts([50_000, 100_000, 150_000, 150_000, 150_000], [50_000, 150_000, 300_000, 450_000], (), 1e-7)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(1, 9.9999999e-5), (25_000, 5.005e-5), (50_000, 1e-7), (50_001, 1e-4), (100_000, 5.00516e-5), (150_001, 1e-4)],
)
def test_the_published_schedule_has_the_stated_rates(step: int, rate: float):
    assert PUBLISHED.rate(step, 1e-4) == pytest.approx(rate, rel=1e-5)


def test_a_restart_starts_from_its_weight_of_the_initial_rate():
    schedule = CosineRestarts([10, 10], [10], [0.5], 0.0)
    assert [schedule.rate(step, 2.0) for step in (10, 11)] == [pytest.approx(0.0, abs=1e-12), 1.0]


def test_milestones_count_from_the_last_restart_on_and_twice_if_named_twice():
    schedule = StepRestarts([3, 5, 5, 12], 0.1, [8], [0.5])
    rates = [schedule.rate(step, 1.0) for step in (2, 3, 5, 8, 9, 11, 12)]
    assert rates == pytest.approx([1.0, 0.1, 1e-3, 1e-3, 0.5, 0.5, 0.05])


def test_every_group_follows_its_own_rate_and_a_resumed_run_goes_on():
    def made() -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1e-2, 1e-3)]
        optimizer = torch.optim.Adam(groups)
        return optimizer, scheduler_of(CosineRestarts([4, 8], [4], (), 1e-5), optimizer)

    optimizer, scheduler = made()
    seen = []
    for step in range(1, 10):
        assert learning_rates(optimizer) == [
            pytest.approx(CosineRestarts([4, 8], [4], (), 1e-5).rate(step, base)) for base in (1e-2, 1e-3)
        ]
        optimizer.step()
        scheduler.step()
        seen.append(learning_rates(optimizer))
        if step == 5:
            progress, state = schedule_progress(scheduler), optimizer.state_dict()
    resumed, resumed_scheduler = made()
    resumed.load_state_dict(state)
    restore_schedule(resumed_scheduler, progress)
    for rates in seen[5:]:
        resumed.step()
        resumed_scheduler.step()
        assert learning_rates(resumed) == rates


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(([10], [5]), "one period more"), (([1, 1, 1], [9, 5]), "ascend"), (([1, 1], [5], [1, 1]), "as many weights")],
)
def test_schedules_that_do_not_fit_together_are_refused(arguments: tuple, message: str):
    with pytest.raises(ValueError, match=message):
        CosineRestarts(*arguments)
