"""Small RAW burst super-resolution (x4) on photographs bundled with scikit-image: a CPU, no download.

Command: python run_training.py deeprep sr_quickstart (for the shipped network and its score, see docs/quickstart.md).
Data: SamplePhotos, training scenes, with the published camera pipeline and motion. Hardware: a CPU.
Frames are aligned by a search, the rest is left to DeepRep's own flow network, which learns the true shifts.
"""

from functools import partial
from typing import Any

from actors.deeprep_actors import DeepRepSRSyntheticActor
from admin.settings import Settings
from data.processing import SyntheticBurstProcessing
from data.transforms import RandomColors
from models.deeprep.own_flow_sr import deeprep_sr_own_flow, start_as_enlarged_mean
from train_settings import bundled_photos as photos
from train_settings.recipes import BURST_MOTION

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 2, "enc_dim": 24, "enc_num_res_blocks": 2, "enc_out_dim": 32, "dec_in_dim": 16, "dec_dim_pre": 32,
    "dec_num_pre_res_blocks": 4, "dec_dim_post": 12, "dec_num_post_res_blocks": 1, "wp_project_dim": 8,
    "wp_offset_feat_dim": 4, "wp_num_weight_predictor_res": 1, "align_init_dim": 16, "align_num_res_blocks": 2,
    "align_ds_factor": 2, "offset_cdim": 16, "offset_predictor_dims": (52, 16), "corr_max_disp": (3, 2),
    "search_reach": 5,
}
# fmt: on


def run(settings: Settings) -> None:
    settings.description = "DeepRep RAW burst super-resolution with its own flow network, narrow, bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 4, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 20, 100, 1e-3
    settings.clip_grad_norm = 1.0
    net = photos.start(deeprep_sr_own_flow(**NETWORK), settings, start_as_enlarged_mean)
    bursts = partial(SyntheticBurstProcessing, 256, 8, 4, burst_transformation_params=BURST_MOTION, return_shifts=True)
    loader = photos.photo_loader(settings, lambda transform: bursts(transform=transform), RandomColors(0.3))
    objective, weights = photos.psnr_and_flow(border=16, flow_border=2), {"rgb": 0.01, "offsets": 0.02}
    actor = DeepRepSRSyntheticActor(net, objective, loss_weight=weights)
    photos.train_in_one_cycle(actor, loader, settings, slower=net.alignment_net.parameters())
