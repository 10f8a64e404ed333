"""What the trainings of burst deblurring have in common: photographs, bursts, actor, optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import dataset as datasets
from actors.burst_deblur_actor import BurstDeblurActor, once_per_epoch
from admin import distributed
from admin.devices import choose_device
from admin.settings import Settings
from data import DataLoader, sampler
from data.deblur_bursts import DeblurBursts
from data.deblur_processing import deblur_processing
from models.loss.burst_loss import BurstLoss
from models.loss.image_quality_v2 import PSNR
from train_settings.recipes import parallel
from trainers import SimpleTrainer
from trainers.schedule import whole_number
from utils.suggestions import unknown_name_message

DATA = ("imagenet", "image_folder", "sample_photos")


def bursts_of(engine: str, settings: Settings, **options: Any) -> DeblurBursts:
    """Makes bursts of 8 frames; ``settings`` has ``crop_sz``, ``kernel_lvl`` and ``noise_lvl``."""
    return deblur_processing(
        engine,
        size=settings.crop_sz,
        burst_size=8,
        kernel_lvl=settings.kernel_lvl,
        noise_lvl=settings.noise_lvl,
        **options,
    )


def make_actor(net: nn.Module, batch_statistics: Callable[[int], bool] | None = None) -> BurstDeblurActor:
    """The actor with the published loss, for 2 to 8 frames."""
    return BurstDeblurActor(
        net, {"rgb": BurstLoss(), "psnr": PSNR()}, burst_sz=(2, 8), batch_statistics=batch_statistics
    )


def train_on_photographs(settings: Settings, net: nn.Module) -> None:
    """RAdam, whose rate is multiplied by ``lr_decay`` once for 8 bursts; every photograph once an epoch.

    Args:
        settings: what ``train_settings/burst_deblur/synthetic_default.py`` assigns.
        net: the U-Net.

    Raises:
        ValueError: ``settings.data`` names no data.
    """
    # What is moved there, alignment has to undo.
    moved = {"max_shift": 2.0 if settings.homo_align else 0.0} if settings.engine == "paper" else {}
    bursts = bursts_of(
        settings.engine,
        settings,
        motion_blur=settings.motion_blur,
        align=settings.homo_align,
        render_on=settings.render_on,
        **moved,
    )
    loaders = [
        _loader(name, sampler.IndexedImage(photographs, bursts), settings)
        for name, photographs in zip(("train", "val"), _photographs(settings), strict=True)
    ]
    net = parallel(net, settings)
    actor = make_actor(net, once_per_epoch(len(loaders[0])) if settings.frozen_batch_norm else None)
    optimizer = torch.optim.RAdam(net.parameters(), lr=settings.learning_rate)
    bursts_per_step = settings.batch_size * distributed.count() * whole_number(settings, "grad_accumulation", 1)
    decay_every = max(1, 8 // bursts_per_step)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, decay_every, gamma=settings.lr_decay)
    trainer = SimpleTrainer(actor, loaders, optimizer, settings, schedule, schedule_per="step")
    trainer.train(settings.epochs, load_latest=True, fail_safe=True)


def _photographs(settings: Settings) -> tuple[Any, Any]:
    """Photographs to train on and to validate with."""
    match settings.data:
        case "imagenet":
            return (
                datasets.ImageNetDataset(split="train", max_images=settings.max_images),
                datasets.ImageNetDataset(split="test", max_images=settings.val_size),
            )
        case "image_folder":
            return datasets.ImageFolder(), datasets.ImageFolder()
        case "sample_photos":
            return datasets.SamplePhotos("train"), datasets.SamplePhotos("heldout")
    raise ValueError(unknown_name_message("data", settings.data, DATA))


def _loader(name: str, samples: Any, settings: Settings) -> DataLoader:
    """Every image once an epoch, the last batch as large as it comes; for training in another order each time."""
    return DataLoader(
        name,
        samples,
        training=name == "train",
        shuffle=name == "train",
        batch_size=settings.batch_size,
        num_workers=settings.num_workers,
        drop_last=False,
        device=choose_device(settings),
    )
