"""DeepRep RAW burst super-resolution x4 on real bursts, starting from the network of sr_synthetic_default.

Command: python run_training.py deeprep sr_burstsr_default [--set initial_network=deeprep_sr_synthetic_default]
Data: BurstSR (burstsr_dir); weights of PWC-Net (pretrained_nets_dir); the trained or released sr_synthetic_default.
Hardware: several GPUs. Published score: BurstSR 48.33 dB, SSIM 0.985, LPIPS 0.023; none for the released network.
"""

from actors.deeprep_actors import DeepRepSRBurstSRActor
from admin.settings import Settings
from models.alignment.pwcnet import PWCNet
from train_settings import recipes


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep, x4 super-resolution of BurstSR"
    settings.batch_size, settings.multi_gpu = 16, True
    settings.burst_sz, settings.crop_sz = 14, 56

    net = recipes.parallel(recipes.trained_network(settings, "deeprep/sr_synthetic_default"), settings)
    actor = DeepRepSRBurstSRActor(net, recipes.l1_and_psnr(border=40), PWCNet(), loss_weight={"rgb": 10.0})
    recipes.train(settings, actor, recipes.burstsr_loaders(settings), decay=15, epochs=40)
