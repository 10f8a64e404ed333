"""DeepRep colour burst denoising of 8 frames, aligned by PWC-Net.

Command: python run_training.py deeprep denoise_color_pwcnet
Data: OpenImages (openimages_dir), Zurich RAW to RGB (zurichraw2rgb_dir); weights of PWC-Net (pretrained_nets_dir).
Hardware: one GPU. Published score: 42.21, 39.13, 35.75, 32.52 dB for gains 1, 2, 4, 8 of the colour test set (BPN).
"""

from actors.deeprep_actors import DeepRepDenoisingActor
from admin.settings import Settings
from models.deeprep.deeprepnet import deeprep_denoise_iccv21
from train_settings import denoising, recipes


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep, colour burst denoising with PWC-Net"
    settings.batch_size, settings.multi_gpu = 8, False
    settings.burst_sz, settings.crop_sz = 8, 128

    net = recipes.parallel(deeprep_denoise_iccv21(**denoising.NETWORK, color_input=True), settings)
    actor = DeepRepDenoisingActor(net, recipes.l1_and_psnr(border=4))
    recipes.train(settings, actor, denoising.loaders(settings, grayscale=False), decay=(150, 250), epochs=300)
