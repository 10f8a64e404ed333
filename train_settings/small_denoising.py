"""Training of a small denoiser in stages, each with checkpoints of its own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import torch

from actors.deeprep_actors import DeepRepDenoisingActor
from admin.settings import Settings
from data import processing
from data.postprocessing_functions import DenoisingPostProcess
from data.transforms import RandomColors, Transform
from models.deeprep.small_denoiser import StabilisedDenoiser
from models.loss.mapped import MappedLoss
from train_settings.bundled_photos import photo_loader, psnr_and_flow, train_in_one_cycle

_DISPLAY = DenoisingPostProcess(clamp=False)


class Stage(NamedTuple):
    """What a stage of the training has for itself; the first four can be set as ``<stage>_<name>``.

    Attributes:
        least_noise: log10 of the read noise deviation and of the root of the shot noise factor.
        loss_weight: see :class:`DeepRepDenoisingActor`, as ``burst_lengths``.
    """

    epochs: int
    minutes: float
    learning_rate: float
    batch_size: int
    frames: int
    least_noise: tuple[float, float]
    loss_weight: Mapping[str, float]
    burst_lengths: tuple[int, ...] = ()


_SETTABLE = Stage._fields[:4]


def declare_stages(settings: Settings, stages: Mapping[str, Stage]) -> None:
    """Assigns what can be set of each stage, for example ``bursts_epochs``."""
    for name, stage in stages.items():
        for field in _SETTABLE:
            setattr(settings, f"{name}_{field}", getattr(stage, field))


def train_in_stages(settings: Settings, net: StabilisedDenoiser, stages: Mapping[str, Stage]) -> None:
    """Trains one stage after the other on bursts of bundled photographs, compared as displayed.

    Checkpoints of the last stage are those of the run; the others have a folder of their own below it. A stage of no
    epochs is left out. What brings the image through stays as it is: it would learn to blur, which helps in deep noise
    alone. In stages of more than one frame the flow network learns slower.

    Args:
        settings: has ``crop_sz``, ``steps_per_epoch``, and what :func:`declare_stages` has assigned.
        stages: name → stage, in their order.
    """
    inner: Any = net.net
    for fixed in (inner.lr_encoder, inner.hr_initializer, inner.optimizer.degradation_operator, inner.hr_decoder.skip):
        fixed.requires_grad_(False)
    objective = psnr_and_flow(border=4, flow_border=4)
    objective |= {term: MappedLoss(objective[term], _displayed) for term in ("rgb", "psnr")}
    for name, stage in stages.items():
        last = stage is list(stages.values())[-1]
        own = copy.copy(settings) if last else settings.below(name)
        own.epochs, own.max_minutes, own.learning_rate, own.batch_size = (
            getattr(settings, f"{name}_{field}") for field in _SETTABLE
        )
        if own.epochs == 0:
            continue
        actor = DeepRepDenoisingActor(net, objective, stage.loss_weight, stage.burst_lengths)
        loader = photo_loader(own, partial(_bursts, own, stage), RandomColors(0.3))
        train_in_one_cycle(actor, loader, own, slower=net.alignment_net.parameters() if stage.frames > 1 else ())


def _bursts(settings: Settings, stage: Stage, transform: Transform) -> processing.DenoisingProcessing:
    read, shot = stage.least_noise
    return processing.DenoisingProcessing(
        settings.crop_sz,
        stage.frames,
        2,
        1,
        4,
        transform=transform,
        log10_read_noise=(read, -1.0),
        log10_root_shot_noise=(shot, -0.7),
    )


def _displayed(image: torch.Tensor, meta_info: Mapping[str, Any]) -> Any:
    # Below black the display curve is at its steepest: a few dark bursts would drown all others.
    return _DISPLAY.process(torch.maximum(image, 0.1 * image), meta_info)
