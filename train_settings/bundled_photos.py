"""What the small settings on bundled photographs share: the start, the bursts, and one cycle of the learning rate."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

import data.transforms as tfm
import dataset as datasets
from actors.base_actor import BaseActor
from admin.loading import load_weights
from admin.settings import Settings
from data import DataLoader, sampler
from data.base_processing import BaseProcessing
from dataset.base_image_dataset import BaseImageDataset
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from models.loss.psnr import NegativePSNR
from train_settings.recipes import parallel, samples_of
from trainers import SimpleTrainer
from trainers.schedule import epochs_in_all, optimizer_steps

Net = TypeVar("Net", bound=nn.Module)


def start(net: Net, settings: Settings, initialise: Callable[[Net], object] | None = None) -> Net:
    """The network as training begins: ``initialise`` changes it in place, and ``--set start_from=FILE`` replaces that.

    Its weights lie channels last, which convolutions on a CPU are faster with.
    """
    net = net.to(memory_format=torch.channels_last)
    if initialise is not None:
        initialise(net)
    settings.start_from = ""
    if settings.start_from:
        load_weights(net, settings.start_from)
    return net


def psnr_and_flow(border: int, flow_border: int) -> dict[str, nn.Module]:
    """The objective: PSNR, to be raised and logged, and the length of the error of the flow in pixels.

    So many pixels on each side do not count.
    """
    return {
        "rgb": NegativePSNR(boundary_ignore=border),
        "psnr": PSNR(boundary_ignore=border),
        "offsets": PixelWiseError("l2_sqrt", boundary_ignore=flow_border),
    }


def photo_loader(
    settings: Settings,
    make_bursts: Callable[[tfm.Transform], BaseProcessing],
    *more: tfm.TransformBase,
    photographs: BaseImageDataset | None = None,
) -> DataLoader:
    """Random bursts of the training scenes of `SamplePhotos`, or of other ``photographs``.

    ``make_bursts`` gets the transform of the photographs: to tensors in 0..1, mirrored or not, then ``more``.
    """
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip(), *more)
    samples = samples_of(settings.steps_per_epoch, settings)
    photographs = datasets.SamplePhotos("train") if photographs is None else photographs
    photos = sampler.RandomImage([photographs], [1], samples, processing=make_bursts(transform))
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
    """Adam at the rates of :func:`one_cycle`, on all GPUs of the machine with ``settings.multi_gpu``.

    The weights in ``slower`` get a quarter of it: those that start as a good estimate, which jitter would spoil.
    After every epoch of ``loader`` those of ``validation`` are run.
    """
    actor.net = parallel(actor.net, settings)
    slow = {id(weight): weight for weight in slower}
    others = [weight for weight in actor.net.parameters() if weight.requires_grad and id(weight) not in slow]
    groups = [(others, settings.learning_rate), (list(slow.values()), settings.learning_rate / 4)]
    optimizer = torch.optim.Adam([{"params": weights, "lr": rate} for weights, rate in groups if weights])
    schedule = one_cycle(optimizer, settings)
    trainer = SimpleTrainer(actor, [loader, *validation], optimizer, settings, schedule, schedule_per="step")
    trainer.train(settings.epochs, load_latest=True, fail_safe=True)


class _OneCycle(OneCycleLR):
    """Stays at its lowest rate after its end, which a run meets that goes on with fewer steps than it began with."""

    def get_lr(self) -> Any:
        if self.last_epoch > self.total_steps:
            return [group["min_lr"] for group in self.optimizer.param_groups]
        return super().get_lr()


def one_cycle(optimizer: torch.optim.Optimizer, settings: Settings) -> OneCycleLR:
    """Rates rise over the first tenth of all steps to those of the optimiser's groups, and then fall to nothing.

    All steps are those that the trainer will take, with ``max_epochs`` and ``grad_accumulation``.
    """
    steps = epochs_in_all(settings, settings.epochs) * optimizer_steps(settings, settings.steps_per_epoch)
    if steps < 1:
        raise ValueError(
            f"epochs = {settings.epochs}, max_epochs = {settings.max_epochs} and steps_per_epoch = "
            f"{settings.steps_per_epoch} make a training of no steps"
        )
    rates = [group["lr"] for group in optimizer.param_groups]
    # With a rise of one step, as of 10 in all, OneCycleLR divides by nothing.
    rise = min(0.9, max(0.1, 2.5 / steps))
    return _OneCycle(optimizer, rates, steps, pct_start=rise, cycle_momentum=False)
