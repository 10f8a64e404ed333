"""Cases of DeepRep and DBSR, named after the published settings: networks of full size, their plain twins, bursts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from admin.model_constructor import building_from_checkpoint
from models.dbsr.dbsrnet import dbsrnet_cvpr2021
from models.deeprep.deeprepnet import (
    deeprep_denoise_custom_flow_iccv21,
    deeprep_denoise_iccv21,
    deeprep_sr_iccv21,
)
from tests.twins.dbsr import PlainDBSR
from tests.twins.deeprep import PlainDeepRep
from train_settings.dbsr import default_synthetic
from train_settings.deeprep import sr_synthetic_default
from train_settings.denoising import CUSTOM_FLOW, NETWORK


class BurstCase(NamedTuple):
    """A network and how to make its plain twin.

    Attributes:
        build: makes the network; weights of PWC-Net are not needed, random ones take as long.
        plain: the twin, which holds the same modules.
        channels: of a frame.
        noise: the network is given the noise level as well.
    """

    build: Callable[[], nn.Module]
    plain: Callable[[Any], nn.Module]
    channels: int
    noise: bool = False

    def inputs(self, batch: int, frames: int, size: int) -> dict[str, torch.Tensor]:
        """Bursts [batch, frames, C, size, size] between 0 and 1."""
        burst = torch.rand(batch, frames, self.channels, size, size, generator=torch.Generator().manual_seed(0))
        return {"im": burst, "noise_estimate": torch.full_like(burst, 0.05)} if self.noise else {"im": burst}


def _denoiser(constructor: Callable[..., nn.Module], color: bool, **kwargs: Any) -> BurstCase:
    def build() -> nn.Module:
        return constructor(**NETWORK, **kwargs, color_input=color)

    return BurstCase(build, PlainDeepRep, 3 if color else 1, noise=True)


CASES: dict[str, BurstCase] = {
    "deeprep_sr_synthetic_default": BurstCase(
        lambda: deeprep_sr_iccv21(**sr_synthetic_default.NETWORK), PlainDeepRep, 4
    ),
    "deeprep_denoise_color_pwcnet": _denoiser(deeprep_denoise_iccv21, True),
    "deeprep_denoise_grayscale_pwcnet": _denoiser(deeprep_denoise_iccv21, False),
    "deeprep_denoise_color_customflow": _denoiser(deeprep_denoise_custom_flow_iccv21, True, **CUSTOM_FLOW),
    "deeprep_denoise_grayscale_customflow": _denoiser(deeprep_denoise_custom_flow_iccv21, False, **CUSTOM_FLOW),
    "dbsr_default_synthetic": BurstCase(lambda: dbsrnet_cvpr2021(**default_synthetic.NETWORK), PlainDBSR, 4),
}


def network(name: str, variant: str) -> nn.Module:
    """The network of a case with the same weights every time; its plain twin if ``variant`` starts with 'twin'."""
    torch.manual_seed(0)
    with building_from_checkpoint():
        net = CASES[name].build()
    return CASES[name].plain(net) if variant.startswith("twin") else net
