"""Small colour burst denoiser on photographs bundled with scikit-image: minutes on a CPU, no download.

Command: python run_training.py deeprep quickstart (for the shipped network, see docs/quickstart.md).
Data: SamplePhotos, training scenes, noise up to sensor gain 8. Hardware: 2 CPU cores, at most 6 minutes.
In two stages, each with checkpoints of its own: the decoder on single frames, then everything on bursts.
"""

from typing import Any

from admin.settings import Settings
from models.deeprep.identity_start import start_as_aligned_mean
from models.deeprep.small_denoiser import deeprep_denoise_small
from train_settings.bundled_photos import start
from train_settings.small_denoising import Stage, declare_stages, train_in_stages

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 0, "enc_dim": 12, "enc_num_res_blocks": 1, "latent_dim": 12,
    "dec_widths": (40, 64, 72), "dec_num_res_blocks": (2, 2, 3), "wp_project_dim": 8,
    "align_init_dim": 12, "align_num_res_blocks": 1, "align_ds_factor": 2, "offset_cdim": 16,
    "offset_predictor_dims": (52, 16), "corr_max_disp": (3, 2), "search_reach": 5, "color_input": True,
}
# Epochs, minutes, learning rate, batch, frames; single frames have as little noise as the mean of a burst.
STAGES = {
    "single_frame": Stage(3, 2.0, 1e-3, 16, 1, (-2.7, -1.6), {"rgb": 0.01}),
    "bursts": Stage(6, 3.5, 1e-3, 4, 8, (-2.4, -1.4), {"rgb": 0.01, "offsets": 0.001}, (1, 2, 4, 8, 8, 8)),
}
# fmt: on


def run(settings: Settings) -> None:
    settings.description = "small colour denoiser of DeepRep's structure with its own flow, on bundled photographs"
    settings.num_workers, settings.print_interval, settings.clip_grad_norm = 1, 25, 1.0
    settings.steps_per_epoch, settings.crop_sz, settings.train_flow = 100, 64, True
    declare_stages(settings, STAGES)
    net = start(deeprep_denoise_small(**NETWORK), settings, lambda net: start_as_aligned_mean(net.net))
    net.alignment_net.train_alignmentnet = settings.train_flow
    train_in_stages(settings, net, STAGES)
