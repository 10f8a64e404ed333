"""Permutation-invariant burst deblurring at full width on photographs, as the implementation of 2020 trained it.

Command: python run_training.py burst_deblur synthetic_default. Hardware: one GPU of 16 GB.
Data: ImageNet or any photographs in its layout (`imagenet_dir`); `data` can also be `image_folder` (`imagefolder_dir`,
validated on the same images) or `sample_photos` (no download). Published score: none in numbers.
The original's example command trains on 100 images once, to try it; for a network of use: --set max_images=None
--set epochs=10. `engine=original` makes the bursts as they were made then, `frozen_batch_norm=True` trains with its
fault (statistics of the batch in the first step of an epoch only), `render_on=device homo_align=False` makes the bursts
on the GPU.
"""

from typing import Any

import torch

import dataset as datasets
from actors.burst_deblur_actor import BurstDeblurActor, once_per_epoch
from admin import distributed
from admin.devices import choose_device
from admin.settings import Settings
from data import DataLoader, sampler
from data.deblur_processing import deblur_processing
from models.burst_deblur.unet import burst_deblur_eccv18
from models.loss.burst_loss import BurstLoss
from models.loss.image_quality_v2 import PSNR
from train_settings import recipes
from trainers import SimpleTrainer
from utils.suggestions import unknown_name_message


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "Permutation-invariant burst deblurring (Aittala and Durand, ECCV 2018), synthetic bursts"
    settings.batch_size, settings.num_workers, settings.print_interval = 8, 8, 10
    settings.epochs, settings.learning_rate, settings.lr_decay = 1, 0.003, 0.99997
    settings.data, settings.max_images, settings.val_size = "imagenet", 100, 100
    settings.engine, settings.crop_sz, settings.width = "paper", 160, 64
    settings.kernel_lvl, settings.noise_lvl, settings.motion_blur, settings.homo_align = 3.0, 1.0, True, True
    settings.multi_gpu, settings.frozen_batch_norm, settings.render_on = False, False, "worker"

    train_photos, val_photos = _photographs(settings)
    # What is moved there, alignment has to undo.
    moved = {"max_shift": 2.0 if settings.homo_align else 0.0} if settings.engine == "paper" else {}
    bursts = deblur_processing(
        settings.engine,
        size=settings.crop_sz,
        burst_size=8,
        kernel_lvl=settings.kernel_lvl,
        noise_lvl=settings.noise_lvl,
        motion_blur=settings.motion_blur,
        align=settings.homo_align,
        render_on=settings.render_on,
        **moved,
    )
    loaders = [
        _loader("train", sampler.IndexedImage(train_photos, bursts), settings),
        _loader("val", sampler.IndexedImage(val_photos, bursts), settings),
    ]
    net = recipes.parallel(burst_deblur_eccv18(width=settings.width), settings)
    actor = BurstDeblurActor(
        net,
        {"rgb": BurstLoss(), "psnr": PSNR()},
        burst_sz=(2, 8),
        batch_statistics=once_per_epoch(len(loaders[0])) if settings.frozen_batch_norm else None,
    )
    optimizer = torch.optim.RAdam(net.parameters(), lr=settings.learning_rate)
    # Once for 8 bursts.
    decay_every = max(1, 8 // (settings.batch_size * distributed.count()))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, decay_every, gamma=settings.lr_decay)
    trainer = SimpleTrainer(actor, loaders, optimizer, settings, schedule, schedule_per="step")
    trainer.train(settings.epochs, load_latest=True, fail_safe=True)


def _photographs(settings: Settings) -> tuple[Any, Any]:
    """Photographs to train on and to validate with.

    Raises:
        ValueError: ``settings.data`` names no data.
    """
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
    raise ValueError(unknown_name_message("data", settings.data, ("imagenet", "image_folder", "sample_photos")))


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
