"""Any burst denoiser on any photographs: --set network=models.FILE.FUNCTION --set photographs=dataset.FILE.CLASS.

Command: python run_training.py own denoiser --set network=... --set photographs=... (docs/walkthrough.md)
Data: what the class gives when it is called without arguments; SamplePhotos by default. Hardware: any.
The network is called ``pred, aux = net(burst, noise_estimate=)``, both [B, N, 3, H, W] and linear.
"""

from actors.deeprep_actors import DeepRepDenoisingActor
from admin.settings import Settings
from data import processing
from data.postprocessing_functions import DenoisingPostProcess
from data.transforms import Transform
from models.loss.image_quality_v2 import PSNR, MappedLoss, PixelWiseError
from train_settings.bundled_photos import photo_loader, train_in_one_cycle
from train_settings.named import named


def run(settings: Settings) -> None:
    settings.description = "a burst denoiser on photographs, both named on the command line"
    settings.network, settings.photographs = "", "dataset.SamplePhotos"
    settings.batch_size, settings.burst_sz, settings.crop_sz = 4, 8, 64
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 5, 100, 1e-3
    settings.print_interval, settings.clip_grad_norm = 25, 1.0

    def bursts(transform: Transform) -> processing.DenoisingProcessing:
        return processing.DenoisingProcessing(settings.crop_sz, settings.burst_sz, 2, 1, 4, transform=transform)

    display = DenoisingPostProcess(clamp=False).process
    objective = {
        "rgb": MappedLoss(PixelWiseError("l1", boundary_ignore=4), display),
        "psnr": MappedLoss(PSNR(boundary_ignore=4), display),
    }
    actor = DeepRepDenoisingActor(named(settings.network)(), objective)
    loader = photo_loader(settings, bursts, photographs=named(settings.photographs)())
    train_in_one_cycle(actor, loader, settings)
