"""SR3 for three frames, 64 to 512 pixels: the single-image configuration of this size, with three frames.

Command: python run_training.py sr3 frames_64_512
Data: sr3_frames_dir, made from videos of CelebV-HQ (frames 0.5 s apart) with util_scripts/prepare_frames.py
Hardware: a GPU with 24 GB. Published score: none for three frames; 19.87 dB and SSIM 0.445 for single images of faces.
"""

from typing import Any

from admin.settings import Settings
from train_settings.sr3_frames import train_on_frames

# fmt: off
NETWORK: dict[str, Any] = {
    "schedule": {"schedule": "cosine", "n_timestep": 2000, "linear_start": 1e-6, "linear_end": 1e-2},
    "n_frames": 3, "image_size": 512, "inner_channel": 64, "norm_groups": 16, "channel_mults": (1, 2, 4, 8, 16),
    "attn_res": (), "res_blocks": 1, "dropout": 0.0,
}
# fmt: on


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "SR3 for three frames, 64 to 512 pixels"
    settings.low, settings.high, settings.n_frames = 64, 512, 3
    settings.train_frames = "celebvhq_3_frames_0.5_seconds_64_512_train"
    settings.val_frames = "celebvhq_3_frames_0.5_seconds_64_512_val"
    settings.datatype, settings.train_videos, settings.val_videos = "img", -1, 3
    settings.batch_size, settings.num_workers, settings.print_interval = 2, 8, 1000
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 100, 10_000, 3e-6
    settings.ema_decay = 0.9999
    train_on_frames(settings, NETWORK)
