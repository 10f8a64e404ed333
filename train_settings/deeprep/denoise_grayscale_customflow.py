"""DeepRep grey burst denoising of 8 frames, with a small flow network that is trained along.

Command: python run_training.py deeprep denoise_grayscale_customflow
Data: OpenImages (openimages_dir), Zurich RAW to RGB (zurichraw2rgb_dir).
Hardware: one GPU. Published score: 39.10, 36.14, 32.89, 28.98 dB for gains 1, 2, 4, 8 of the grey test set (KPN).
"""

from actors.deeprep_actors import DeepRepDenoisingActor
from admin.settings import Settings
from models.deeprep.deeprepnet import deeprep_denoise_custom_flow_iccv21
from train_settings import denoising, recipes

NETWORK = denoising.NETWORK | denoising.CUSTOM_FLOW


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "DeepRep, grey burst denoising with its own flow network"
    settings.batch_size, settings.multi_gpu = 8, False
    settings.burst_sz, settings.crop_sz = 8, 128

    net = recipes.parallel(deeprep_denoise_custom_flow_iccv21(**NETWORK, color_input=False), settings)
    objective = recipes.l1_and_psnr(border=4) | denoising.flow_terms(border=4)
    actor = DeepRepDenoisingActor(net, objective, loss_weight={"rgb": 1.0, "photometric": 1.0, "offsets": 0.0})
    recipes.train(settings, actor, denoising.loaders(settings, grayscale=True), decay=100, epochs=250)
