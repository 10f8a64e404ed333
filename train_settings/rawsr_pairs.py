"""What the published trainings of RawSR at both scales have in common."""

from __future__ import annotations

import torch
from torch.optim import lr_scheduler

import dataset as datasets
from actors.rawsr_actor import RawSRActor
from admin.settings import Settings
from data import DataLoader, processing, sampler
from models.loss.image_quality_v2 import PSNR, SSIM, PixelWiseError
from models.rawsr.rawsrnet import rawsr
from models.rawsr.tensorflow_adam import TensorFlowAdam
from train_settings.recipes import parallel
from trainers import SimpleTrainer

EPOCHS = 41
RATE, LATE_RATE, DECAY, SWITCH_EPOCH = 2e-4, 1e-5, 0.96, 20


def objective() -> dict[str, torch.nn.Module]:
    """L1 of the unclipped output; PSNR and SSIM are logged."""
    return {"rgb": PixelWiseError("l1"), "psnr": PSNR(), "ssim": SSIM(use_for_loss=False, val_range=1.0)}


def relative_rate(epoch: int) -> float:
    """Learning rate of an epoch (from 0) as a share of the first one: it falls by 4 % an epoch, then 9-fold at once."""
    return max(DECAY**epoch, LATE_RATE / RATE) if epoch < SWITCH_EPOCH else LATE_RATE / RATE


def train(settings: Settings, scale: int) -> None:
    """Builds the network of the papers and trains it on stored pairs; ``settings`` has ``batch_size``, ``crop_sz``."""
    net = rawsr(scale)
    optimizer = TensorFlowAdam(net.parameters(), lr=settings.learning_rate)
    schedule = lr_scheduler.LambdaLR(optimizer, relative_rate)
    actor = RawSRActor(parallel(net, settings), objective())
    loaders = [_loader("train", settings, scale), _loader("test", settings, scale, every=10)]
    SimpleTrainer(actor, loaders, optimizer, settings, schedule).train(EPOCHS, load_latest=True, fail_safe=True)


def _loader(split: str, settings: Settings, scale: int, every: int = 1) -> DataLoader:
    """Every pair once an epoch, one crop of it; of test pairs always the same crop."""
    pairs = datasets.RawSRPairs(f"x{scale}", split)
    crops = processing.RawSRCropProcessing(settings.crop_sz, scale)
    training = split == "train"
    return DataLoader(
        split,
        sampler.IndexedImage(pairs, processing=crops),
        training=training,
        shuffle=training,
        drop_last=False,
        num_workers=settings.num_workers,
        batch_size=settings.batch_size,
        epoch_interval=every,
    )
