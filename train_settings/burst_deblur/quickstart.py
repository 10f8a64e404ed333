"""Small burst deblurrer (quarter width) on photographs bundled with scikit-image: about an hour on a CPU core.

Command: python run_training.py burst_deblur quickstart (with --mixed_precision bf16 in two thirds of the time where
the processor has it). Data: SamplePhotos, training scenes; no download. Hardware: a CPU core, 3 GB of memory.
Bursts of 2 to 8 shaken, noisy frames by the engine `paper`. Starts as the midrange of the burst; after the first tenth
of the steps BatchNorm keeps what it has learned, so that training and use see the same network.
"""

import torch

from actors.burst_deblur_actor import BurstDeblurActor
from admin.settings import Settings
from data.deblur_processing import deblur_processing
from models.burst_deblur.identity_start import start_as_midrange
from models.burst_deblur.unet import burst_deblur_eccv18
from models.loss.burst_loss import BurstLoss
from models.loss.image_quality_v2 import PSNR
from train_settings.bundled_photos import photo_loader, train_in_one_cycle


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "Permutation-invariant burst deblurring, quarter width, on bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 4, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 50, 100, 2e-3
    settings.max_minutes, settings.clip_grad_norm = 90, 100.0
    settings.crop_sz, settings.kernel_lvl, settings.noise_lvl = 64, 8.0, 2.0

    loader = photo_loader(
        settings,
        lambda transform: deblur_processing(
            "paper",
            size=settings.crop_sz,
            burst_size=8,
            kernel_lvl=settings.kernel_lvl,
            noise_lvl=settings.noise_lvl,
            max_reduction=2.0,
            transform=transform,
        ),
    )

    net = burst_deblur_eccv18(width=16).to(memory_format=torch.channels_last)
    start_as_midrange(net)
    warm_up = settings.epochs * settings.steps_per_epoch // 10
    actor = BurstDeblurActor(
        net,
        {"rgb": BurstLoss(), "psnr": PSNR()},
        burst_sz=(2, 8),
        batch_statistics=lambda step: step <= warm_up,
    )
    train_in_one_cycle(actor, loader, settings)
