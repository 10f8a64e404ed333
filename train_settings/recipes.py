"""What the published trainings of DBSR and DeepRep have in common: data, objectives, optimiser.

A settings file states what is its own and calls these functions. Everything that is assigned to ``settings`` here or
there can be fixed on the command line, for example ``--set crop_sz=96``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

import data.transforms as tfm
import dataset as datasets
from actors.base_actor import BaseActor
from admin import distributed
from admin.devices import choose_device
from admin.multigpu import MultiGPU
from admin.settings import Settings
from data import DataLoader, processing, sampler
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from trainers import SimpleTrainer
from utils.loading import load_network

# Motion between the frames of a synthetic burst, in pixels of the photograph and degrees.
BURST_MOTION = {"max_translation": 24.0, "max_rotation": 1.0, "max_shear": 0.0, "max_scale": 0.0, "border_crop": 24}


def train(
    settings: Settings, actor: BaseActor, loaders: list[DataLoader], decay: int | Sequence[int], epochs: int
) -> None:
    """Adam at 1e-4 on all parameters; the rate is multiplied by 0.2 every ``decay`` epochs, or at those epochs."""
    settings.print_interval = 1
    settings.learning_rate = 1e-4
    optimizer = torch.optim.Adam(actor.net.parameters(), lr=settings.learning_rate)
    schedule: lr_scheduler.LRScheduler
    if isinstance(decay, int):
        schedule = lr_scheduler.StepLR(optimizer, decay, gamma=0.2)
    else:
        schedule = lr_scheduler.MultiStepLR(optimizer, list(decay), gamma=0.2)
    SimpleTrainer(actor, loaders, optimizer, settings, schedule).train(epochs, load_latest=True, fail_safe=True)


def l1_and_psnr(border: int) -> dict[str, nn.Module]:
    """The objective of super-resolution and denoising; ``border`` pixels on each side do not count."""
    return {"rgb": PixelWiseError(metric="l1", boundary_ignore=border), "psnr": PSNR(boundary_ignore=border)}


def parallel(net: nn.Module, settings: Settings) -> nn.Module:
    """The network on all GPUs of the machine if ``settings.multi_gpu`` says so."""
    return MultiGPU(net, dim=0) if settings.multi_gpu else net


def trained_network(settings: Settings, name: str) -> nn.Module:
    """The newest network of another training, from which a training on real bursts starts.

    Args:
        name: ``MODULE/PARAM``. A file or a released network may be used instead: ``--set initial_network=NAME``.

    Raises:
        FileNotFoundError: it has not been trained, and nothing else is given.
        utils.downloads.DownloadFailed: a released network is not there and cannot be fetched; names the manual way.
    """
    settings.initial_network = name
    try:
        net = load_network(settings.initial_network)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{settings.project_path} starts from the trained network {settings.initial_network}, which is not there "
            f"({error}). Train it first: python run_training.py {name.replace('/', ' ')}, "
            "or give a file or the name of a released network: --set initial_network=NAME"
        ) from error
    assert isinstance(net, nn.Module)
    return net


def synthetic_sr_loaders(settings: Settings) -> list[DataLoader]:
    """RAW bursts made from Zurich RAW to RGB; ``settings`` has ``batch_size``, ``burst_sz`` and ``crop_sz``."""
    settings.render_on = "worker"
    bursts = processing.SyntheticBurstProcessing(
        settings.crop_sz,
        settings.burst_sz,
        4,
        burst_transformation_params=BURST_MOTION,
        transform=tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip()),
        render_on=settings.render_on,
    )

    def samples(photographs: Any, steps: int) -> sampler.RandomImage:
        return sampler.RandomImage([photographs], [1], samples_per_epoch=samples_of(steps, settings), processing=bursts)

    train_photos = packed_or(settings, lambda: datasets.ZurichRAW2RGB(split="train"))
    return [
        loader("train", samples(train_photos, steps_per_epoch(settings)), settings),
        loader("val", samples(datasets.ZurichRAW2RGB(split="test"), 200), settings, every=5),
    ]


def burstsr_loaders(settings: Settings) -> list[DataLoader]:
    """Crops of BurstSR; ``settings`` has ``batch_size``, ``burst_sz`` and ``crop_sz`` (in packed pixels)."""

    def crops(random_flip: bool) -> processing.BurstSRProcessing:
        return processing.BurstSRProcessing(settings.crop_sz, substract_black_level=True, random_flip=random_flip)

    train_set = sampler.RandomBurst(
        [datasets.BurstSRDataset(split="train")],
        [1],
        burst_size=settings.burst_sz,
        samples_per_epoch=samples_of(steps_per_epoch(settings), settings),
        processing=crops(random_flip=True),
    )
    val_set = sampler.IndexedBurst(
        datasets.BurstSRDataset(split="val"), burst_size=settings.burst_sz, processing=crops(random_flip=False)
    )
    return [loader("train", train_set, settings), loader("val", val_set, settings)]


def steps_per_epoch(settings: Settings) -> int:
    """Training steps that count as an epoch."""
    settings.steps_per_epoch = 1000
    return int(settings.steps_per_epoch)


def samples_of(steps: int, settings: Settings) -> int:
    """How many samples so many steps take, in all processes that train together."""
    return int(settings.batch_size * distributed.count() * steps)


def packed_or(settings: Settings, photographs: Callable[[], Any]) -> Any:
    """The photographs to train on, or ``--set packed=FOLDER``: what `util_scripts/pack_images.py` made of them."""
    settings.packed = ""
    return datasets.PackedImages(settings.packed) if settings.packed else photographs()


def loader(name: str, samples: Any, settings: Settings, every: int = 1) -> DataLoader:
    """The loader ``train`` is trained on; any other one validates, every so many epochs."""
    settings.num_workers = 8
    return DataLoader(
        name,
        samples,
        training=name == "train",
        num_workers=settings.num_workers,
        batch_size=settings.batch_size,
        epoch_interval=every,
        device=choose_device(settings),
    )
