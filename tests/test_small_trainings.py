"""What the small trainings share: one cycle of the learning rate, and parts that the command line names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from admin.checkpoints import read_checkpoint
from admin.multigpu import MultiGPU
from admin.settings import Settings
from data import DataLoader
from tests.tiny_run import BATCH_SIZE, BATCHES, NoisyImages, TinyActor, TinyNet
from train_settings import small_denoising
from train_settings.bundled_photos import one_cycle, train_in_one_cycle
from train_settings.deeprep import quickstart
from train_settings.named import named
from trainers.schedule import restore_schedule


def rates(steps: int, batches: int | None = None, **pinned: int) -> list[float]:
    """The learning rates of a training of so many steps, by default as many as there are batches in its one epoch."""
    settings = Settings(pinned)
    settings.epochs, settings.steps_per_epoch = 1, steps if batches is None else batches
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


@pytest.mark.parametrize(
    ("pinned", "steps"),
    [({"max_epochs": 3}, 60), ({"grad_accumulation": 3}, 7), ({"max_epochs": 3, "grad_accumulation": 3}, 21)],
)
def test_the_cycle_has_as_many_steps_as_the_trainer_takes(pinned: dict[str, int], steps: int) -> None:
    found = rates(steps, batches=20, **pinned)
    assert found == rates(steps)
    if steps >= 10:
        assert found[-1] < 0.01


def test_a_training_ends_where_its_cycle_does_whatever_is_pinned(tmp_path: Path) -> None:
    pinned = {"max_epochs": 3, "grad_accumulation": 2, "multi_gpu": True, "use_gpu": False}
    settings = Settings(pinned)
    settings.env.workspace_dir, settings.env.tensorboard_dir = str(tmp_path), str(tmp_path / "curves")
    settings.project_path, settings.batch_size, settings.learning_rate = "tests/cycle", BATCH_SIZE, 1e-3
    settings.epochs, settings.steps_per_epoch = 2, BATCHES
    loader = DataLoader("train", NoisyImages(), batch_size=BATCH_SIZE)
    actor = TinyActor(TinyNet())
    train_in_one_cycle(actor, loader, settings)  # type: ignore[arg-type]
    assert isinstance(actor.net, MultiGPU)
    content = read_checkpoint(tmp_path / "checkpoints/tests/cycle/TinyNet_ep0003.pth.tar")
    assert content["lr_scheduler"]["last_epoch"] == 3 * 3


def test_stages_keep_folders_of_their_own_where_the_path_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[tuple[str, int]] = []

    def note(actor: Any, loader: Any, settings: Settings, slower: Any = ()) -> None:
        places.append((settings.project_path, settings.epochs))

    monkeypatch.setattr(small_denoising, "train_in_one_cycle", note)
    settings = Settings({"project_path": "mylab/try"})
    settings.project_path = "deeprep/quickstart"
    quickstart.run(settings)
    assert places == [("mylab/try/single_frame", 3), ("mylab/try", 6)]


def test_a_training_without_steps_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="steps_per_epoch = 0 make a training of no steps"):
        rates(0)
    with pytest.raises(ValueError, match="max_epochs = 0 and"):
        rates(1, max_epochs=0)
    with pytest.raises(ValueError, match="grad_accumulation = 0: expected a whole number, at least 1"):
        rates(1, grad_accumulation=0)


def test_a_run_that_goes_on_beyond_its_cycle_keeps_the_lowest_rate() -> None:
    settings = Settings({})
    settings.epochs, settings.steps_per_epoch = 1, 20
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], 1.0)
    schedule = one_cycle(optimizer, settings)
    restore_schedule(schedule, {"last_epoch": 30, "_step_count": 31, "_last_lr": [0.5]})
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] < 1e-5


@pytest.mark.parametrize("path", ["", "name", ".module.name", "no_such_module.name", "json..x"])
def test_what_names_nothing_says_how_to_name(path: str) -> None:
    with pytest.raises(ValueError, match=r"names nothing .*MODULE\.NAME"):
        named(path)


def test_a_name_is_found_or_the_nearest_one_offered() -> None:
    assert named("train_settings.named.named") is named
    with pytest.raises(ValueError, match="did you mean 'named'"):
        named("train_settings.named.namd")
