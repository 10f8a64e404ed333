"""Pictures of the way from noise to image."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from admin.devices import own_device
from admin.environment import env_settings
from evaluation.common_utils.experiments import load_experiment
from evaluation.common_utils.predict import seeded
from evaluation.sr3 import benchmark as sr3
from evaluation.sr3.benchmark import PACKAGE, configure_sampling, sr3_benchmark
from evaluation.sr3.pictures import refinement_grid
from models.sr3.diffusion import GaussianDiffusion, condition_of, kept_interval
from utils.image_io import write_image

logger = logging.getLogger(__name__)

ARGUMENTS: dict[str, dict[str, Any]] = {
    **{name: sr3.ARGUMENTS[name] for name in ("--data", "--sampler", "--steps")},
    "--clips": {"type": int, "default": 3, "help": "number of clips (default: %(default)s)"},
}


def show_refinement(
    setting_name: str, data: str = "photos", clips: int = 3, sampler: str | None = None, steps: int | None = None
) -> list[Path]:
    """Write grids of the refinement for the diffusion models of an experiment, one picture for each clip.

    A grid shows the frames of the condition (blue frame; red the middle one) and about ten images on the way. It is
    written to `<save_data_path>/refinement/<data>/<network>/<clip>.png`.
    """
    device = own_device()
    benchmark = sr3_benchmark(data, sampler=sampler, steps=steps)
    folder = Path(env_settings().save_data_path) / "refinement" / data
    written = []
    for network in load_experiment(PACKAGE, setting_name):
        net = network.load_net().to(device)
        if not isinstance(net, GaussianDiffusion):
            continue
        configure_sampling(net, sampler, steps)
        for item in list(benchmark.items())[:clips]:
            with seeded(0, benchmark.name, item.name, device):
                images = refinement(net, item.burst[None].to(device))
            path = folder / network.get_unique_name() / f"{item.name}.png"
            write_image(path, refinement_grid(images, net.n_frames))
            written.append(path)
    logger.info("Written: %s", ", ".join(map(str, written)) or "nothing: no network is a diffusion model")
    return written


def refinement(net: GaussianDiffusion, burst: torch.Tensor) -> torch.Tensor:
    """Frames of the condition and about ten images on the way, [n + kept, 3, H, W] in -1..1, of [1, T, 3, H, W]."""
    condition = condition_of(burst, net.n_frames, net.channels)
    shown = list(condition.split(net.channels, dim=1))
    way: list[torch.Tensor] = []
    result = net.sample_images(condition, callback=lambda t, image: way.append(image))
    interval = kept_interval(len(way))
    kept = [image[..., : result.shape[2], : result.shape[3]] for image in way[::-1][::interval][::-1]]
    return torch.cat([*shown, *kept])
