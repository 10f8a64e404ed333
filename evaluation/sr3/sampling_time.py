"""What sampling costs: time against network evaluations."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from rich.table import Table

from admin.devices import own_device
from evaluation.common_utils.experiments import load_experiment
from evaluation.sr3.benchmark import PACKAGE
from models.sr3.diffusion import GaussianDiffusion
from utils.log import output

REPEATS = 3

ARGUMENTS: dict[str, dict[str, Any]] = {
    "--evaluations": {"type": int, "nargs": "+", "default": [20, 2000], "help": "default: 20 2000"},
    "--size": {"type": int, "default": 32, "help": "side of the image (default: %(default)s)"},
}


def sampling_cost(setting_name: str, evaluations: Sequence[int] = (20, 2000), size: int = 32) -> Mapping[int, float]:
    """Measure the time of a sampling for the first network of an experiment, and show it as a table.

    Args:
        evaluations: numbers of network evaluations. The largest one is measured with the full reverse process, as
            published, the others with DPM-Solver++.
        size: side of the image.

    Returns:
        Number of evaluations → seconds (the median of three; of one for the largest).
    """
    net = load_experiment(PACKAGE, setting_name)[0].load_net().to(own_device())
    if not isinstance(net, GaussianDiffusion):
        raise ValueError(f"the first network of {setting_name} is a {type(net).__name__}, no diffusion model")
    seconds = {}
    for count in sorted(evaluations):
        largest = count == max(evaluations)
        sampler = "ancestral" if largest else "dpm_solver"
        seconds[count] = time_of_sampling(net, sampler, count, size, repeats=1 if largest else REPEATS)
    table = Table(title=f"Sampling an image of {size} x {size} pixels on {next(net.parameters()).device}")
    for heading in ("network evaluations", "seconds", "share"):
        table.add_column(heading, justify="right")
    for count, value in seconds.items():
        table.add_row(str(count), f"{value:.3f}", f"1 / {max(seconds.values()) / value:.1f}")
    output(table)
    return seconds


def time_of_sampling(net: GaussianDiffusion, sampler: str, evaluations: int, size: int, repeats: int = 1) -> float:
    """Median time in seconds of sampling one image [1, 3, size, size] with a sampler by name.

    On a CPU it is processor time, which other programs do not disturb.
    """
    device = next(net.parameters()).device
    condition = torch.zeros(1, net.channels * net.n_frames, size, size, device=device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    net.sample_images(condition, sampler=sampler, steps=20)  # the first evaluations also pay for memory and kernels
    times = []
    for _ in range(repeats):
        start = clock()
        net.sample_images(condition, sampler=sampler, steps=evaluations).sum().item()  # waits for the device
        times.append(clock() - start)
    return statistics.median(times)
