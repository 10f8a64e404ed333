"""Seeds of torch's global generator, from which networks and actors draw.

Everything is seeded anew from the run's seed and a counter, so a resumed run draws what an undisturbed one would,
without any stored generator state.
"""

from __future__ import annotations

import torch

from utils.draws import Draws

# Last number of the key: keeps these streams apart from those of samples and of the loaders' orders.
_TRAINING_STEP, _VALIDATION_BATCH, _LOADER_START = 2, 3, 4


def seed_training_step(seed: int, step: int, process: int = 0) -> None:
    """Before training step ``step`` of the run.

    Every process draws noise of its own. What all samples of a batch have in common is drawn from
    ``Draws(seed, step)`` instead, which is the same in all processes.
    """
    torch.manual_seed(Draws(seed, step, process, _TRAINING_STEP).seed())


def seed_validation_batch(seed: int, loader: int, batch: int) -> None:
    """Before a batch of a validation loader: the same in every epoch, so that epochs compare."""
    torch.manual_seed(Draws(seed, loader, batch, _VALIDATION_BATCH).seed())


def seed_loader_start(seed: int, loader: int, epoch: int) -> None:
    """Before a loader is iterated, for loaders that draw their order from the global generator."""
    torch.manual_seed(Draws(seed, loader, epoch, _LOADER_START).seed())
