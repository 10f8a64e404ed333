"""Small SR3 that enlarges clips of bundled photographs from 8 to 32 pixels: a CPU, no download.

Command: python run_training.py sr3 quickstart (for the shipped network, see docs/sr3.md).
Data: SampleClips of three frames, training scenes. Hardware: one CPU core, 4 minutes an epoch; the shipped network has
13. The published formulation (noise prediction, L1, one network for all noise levels); unlike it, every sample of a
batch has its own time, the schedule ends before the last of the signal is gone, and few groups let the noise level
through.
"""

from typing import Any

from actors.sr3_actor import SR3Actor
from admin.settings import Settings
from data import DataLoader
from data.sr3_clips import RandomClips
from data.sr3_processing import SR3Processing
from dataset.sample_clips import SampleClips
from models.sr3.constructors import sr3
from train_settings.bundled_photos import start, train_in_one_cycle
from train_settings.recipes import samples_of

# fmt: off
NETWORK: dict[str, Any] = {
    "schedule": {"schedule": "linear", "n_timestep": 100, "linear_start": 1e-4, "linear_end": 0.048},
    "n_frames": 3, "image_size": 32, "inner_channel": 30, "norm_groups": 1, "channel_mults": (1, 2, 2), "attn_res": (),
    "res_blocks": 1, "dropout": 0.0, "shared_time": False, "sampler": "ancestral", "steps": 20, "begin": 0.75,
}
# fmt: on


def run(settings: Settings) -> None:
    settings.description = "SR3 for three frames, narrow, 8 to 32 pixels, clips of bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 16, 0, 50
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 70, 200, 1e-3
    settings.clip_grad_norm, settings.ema_decay = 1.0, 0.999
    clips = SampleClips("train", num_frames=3, size=64, speed=(0.0, 4.0), num_objects=1)
    samples = RandomClips(clips, samples_of(settings.steps_per_epoch, settings), SR3Processing(8, 32, crop=(32, 64)))
    loader = DataLoader("train", samples, num_workers=settings.num_workers, batch_size=settings.batch_size)
    train_in_one_cycle(SR3Actor(start(sr3(**NETWORK), settings)), loader, settings)
