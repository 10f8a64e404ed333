"""Small RawSR (x2) on photographs bundled with scikit-image and a simulated camera: a CPU, no download.

Command: python run_training.py rawsr quickstart
Data: SamplePhotos, training scenes, blurred, mosaicked and made noisy by the simulated camera. Hardware: one CPU core,
about an hour. Starts as the enlarged reference. The held-out scenes are scored after every epoch, for the curve alone.
"""

from functools import partial
from typing import Any

from actors.rawsr_actor import RawSRActor
from admin.settings import Settings
from data.processing import RawSRSynthesisProcessing
from data.transforms import RandomColors
from models.rawsr.enlarging_start import start_as_enlarged_reference
from models.rawsr.rawsrnet import rawsr
from train_settings import bundled_photos as photos
from train_settings.rawsr_pairs import objective

NETWORK: dict[str, Any] = {"scale": 2, "width": 32, "growth": 8, "layers": 4, "bottle": 48}


def run(settings: Settings) -> None:
    settings.description = "RawSR x2, narrow, bundled photographs through a simulated camera"
    settings.batch_size, settings.num_workers, settings.print_interval = 8, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 60, 100, 1e-3
    settings.crop_sz, settings.clip_grad_norm = 64, 1.0
    net = photos.start(rawsr(**NETWORK), settings, start_as_enlarged_reference)
    camera = partial(RawSRSynthesisProcessing, scale=net.scale)
    train = photos.photo_loader(
        settings, lambda transform: camera(settings.crop_sz, transform=transform), RandomColors(0.3)
    )
    actor = RawSRActor(net, objective())
    photos.train_in_one_cycle(actor, train, settings, validation=[photos.heldout_loader(camera(None))])
