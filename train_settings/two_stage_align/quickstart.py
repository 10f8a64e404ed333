"""Small two-stage alignment network on clips made from bundled photographs: a CPU, no download.

Command: python run_training.py two_stage_align quickstart (--set patch_matching=False leaves stage one out).
Data: SampleClips, training scenes. Hardware: 1 CPU core, an hour. Starts as the demosaicked mean of the burst, with
the smoothed image as features; tiles of whole frames are, with their margins, as large as the patches of the training.
"""

from functools import partial
from typing import Any

from admin.settings import Settings
from data.jdd_processing import JDDProcessing
from dataset import SampleClips
from models.two_stage_align.two_stage_net import two_stage_align
from train_settings import bundled_photos as photos
from train_settings.two_stage import clip_loader, make_actor, start_unaligned, train

TILES: dict[str, Any] = dict(patch=32, margin=8, search_window=128, inclusive_search=True)
NETWORK: dict[str, Any] = dict(deformable_groups=2, noise_map="deviation", **TILES)
NOISE = {"log10_read_noise": (-2.3, -1.5), "log10_shot_noise": (-3.0, -2.0)}


def run(settings: Settings) -> None:
    settings.description = "Two-stage alignment, narrow, on clips of bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 1, 1, 25
    settings.burst_sz, settings.crop_sz, settings.patch_sz, settings.search_window = 5, 320, 48, 64
    settings.steps_per_epoch, settings.epochs, settings.max_minutes = 300, 30, 150
    settings.clip_grad_norm = 1e5
    settings.learning_rate, settings.learning_rate_features = 4e-4, 1e-4
    settings.betas, settings.weight_decay = (0.9, 0.99), 0.0
    settings.patch_matching, settings.channels, settings.interpolation = True, 12, True
    settings.shuffle_colours = True

    chosen = {name: getattr(settings, name) for name in ("channels", "interpolation", "patch_matching")}
    net = photos.start(two_stage_align(**chosen, **NETWORK), settings, start_unaligned)
    clips = SampleClips("train", settings.burst_sz, settings.crop_sz, speed=(0.0, 30.0))
    more = dict(noise_ranges=NOISE, shuffle_colours=settings.shuffle_colours)
    bursts = JDDProcessing(settings.crop_sz, noise_map_mode=net.noise_map_mode, **more)
    actor = make_actor(settings, net, search_step=1, inclusive_search=True, sharpen_after=0)
    train(settings, actor, [clip_loader(settings, clips, bursts)], partial(photos.one_cycle, settings=settings))
