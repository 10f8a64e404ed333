"""What the small trainings share: one cycle of the learning rate, and parts that the command line names."""

from __future__ import annotations

import pytest
import torch

from admin.settings import Settings
from train_settings.bundled_photos import one_cycle
from train_settings.named import named


def rates(steps: int) -> list[float]:
    """The learning rates of a training of so many steps."""
    settings = Settings()
    settings.epochs, settings.steps_per_epoch = 1, steps
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], 1.0)
    schedule = one_cycle(optimizer, settings)
    found = []
    for _ in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("steps", [3, 5, 10, 11, 100])
def test_rates_rise_to_those_of_the_optimiser_and_fall(steps: int) -> None:
    found = rates(steps)
    assert all(0 < rate <= 1 for rate in found[:-1])
    assert found[0] < max(found)
    if steps >= 10:
        assert max(found) > 0.9
        assert found[-1] < 0.01


def test_a_training_without_steps_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="total_steps"):
        rates(0)


@pytest.mark.parametrize("path", ["", "name", ".module.name", "no_such_module.name", "json..x"])
def test_what_names_nothing_says_how_to_name(path: str) -> None:
    with pytest.raises(ValueError, match=r"names nothing .*MODULE\.NAME"):
        named(path)


def test_a_name_is_found_or_the_nearest_one_offered() -> None:
    assert named("train_settings.named.named") is named
    with pytest.raises(ValueError, match="did you mean 'named'"):
        named("train_settings.named.namd")
