"""Small burst deblurrer (quarter width) on photographs bundled with scikit-image: at most 90 minutes of a CPU core.

Command: python run_training.py burst_deblur quickstart (with --mixed_precision bf16 in two thirds of the time where
the processor has it). Data: SamplePhotos, training scenes; no download. Hardware: a CPU core, 3 GB of memory.
Bursts of 2 to 8 shaken, noisy frames by the engine `paper`. Starts as the midrange of the burst; after the first tenth
of the steps BatchNorm keeps what it has learned, so that training and use see the same network.
"""

from admin.settings import Settings
from models.burst_deblur.identity_start import start_as_midrange
from models.burst_deblur.unet import burst_deblur_eccv18
from train_settings import bundled_photos as photos
from train_settings.deblurring import bursts_of, make_actor
from trainers.schedule import epochs_in_all


def run(settings: Settings) -> None:
    settings.description = "Permutation-invariant burst deblurring, quarter width, on bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 4, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 50, 100, 2e-3
    settings.max_minutes, settings.clip_grad_norm = 90, 100.0
    settings.crop_sz, settings.kernel_lvl, settings.noise_lvl = 64, 8.0, 2.0
    net = photos.start(burst_deblur_eccv18(width=16), settings, start_as_midrange)
    loader = photos.photo_loader(settings, lambda made: bursts_of("paper", settings, max_reduction=2.0, transform=made))
    warm_up = epochs_in_all(settings, settings.epochs) * settings.steps_per_epoch // 10
    actor = make_actor(net, batch_statistics=lambda step: step <= warm_up)
    photos.train_in_one_cycle(actor, loader, settings)
