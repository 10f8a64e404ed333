"""Small RawSR (x2) on photographs bundled with scikit-image and a simulated camera: a CPU, no download.

Command: python run_training.py rawsr quickstart
Data: SamplePhotos, training scenes, blurred, mosaicked and made noisy by the simulated camera. Hardware: one CPU core,
about an hour. Starts as the enlarged reference. The held-out scenes are scored after every epoch, for the curve alone.
"""

from typing import Any

import torch

from actors.rawsr_actor import RawSRActor
from admin.settings import Settings
from data import processing
from data.transforms import RandomColors
from models.rawsr.enlarging_start import start_as_enlarged_reference
from models.rawsr.rawsrnet import rawsr
from train_settings.bundled_photos import heldout_loader, photo_loader, train_in_one_cycle
from train_settings.rawsr import published

SCALE = 2
NETWORK: dict[str, Any] = {"scale": SCALE, "width": 32, "growth": 8, "layers": 4, "bottle": 48}


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "RawSR x2, narrow, bundled photographs through a simulated camera"
    settings.batch_size, settings.num_workers, settings.print_interval = 8, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 60, 100, 1e-3
    settings.crop_sz, settings.clip_grad_norm = 64, 1.0

    loader = photo_loader(
        settings,
        lambda transform: processing.RawSRSynthesisProcessing(settings.crop_sz, SCALE, transform=transform),
        RandomColors(0.3),
    )

    net = rawsr(**NETWORK).to(memory_format=torch.channels_last)
    start_as_enlarged_reference(net)
    actor = RawSRActor(net, published.objective())
    heldout = heldout_loader(processing.RawSRSynthesisProcessing(None, SCALE))
    train_in_one_cycle(actor, loader, settings, validation=[heldout])
