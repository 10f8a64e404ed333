"""RawSR at scale 2 with the published schedule.

Command: python run_training.py rawsr x2
Data: pairs in rawsr_dir/x2; the published ones are gone, util_scripts/synthesize_rawsr.py makes others.
Hardware: one GPU; with 13,040 pairs 41 epochs of 2,174 steps. No figure is published for this data.
"""

from admin.settings import Settings
from train_settings import rawsr_pairs


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "RawSR, super-resolution x2 of one RAW mosaic and its rendered reference"
    settings.batch_size, settings.num_workers, settings.print_interval = 6, 8, 50
    settings.crop_sz, settings.learning_rate = 256, rawsr_pairs.RATE
    rawsr_pairs.train(settings, scale=2)
