"""Small colour burst denoiser on photographs bundled with scikit-image: minutes on a CPU, no download.

Command: python run_training.py deeprep quickstart (for the shipped network, see docs/quickstart.md).
Data: SamplePhotos, training scenes. Hardware: 2 CPU cores, at most 6 minutes. Starts as the mean of the burst with
a rough flow, learns the true shifts, moves less than the published settings, and sees noise up to sensor gain 8.
"""

from typing import Any

import torch

from actors.deeprep_actors import DeepRepDenoisingActor
from admin.settings import Settings
from data import processing
from data.postprocessing_functions import DenoisingPostProcess
from models.alignment.flow_start import start_as_centre_of_mass
from models.deeprep.deeprepnet import deeprep_denoise_custom_flow_iccv21
from models.deeprep.identity_start import start_as_aligned_mean
from models.loss.image_quality_v2 import PSNR, MappedLoss, PixelWiseError
from train_settings.bundled_photos import photo_loader, train_in_one_cycle

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 2, "enc_dim": 16, "enc_num_res_blocks": 2, "enc_out_dim": 24, "dec_in_dim": 16, "dec_dim_pre": 40,
    "dec_num_res_blocks": 6, "wp_project_dim": 8, "wp_offset_feat_dim": 4, "wp_num_offset_feat_extractor_res": 0,
    "wp_num_weight_predictor_res": 1, "wp_noise_feat_dim": 4, "wp_num_noise_feat_extractor_res": 0,
    "wp_ref_offset_noise": 0.0, "use_noise_estimate": True, "use_feature_regularization": False,
    "align_init_dim": 16, "align_num_res_blocks": 2, "align_ds_factor": 2, "offset_cdim": 16,
    "offset_predictor_dims": (52, 16), "corr_max_disp": (3, 2), "standardise_alignment_input": True,
    "color_input": True,
}
# fmt: on


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep colour denoising with its own flow network, narrow, on bundled photographs"
    settings.batch_size, settings.num_workers, settings.print_interval = 4, 1, 25
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 4, 100, 1e-3
    settings.max_minutes, settings.clip_grad_norm = 6, 1.0

    loader = photo_loader(
        settings,
        lambda transform: processing.DenoisingProcessing(
            64, 8, 2, 1, 4, transform=transform, log10_read_noise=(-2.7, -1.0), log10_shot_noise=(-1.6, -0.7)
        ),
    )

    net = deeprep_denoise_custom_flow_iccv21(**NETWORK).to(memory_format=torch.channels_last)
    start_as_aligned_mean(net)
    start_as_centre_of_mass(net.alignment_net.alignment_net)
    display = DenoisingPostProcess(clamp=False).process
    objective = {
        "rgb": MappedLoss(PixelWiseError("l1", boundary_ignore=4), display),
        "psnr": MappedLoss(PSNR(boundary_ignore=4), display),
        "offsets": PixelWiseError("l2_sqrt", boundary_ignore=4),
    }
    actor = DeepRepDenoisingActor(net, objective, loss_weight={"rgb": 1.0, "offsets": 0.05})
    train_in_one_cycle(actor, loader, settings)
