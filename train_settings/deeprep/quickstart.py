"""Small colour burst denoiser on photographs bundled with scikit-image: minutes on a CPU, no download.

Command: python run_training.py deeprep quickstart (for the shipped network, see docs/quickstart.md).
Data: SamplePhotos, training scenes, noise up to sensor gain 8. Hardware: 2 CPU cores, at most 6 minutes.
In two stages, each with checkpoints of its own: the decoder on single frames, then everything on bursts.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from actors.base_actor import BaseActor
from actors.deeprep_actors import DeepRepDenoisingActor
from admin.loading import load_weights
from admin.settings import Settings
from data import processing
from data.postprocessing_functions import DenoisingPostProcess
from data.transforms import RandomColors, Transform
from models.deeprep.identity_start import start_as_aligned_mean
from models.deeprep.small_denoiser import deeprep_denoise_small
from models.loss.image_quality_v2 import PSNR, MappedLoss, PixelWiseError
from models.loss.psnr import NegativePSNR
from train_settings.bundled_photos import photo_loader, train_in_one_cycle

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 0, "enc_dim": 12, "enc_num_res_blocks": 1, "latent_dim": 12,
    "dec_widths": (40, 64, 72), "dec_num_res_blocks": (2, 2, 3), "wp_project_dim": 8,
    "align_init_dim": 12, "align_num_res_blocks": 1, "align_ds_factor": 2, "offset_cdim": 16,
    "offset_predictor_dims": (52, 16), "corr_max_disp": (3, 2), "search_reach": 5, "color_input": True,
}
# fmt: on


class Stage(NamedTuple):
    """What a stage of the training has for itself; each but the last two can be set as ``<stage>_<name>``."""

    epochs: int
    minutes: float
    learning_rate: float
    batch_size: int
    frames: int
    least_noise: tuple[float, float]  # log10 of the read noise deviation and of the root of the shot noise factor


STAGES = {
    "single_frame": Stage(3, 2.0, 1e-3, 16, 1, (-2.7, -1.6)),  # as little noise as the mean of a burst has
    "bursts": Stage(6, 3.5, 1e-3, 4, 8, (-2.4, -1.4)),
}
BURST_LENGTHS = (1, 2, 4, 8, 8, 8)
_SETTABLE = ("epochs", "minutes", "learning_rate", "batch_size")


def run(settings: Settings) -> None:
    """Builds and trains the network."""
    settings.description = "small colour denoiser of DeepRep's structure with its own flow, on bundled photographs"
    settings.num_workers, settings.print_interval, settings.clip_grad_norm = 1, 25, 1.0
    settings.steps_per_epoch, settings.start_from, settings.crop_sz = 100, "", 64
    settings.train_flow = True
    for stage, values in STAGES.items():
        for name in _SETTABLE:
            setattr(settings, f"{stage}_{name}", getattr(values, name))
    net = deeprep_denoise_small(**NETWORK).to(memory_format=torch.channels_last)
    start_as_aligned_mean(net.net)
    if settings.start_from:
        load_weights(net, settings.start_from)

    display = DenoisingPostProcess(clamp=False).process

    def shown(image: torch.Tensor, meta_info: Mapping[str, Any]) -> Any:
        # Below black the display curve is at its steepest: a few dark bursts would drown all others.
        return display(torch.maximum(image, 0.1 * image), meta_info)

    objective = {
        "rgb": MappedLoss(NegativePSNR(boundary_ignore=4), shown),
        "psnr": MappedLoss(PSNR(boundary_ignore=4), shown),
        "offsets": PixelWiseError("l2_sqrt", boundary_ignore=4),
    }
    actors: dict[str, BaseActor] = {
        "single_frame": DeepRepDenoisingActor(net, objective, loss_weight={"rgb": 0.01}),
        "bursts": DeepRepDenoisingActor(
            net, objective, loss_weight={"rgb": 0.01, "offsets": 0.001}, burst_lengths=BURST_LENGTHS
        ),
    }
    # What brings the image through stays as it is: it would learn to blur, which helps in deep noise alone.
    inner = net.net
    for fixed in (inner.lr_encoder, inner.hr_initializer, inner.optimizer.degradation_operator, inner.hr_decoder.skip):
        fixed.requires_grad_(False)
    net.alignment_net.train_alignmentnet = settings.train_flow
    for stage, actor in actors.items():
        _train_stage(stage, actor, settings, net.alignment_net.parameters() if stage == "bursts" else ())


def _train_stage(stage: str, actor: BaseActor, settings: Settings, slower: Iterable[nn.Parameter]) -> None:
    own = copy.copy(settings)
    own.epochs, own.max_minutes, own.learning_rate, own.batch_size = (
        getattr(settings, f"{stage}_{name}") for name in _SETTABLE
    )
    if stage != "bursts":
        own.project_path = f"{settings.project_path}/{stage}"
    if own.epochs == 0:
        return
    read, shot = STAGES[stage].least_noise

    def bursts(transform: Transform) -> processing.DenoisingProcessing:
        return processing.DenoisingProcessing(
            own.crop_sz,
            STAGES[stage].frames,
            2,
            1,
            4,
            transform=transform,
            log10_read_noise=(read, -1.0),
            log10_shot_noise=(shot, -0.7),
        )

    train_in_one_cycle(actor, photo_loader(own, bursts, RandomColors(0.3)), own, slower)
