"""DBSR RAW burst super-resolution x4 on real bursts, starting from the network of default_synthetic.

Command: python run_training.py dbsr default_realworld [--set initial_network=dbsr_synthetic_default]
Data: BurstSR (burstsr_dir); weights of PWC-Net (pretrained_nets_dir); the trained or released default_synthetic.
Hardware: one GPU. Published score (with 14 frames): BurstSR 47.76 dB, SSIM 0.984, LPIPS 0.030; released network
47.70 dB, 0.984, 0.029.
"""

from actors.dbsr_actors import DBSRRealWorldActor
from admin.settings import Settings
from models.alignment.pwcnet import PWCNet
from train_settings import recipes


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DBSR, x4 super-resolution of BurstSR"
    settings.batch_size, settings.multi_gpu = 12, False
    settings.burst_sz, settings.crop_sz = 8, 56

    net = recipes.parallel(recipes.trained_network(settings, "dbsr/default_synthetic"), settings)
    actor = DBSRRealWorldActor(net, recipes.l1_and_psnr(border=40), PWCNet(), loss_weight={"rgb": 10.0})
    recipes.train(settings, actor, recipes.burstsr_loaders(settings), decay=15, epochs=40)
