"""What the trainings of two-stage alignment have in common: clips, actor, optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import lr_scheduler

from actors.two_stage_align_actor import TwoStageAlignActor
from admin.devices import choose_device
from admin.loading import load_weights
from admin.multigpu import unwrapped
from admin.settings import Settings
from data import DataLoader
from data.base_processing import BaseProcessing
from data.clip_sampler import CentreFrames
from data.jdd_processing import JDDProcessing
from data.jdd_validation import JDDValidation
from dataset import REDS
from dataset.base_clip_dataset import BaseClipDataset
from models.loss.charbonnier import CharbonnierSum
from models.loss.image_quality_v2 import PSNR
from models.two_stage_align.identity_start import start_as_demosaicked_reference, start_as_smoothed_image
from models.two_stage_align.two_stage_net import TwoStageNet, two_stage_align
from train_settings.recipes import parallel, samples_of
from trainers import SimpleTrainer
from trainers.restarts import Rate, scheduler_of


def clip_loader(
    settings: Settings,
    clips: BaseClipDataset,
    processing: BaseProcessing,
    intervals: Sequence[int] = (1,),
    random_reverse: bool = False,
) -> DataLoader:
    """Random bursts for training; ``settings`` has ``burst_sz``, ``batch_size``, ``steps_per_epoch``, ``num_workers``.

    Every frame is once the centre before any is again, within an epoch.
    """
    samples = samples_of(settings.steps_per_epoch, settings)
    once = CentreFrames(clips, settings.burst_sz, intervals, random_reverse)
    windows = CentreFrames(
        clips, settings.burst_sz, intervals, random_reverse, -(-samples // len(once)), processing=processing
    )
    order = torch.utils.data.RandomSampler(windows, num_samples=samples)
    return DataLoader(
        "train",
        windows,
        sampler=order,
        num_workers=settings.num_workers,
        batch_size=settings.batch_size,
        device=choose_device(settings),
    )


def validation_loader(settings: Settings, clips: BaseClipDataset, processing: BaseProcessing) -> DataLoader:
    """Every frame of the clips once, one burst at a time."""
    windows = CentreFrames(clips, settings.burst_sz, processing=processing)
    return DataLoader("val", windows, training=False, num_workers=settings.num_workers)


def make_actor(settings: Settings, net: TwoStageNet, **options: Any) -> TwoStageAlignActor:
    """The actor with the published loss; ``settings`` has ``patch_sz`` (packed pixels) and ``search_window``."""
    return TwoStageAlignActor(
        parallel(net, settings),
        {"charbonnier": CharbonnierSum(), "psnr": PSNR()},
        patch_size=settings.patch_sz,
        search_window=settings.search_window,
        **options,
    )


def start_unaligned(net: TwoStageNet) -> None:
    """Changes the weights in place: the demosaicked mean of the burst comes out, of features of the smoothed image."""
    start_as_demosaicked_reference(net.reconstruction)
    if net.downsampling is not None:
        start_as_smoothed_image(net.downsampling)


def train_on_reds(settings: Settings, network: Mapping[str, Any], schedule: Rate) -> None:
    """The published training: REDS without REDS4, validated on REDS4.

    Args:
        settings: what ``train_settings/two_stage_align/reds_jdd.py`` assigns.
        network: arguments of :func:`models.two_stage_align.two_stage_net.two_stage_align`.
        schedule: of both learning rates.
    """
    net = two_stage_align(**{**network, "patch_matching": settings.patch_matching})
    if settings.initial_reconstruction is not None:
        load_weights(net.reconstruction, settings.initial_reconstruction, settings.strict_load)
    if settings.initial_features is not None and net.downsampling is not None:
        load_weights(net.downsampling, settings.initial_features, settings.strict_load)
    mode, settings.render_on = net.noise_map_mode, "worker"
    bursts = JDDProcessing(
        settings.crop_sz, settings.use_flip, settings.use_rot, noise_map_mode=mode, render_on=settings.render_on
    )
    clips, test_clips = (REDS(settings.reds_root, split) for split in ("train", "reds4"))
    loaders = [
        clip_loader(settings, clips, bursts, settings.intervals, settings.random_reverse),
        validation_loader(settings, test_clips, JDDValidation(settings.frame_sz, mode)),
    ]
    train(settings, make_actor(settings, net), loaders, lambda optimizer: scheduler_of(schedule, optimizer))


def train(
    settings: Settings,
    actor: TwoStageAlignActor,
    loaders: list[DataLoader],
    schedule: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler],
) -> None:
    """Adam with a rate for each stage, scheduled per step.

    Args:
        settings: has ``epochs``, ``learning_rate``, ``learning_rate_features``, ``betas`` and ``weight_decay`` (of the
            reconstruction network alone).
        schedule: gives the scheduler of an optimiser.
    """
    net: Any = unwrapped(actor.net)
    groups: list[dict[str, Any]] = [
        {
            "params": [*net.reconstruction.parameters()],
            "lr": settings.learning_rate,
            "weight_decay": settings.weight_decay,
        }
    ]
    if net.downsampling is not None:
        groups.append({"params": [*net.downsampling.parameters()], "lr": settings.learning_rate_features})
    optimizer = torch.optim.Adam(groups, betas=tuple(settings.betas))
    trainer = SimpleTrainer(actor, loaders, optimizer, settings, schedule(optimizer), schedule_per="step")
    trainer.train(settings.epochs, load_latest=True, fail_safe=True)
