"""A fabricated benchmark: small, quick, and with a network whose output is random."""

import os
from typing import Any

import torch
from torch import nn

from admin import distributed
from evaluation.common_utils import engine
from evaluation.common_utils.benchmark import Benchmark, Metric, Protocol
from evaluation.common_utils.network_param import NetworkParam

PLAIN = Protocol("plain", "linear", border=0)


def psnr_metric(protocol=PLAIN, **changes):
    """PSNR written out, so that these tests need no metric of ours."""

    def build(device):
        return lambda compared: -10 * (compared.prediction - compared.ground_truth).square().mean().log10()

    return Metric(**{"key": "psnr", "label": "PSNR (dB)", "protocol": protocol, "build": build} | changes)


class Bursts:
    """Six bursts of three scenes, three frames of three channels each."""

    def __init__(self, count=6, size=(10, 12), ground_truth=True):
        self.count, self.size, self.ground_truth = count, size, ground_truth

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        truth = torch.rand(3, *self.size, generator=generator) * 0.8 + 0.1
        burst = truth + 0.1 * torch.randn(3, 3, *self.size, generator=generator)
        info = {"burst_name": f"b{index}", "scene": f"scene{index % 3}", "sigma_estimate": torch.full_like(burst, 0.1)}
        return burst, truth if self.ground_truth else None, info


class NoisyMean(nn.Module):
    """Mean of the frames through a 1x1 convolution, plus noise of torch's global generator, like the denoisers."""

    calls = 0

    def __init__(self, noise=0.01):
        super().__init__()
        self.mix, self.noise = nn.Conv2d(3, 3, 1, bias=False), noise
        nn.init.eye_(self.mix.weight.data[:, :, 0, 0])

    def forward(self, burst, noise_estimate=None):
        type(self).calls += 1
        assert noise_estimate.shape == burst.shape
        mean = self.mix(burst.mean(dim=1))
        return mean + self.noise * torch.randn_like(mean), {}


class FirstFrame(nn.Module):
    def forward(self, burst, noise_estimate=None):
        return burst[:, 0], {}


def call(net, burst, info):
    return net(burst, noise_estimate=info["sigma_estimate"][None])[0]


def view(image, info):
    return (image.clamp(0, 1) * 255).to(torch.uint8).permute(1, 2, 0).numpy()


def fabricated(**changes):
    """The fabricated benchmark with some fields replaced."""
    fields: dict[str, Any] = {
        "name": "fabricated/level_1",
        "title": "Fabricated bursts",
        "data": Bursts,
        "call": call,
        "metrics": (psnr_metric(),),
        "view": view,
        "baselines": (NetworkParam(network=FirstFrame, unique_name="first", display_name="first frame"),),
        "per_frame_info": ("sigma_estimate",),
    }
    return Benchmark(**fields | changes)


NOISY = NetworkParam(network=NoisyMean, unique_name="noisy", display_name="noisy mean")


def predicted_together(folder):
    """Saves the predictions of a noisy network and scores it, by as many processes as there are; names and values."""
    os.environ["BURSTLAB_SAVE_DATA_PATH"] = str(folder)
    distributed.join()
    benchmark = fabricated()
    engine.save_predictions(benchmark, [NOISY], device=torch.device("cpu"))
    scores = engine.score(benchmark, [NOISY], device=torch.device("cpu"))
    return {row.name: [[burst.burst, dict(burst.values)] for burst in row.bursts] for row in scores.rows}
