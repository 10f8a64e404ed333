"""Small two-stage alignment network on clips made from bundled photographs: a CPU, no download.

Command: python run_training.py two_stage_align quickstart (--set patch_matching=False leaves stage one out).
Data: SampleClips, training scenes. Hardware: 1 CPU core, at most 60 minutes. Starts as the demosaicked mean of the
burst, unaligned, with the smoothed image as features; searches at every feature pixel and chooses nearly one patch.
"""

import torch

from admin.settings import Settings
from data.jdd_processing import JDDProcessing
from dataset import SampleClips
from models.two_stage_align.identity_start import start_as_demosaicked_reference, start_as_smoothed_image
from models.two_stage_align.two_stage_net import two_stage_align
from train_settings.two_stage import clip_loader, make_actor, train

NOISE = {"log10_read_noise": (-2.3, -1.5), "log10_shot_noise": (-3.0, -2.0)}


def run(settings: Settings) -> None:
    settings.description = "Two-stage alignment, narrow, on clips of bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 1, 1, 25
    settings.burst_sz, settings.crop_sz, settings.patch_sz, settings.search_window = 5, 320, 48, 64
    settings.steps_per_epoch, settings.epochs, settings.max_minutes = 300, 8, 60
    settings.clip_grad_norm = 1e5
    settings.learning_rate, settings.learning_rate_features = 1.5e-3, 1e-4
    settings.betas, settings.weight_decay = (0.9, 0.99), 0.0
    settings.patch_matching, settings.channels, settings.interpolation = True, 12, True

    clips = SampleClips("train", settings.burst_sz, settings.crop_sz, speed=(0.0, 30.0))
    processing = JDDProcessing(settings.crop_sz, noise_map_mode="deviation", noise_ranges=NOISE)
    net = two_stage_align(
        channels=settings.channels,
        deformable_groups=2,
        interpolation=settings.interpolation,
        patch_matching=settings.patch_matching,
        noise_map="deviation",
        search_window=128,
        inclusive_search=True,
    )
    start_as_demosaicked_reference(net.reconstruction)
    if net.downsampling is not None:
        start_as_smoothed_image(net.downsampling)
    net = net.to(memory_format=torch.channels_last)
    actor = make_actor(settings, net, search_step=1, inclusive_search=True, sharpen_after=0)
    steps = settings.epochs * settings.steps_per_epoch
    rates = [settings.learning_rate, settings.learning_rate_features][: 2 if settings.patch_matching else 1]
    train(
        settings,
        actor,
        [clip_loader(settings, clips, processing)],
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rates, steps, pct_start=0.1, cycle_momentum=False
        ),
    )
