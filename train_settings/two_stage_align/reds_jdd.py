"""Two-stage alignment as published (Guo et al., CVPR 2022): joint denoising and demosaicking of REDS bursts.

Command: python run_training.py two_stage_align reds_jdd (--set patch_matching=False leaves stage one out).
Data: reds_dir (REDS train_sharp and val_sharp, folders or LMDB; REDS4 is held out and validates).
Hardware: 2 GPUs, 600,000 steps. Published score: REDS4 in sRGB, see the tables of the paper and evaluation/jdd.
"""

from typing import Any

from admin.settings import Settings
from train_settings.two_stage import train_on_reds
from trainers.restarts import CosineRestarts

# fmt: off
NETWORK: dict[str, Any] = {
    "channels": 64, "deformable_groups": 8, "interpolation": True, "noise_map": "variance",
    "patch": 64, "margin": 0, "search_window": 64,
}
SCHEDULE = CosineRestarts(
    periods=[50_000, 100_000, 150_000, 150_000, 150_000],
    restarts=[50_000, 150_000, 300_000, 450_000], weights=[1, 1, 1, 1], eta_min=1e-7,
)
# fmt: on


def run(settings: Settings) -> None:
    settings.description = "Two-stage alignment, joint denoising and demosaicking on REDS, published settings"
    settings.batch_size, settings.num_workers, settings.multi_gpu, settings.print_interval = 2, 8, True, 20
    settings.burst_sz, settings.crop_sz, settings.patch_sz, settings.search_window = 5, 720, 64, 64
    settings.intervals, settings.random_reverse, settings.use_flip, settings.use_rot = (1,), False, True, True
    settings.reds_root, settings.frame_sz = None, (720, 1280)
    settings.steps_per_epoch, settings.epochs = 50_000, 12
    settings.learning_rate, settings.learning_rate_features = 1e-4, 1e-5
    settings.betas, settings.weight_decay = (0.9, 0.99), 0.0
    settings.patch_matching = True
    settings.initial_reconstruction, settings.initial_features, settings.strict_load = None, None, True
    train_on_reds(settings, NETWORK, SCHEDULE)
