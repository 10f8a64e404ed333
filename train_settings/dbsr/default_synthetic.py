"""DBSR RAW burst super-resolution x4 on synthetic bursts of 8 frames.

Command: python run_training.py dbsr default_synthetic
Data: Zurich RAW to RGB (zurichraw2rgb_dir); weights of PWC-Net (pretrained_nets_dir).
Hardware: one GPU. Published score (with 14 frames): SyntheticBurst 39.09 dB, SSIM 0.945, LPIPS 0.084; released network
39.17 dB, 0.946, 0.081.
"""

from typing import Any

from actors.dbsr_actors import DBSRSyntheticActor
from admin.settings import Settings
from models.dbsr.dbsrnet import dbsrnet_cvpr2021
from train_settings import recipes

# fmt: off
NETWORK: dict[str, Any] = {
    "enc_init_dim": 64, "enc_num_res_blocks": 9, "enc_out_dim": 512, "dec_init_conv_dim": 64,
    "dec_num_pre_res_blocks": 5, "dec_post_conv_dim": 32, "dec_num_post_res_blocks": 4, "upsample_factor": 8,
    "offset_feat_dim": 64, "weight_pred_proj_dim": 64, "num_weight_predictor_res": 3, "gauss_blur_sd": 1.0,
    "icnrinit": True,
}
# fmt: on


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DBSR, x4 super-resolution of synthetic RAW bursts"
    settings.batch_size, settings.multi_gpu = 16, False
    settings.burst_sz, settings.crop_sz = 8, 384

    net = recipes.parallel(dbsrnet_cvpr2021(**NETWORK), settings)
    actor = DBSRSyntheticActor(net, recipes.l1_and_psnr(border=40))
    recipes.train(settings, actor, recipes.synthetic_sr_loaders(settings), decay=40, epochs=100)
