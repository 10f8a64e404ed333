"""What the small settings on bundled photographs share: the bursts, and one cycle of the learning rate."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn

import data.transforms as tfm
import dataset as datasets
from actors.base_actor import BaseActor
from admin.settings import Settings
from data import DataLoader, sampler
from data.base_processing import BaseProcessing
from train_settings.recipes import samples_of
from trainers import SimpleTrainer


def photo_loader(
    settings: Settings, make_bursts: Callable[[tfm.Transform], BaseProcessing], *more: tfm.TransformBase
) -> DataLoader:
    """Random bursts of the training scenes of `SamplePhotos`.

    ``make_bursts`` gets the transform of the photographs: to tensors in 0..1, mirrored or not, then ``more``.
    """
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip(), *more)
    samples = samples_of(settings.steps_per_epoch, settings)
    photos = sampler.RandomImage([datasets.SamplePhotos("train")], [1], samples, processing=make_bursts(transform))
    return DataLoader("train", photos, num_workers=settings.num_workers, batch_size=settings.batch_size)


def heldout_loader(make_samples: BaseProcessing) -> DataLoader:
    """The whole held-out scenes of `SamplePhotos` one by one, the same samples in every epoch."""
    photos = sampler.IndexedImage(datasets.SamplePhotos("heldout"), processing=make_samples)
    return DataLoader("heldout", photos, training=False, batch_size=1)


def train_in_one_cycle(
    actor: BaseActor,
    loader: DataLoader,
    settings: Settings,
    slower: Iterable[nn.Parameter] = (),
    validation: Sequence[DataLoader] = (),
) -> None:
    """Adam; the learning rate rises over the first tenth of all steps and then falls to nothing.

    The weights in ``slower`` get a quarter of it: those that start as a good estimate, which jitter would spoil.
    After every epoch of ``loader`` those of ``validation`` are run.
    """
    slow = {id(weight): weight for weight in slower}
    others = [weight for weight in actor.net.parameters() if weight.requires_grad and id(weight) not in slow]
    groups = [(others, settings.learning_rate), (list(slow.values()), settings.learning_rate / 4)]
    optimizer = torch.optim.Adam([{"params": weights, "lr": rate} for weights, rate in groups if weights])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [rate for weights, rate in groups if weights],
        settings.epochs * settings.steps_per_epoch,
        pct_start=0.1,
        cycle_momentum=False,
    )
    trainer = SimpleTrainer(actor, [loader, *validation], optimizer, settings, schedule, schedule_per="step")
    trainer.train(settings.epochs, load_latest=True, fail_safe=True)
