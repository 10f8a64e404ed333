"""Permutation-invariant burst deblurring at full width on photographs, as the implementation of 2020 trained it.

Command: python run_training.py burst_deblur synthetic_default. Hardware: one GPU of 16 GB.
Data: ImageNet or any photographs in its layout (`imagenet_dir`); `data` can also be `image_folder` (`imagefolder_dir`,
validated on the same images) or `sample_photos` (no download). Published score: none in numbers.
The original's example command trains on 100 images once, to try it; for a network of use: --set max_images=None
--set epochs=10. `engine=original` makes the bursts as they were made then, `frozen_batch_norm=True` trains with its
fault (statistics of the batch in the first step of an epoch only), `render_on=device homo_align=False` makes the bursts
on the GPU.
"""

from admin.settings import Settings
from models.burst_deblur.unet import burst_deblur_eccv18
from train_settings.deblurring import train_on_photographs


def run(settings: Settings) -> None:
    settings.description = "Permutation-invariant burst deblurring (Aittala and Durand, ECCV 2018), synthetic bursts"
    settings.batch_size, settings.num_workers, settings.print_interval = 8, 8, 10
    settings.epochs, settings.learning_rate, settings.lr_decay = 1, 0.003, 0.99997
    settings.data, settings.max_images, settings.val_size = "imagenet", 100, 100
    settings.engine, settings.crop_sz, settings.width = "paper", 160, 64
    settings.kernel_lvl, settings.noise_lvl, settings.motion_blur, settings.homo_align = 3.0, 1.0, True, True
    settings.multi_gpu, settings.frozen_batch_norm, settings.render_on = False, False, "worker"
    train_on_photographs(settings, burst_deblur_eccv18(width=settings.width))
