"""What trainings of SR3 on prepared frames of videos have in common: data, optimiser, validation by sampling."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from actors.sr3_actor import SR3Actor
from admin.data_locations import data_folder
from admin.settings import Settings
from data import DataLoader
from data.sr3_clips import ShuffledPasses
from data.sr3_processing import collate_present
from dataset.sr3_frames import LRHRFramesDataset
from models.sr3.constructors import sr3
from models.sr3.original_files import load_original
from train_settings.recipes import parallel, samples_of
from trainers import SimpleTrainer

logger = logging.getLogger(__name__)


def train_on_frames(settings: Settings, network: dict[str, Any]) -> None:
    """Builds the network, and trains it at a constant learning rate for ``epochs`` of ``steps_per_epoch`` steps.

    ``settings`` has, besides what the trainer needs: ``epochs``, ``steps_per_epoch``, ``learning_rate``; ``low`` and
    ``high`` resolution; ``train_frames`` and ``val_frames``, folders below ``sr3_frames_dir`` (or anywhere, if
    absolute), and their ``datatype``; ``train_videos`` (all if not positive) and ``val_videos``, that are sampled
    after every epoch.

    ``--set resume_state=FOLDER/I200000_E110`` starts from the files of an original training.
    """
    train_set, val_set = frames(settings, "train", settings.train_videos), frames(settings, "val", settings.val_videos)
    samples = ShuffledPasses(train_set, samples_of(settings.steps_per_epoch, settings))
    loaders = [
        DataLoader(
            "train",
            samples,
            batch_size=settings.batch_size,
            num_workers=settings.num_workers,
            collate_fn=collate_present,
            pin_memory=torch.cuda.is_available(),
        ),
        DataLoader("val", val_set, training=False, collate_fn=collate_present),
    ]
    net = sr3(**network)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate)
    settings.resume_state = ""
    if settings.resume_state:
        start = load_original(net, settings.resume_state, optimizer)
        logger.info("Starting from %s: step %d, epoch %d", settings.resume_state, start.step, start.epoch)
    trainer = SimpleTrainer(SR3Actor(parallel(net, settings)), loaders, optimizer, settings)
    trainer.train(settings.epochs, load_latest=True, fail_safe=True)


def frames(settings: Settings, split: str, videos: int) -> LRHRFramesDataset:
    """The prepared clips of ``settings.train_frames`` or ``settings.val_frames``."""
    folder = Path(getattr(settings, f"{split}_frames"))
    root = folder if folder.is_absolute() else data_folder("sr3_frames_dir") / folder
    return LRHRFramesDataset(
        root, settings.low, settings.high, split, videos, n_frames=settings.n_frames, datatype=settings.datatype
    )
