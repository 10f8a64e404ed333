"""SR3 for three frames, 16 to 128 pixels, as published.

Command: python run_training.py sr3 frames_16_128
Data: sr3_frames_dir, made from videos of CelebV-HQ (frames 0.5 s apart) with util_scripts/prepare_frames.py
Hardware: published on one GPU with 16 or 32 GB (V100). Published score: 18.37 dB, SSIM 0.51 after 2000 evaluations per
image, on data and a number of videos that are not stated; docs/sr3.md. The average of the weights is our addition.
"""

from typing import Any

from admin.settings import Settings
from train_settings.sr3_frames import train_on_frames

# fmt: off
NETWORK: dict[str, Any] = {
    "schedule": {"schedule": "cosine", "n_timestep": 2000, "linear_start": 1e-6, "linear_end": 1e-2},
    "n_frames": 3, "image_size": 128, "inner_channel": 64, "norm_groups": 32, "channel_mults": (1, 2, 4, 8, 8),
    "attn_res": (16,), "res_blocks": 2, "dropout": 0.2,
}
# fmt: on


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "SR3 for three frames, 16 to 128 pixels, as published"
    settings.low, settings.high, settings.n_frames = 16, 128, 3
    settings.train_frames = "celebvhq_3_frames_0.5_seconds_16_128_train"
    settings.val_frames = "celebvhq_3_frames_0.5_seconds_16_128_val"
    settings.datatype, settings.train_videos, settings.val_videos = "img", -1, 3
    settings.batch_size, settings.num_workers, settings.print_interval = 16, 8, 1000
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 10, 10_000, 1e-5
    settings.ema_decay = 0.9999
    train_on_frames(settings, NETWORK)
