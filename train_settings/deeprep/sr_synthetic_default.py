"""DeepRep RAW burst super-resolution x4 on synthetic bursts of 14 frames.

Command: python run_training.py deeprep sr_synthetic_default
Data: Zurich RAW to RGB (zurichraw2rgb_dir); weights of PWC-Net (pretrained_nets_dir).
Hardware: several GPUs. Published score: SyntheticBurst 41.56 dB, SSIM 0.964, LPIPS 0.045; released network 41.55 dB.
"""

from typing import Any

from actors.deeprep_actors import DeepRepSRSyntheticActor
from admin.settings import Settings
from models.deeprep.deeprepnet import deeprep_sr_iccv21
from train_settings import recipes

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 3, "enc_dim": 64, "enc_num_res_blocks": 5, "enc_out_dim": 256, "dec_dim_pre": 64, "dec_dim_post": 32,
    "dec_num_pre_res_blocks": 5, "dec_num_post_res_blocks": 5, "dec_in_dim": 64, "dec_upsample_factor": 4,
    "gauss_blur_sd": 1, "feature_degradation_upsample_factor": 2, "use_feature_regularization": False,
    "wp_ref_offset_noise": 0.0,
}
# fmt: on


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep, x4 super-resolution of synthetic RAW bursts"
    settings.batch_size, settings.multi_gpu = 16, True
    settings.burst_sz, settings.crop_sz = 14, 384 + 48

    net = recipes.parallel(deeprep_sr_iccv21(**NETWORK), settings)
    actor = DeepRepSRSyntheticActor(net, recipes.l1_and_psnr(border=40))
    recipes.train(settings, actor, recipes.synthetic_sr_loaders(settings), decay=(300, 400), epochs=500)
