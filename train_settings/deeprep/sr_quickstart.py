"""Small RAW burst super-resolution (x4) on photographs bundled with scikit-image: a CPU, no download.

Command: python run_training.py deeprep sr_quickstart (for the shipped network and its score, see docs/quickstart.md).
Data: SamplePhotos, training scenes, with the published camera pipeline and motion. Hardware: a CPU.
Frames are aligned by a search, the rest is left to DeepRep's own flow network, which learns the true shifts.
"""

from typing import Any

import torch

from actors.deeprep_actors import DeepRepSRSyntheticActor
from admin.loading import load_weights
from admin.settings import Settings
from data import processing
from data.transforms import RandomColors
from models.deeprep.own_flow_sr import deeprep_sr_own_flow, start_as_enlarged_mean
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from models.loss.psnr import NegativePSNR
from train_settings.bundled_photos import photo_loader, train_in_one_cycle

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 2, "enc_dim": 24, "enc_num_res_blocks": 2, "enc_out_dim": 32, "dec_in_dim": 16, "dec_dim_pre": 32,
    "dec_num_pre_res_blocks": 4, "dec_dim_post": 12, "dec_num_post_res_blocks": 1, "wp_project_dim": 8,
    "wp_offset_feat_dim": 4, "wp_num_weight_predictor_res": 1, "align_init_dim": 16, "align_num_res_blocks": 2,
    "align_ds_factor": 2, "offset_cdim": 16, "offset_predictor_dims": (52, 16), "corr_max_disp": (3, 2),
    "search_reach": 5,
}
MOTION = {"max_translation": 24.0, "max_rotation": 1.0, "max_shear": 0.0, "max_scale": 0.0, "border_crop": 24}
# fmt: on


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep RAW burst super-resolution with its own flow network, narrow, bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 4, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 20, 100, 1e-3
    settings.clip_grad_norm, settings.start_from = 1.0, ""

    loader = photo_loader(
        settings,
        lambda transform: processing.SyntheticBurstProcessing(
            256, 8, 4, burst_transformation_params=MOTION, transform=transform, return_shifts=True
        ),
        RandomColors(0.3),
    )

    net = deeprep_sr_own_flow(**NETWORK).to(memory_format=torch.channels_last)
    start_as_enlarged_mean(net)
    if settings.start_from:
        load_weights(net, settings.start_from)
    objective = {
        "rgb": NegativePSNR(boundary_ignore=16),
        "psnr": PSNR(boundary_ignore=16),
        "offsets": PixelWiseError("l2_sqrt", boundary_ignore=2),
    }
    actor = DeepRepSRSyntheticActor(net, objective, loss_weight={"rgb": 0.01, "offsets": 0.02})
    train_in_one_cycle(actor, loader, settings, slower=net.alignment_net.parameters())
