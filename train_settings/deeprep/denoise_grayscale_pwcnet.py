"""DeepRep grey burst denoising of 8 frames, aligned by PWC-Net.

Command: python run_training.py deeprep denoise_grayscale_pwcnet
Data: OpenImages (openimages_dir), Zurich RAW to RGB (zurichraw2rgb_dir); weights of PWC-Net (pretrained_nets_dir).
Hardware: one GPU. Published score: 39.37, 36.51, 33.38, 29.69 dB for gains 1, 2, 4, 8 of the grey test set (KPN).
"""

from actors.deeprep_actors import DeepRepDenoisingActor
from admin.settings import Settings
from models.deeprep.deeprepnet import deeprep_denoise_iccv21
from train_settings import denoising, recipes


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep, grey burst denoising with PWC-Net"
    settings.batch_size, settings.multi_gpu = 8, False
    settings.burst_sz, settings.crop_sz = 8, 128

    net = recipes.parallel(deeprep_denoise_iccv21(**denoising.NETWORK, color_input=False), settings)
    actor = DeepRepDenoisingActor(net, recipes.l1_and_psnr(border=4))
    recipes.train(settings, actor, denoising.loaders(settings, grayscale=True), decay=100, epochs=150)
