"""How far predicted motion is from the true one, for networks that align frames by flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from actors.offsets import offsets_at_size, true_offsets
from evaluation.common_utils.benchmark import Benchmark, Item
from evaluation.common_utils.engine import display_names
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor, available_device, seeded
from utils.plots import new_figure, write_figure
from utils.progress import track

_BINS = 6


class FlowErrors(NamedTuple):
    """One value for every frame but the reference.

    Attributes:
        motion: length of the true shift, mean over the frame, in pixels of the frames.
        error: mean endpoint error in the same pixels.
    """

    motion: np.ndarray
    error: np.ndarray


def flow_errors(
    benchmark: Benchmark,
    networks: Sequence[NetworkParam],
    *,
    bursts: int | None = None,
    device: torch.device | None = None,
) -> dict[str, FlowErrors]:
    """Measures the networks that predict offsets, on the bursts whose shifts are known.

    Args:
        benchmark: `info['shifts']` of its bursts are [T, 2] or [T, 2, H, W], (x, y) in pixels of the frames, with
            frame_i(p) = frame_0(p + shift_i).
        networks: those without flow, and those that stand for saved predictions, are left out.
        bursts: only the first so many.

    Returns:
        Display name → errors; empty where nothing can be measured.
    """
    device = device or available_device()
    items = benchmark.items()
    count = len(items) if bursts is None else min(bursts, len(items))
    found = {}
    for network, name in zip(networks, display_names(networks), strict=True):
        if network.predictions_only or network.burst_sz == 1:
            continue
        measured = _errors(benchmark, network, [items[index] for index in range(count)], name, device)
        if measured is not None:
            found[name] = measured
    return found


def plot_flow_errors(path: Path, errors: Mapping[str, FlowErrors], title: str = "") -> Path:
    """Writes the endpoint error of every frame against its true motion, with the mean of sixths of the frames.

    Raises:
        ValueError: there is nothing to plot.
    """
    if not errors:
        raise ValueError(f"{title}: no network predicts flow, or no burst knows its true motion")
    figure, (axes,) = new_figure(title=title)
    for name, (motion, error) in errors.items():
        order = [part for part in np.array_split(np.argsort(motion, kind="stable"), _BINS) if len(part)]
        points = axes.scatter(motion, error, s=6, alpha=0.25)
        colour = points.get_facecolor()[0][:3]
        means = [[values[part].mean() for part in order] for values in (motion, error)]
        axes.plot(*means, marker="o", markersize=4, color=colour, label=f"{name}, mean {error.mean():.3f} px")
    axes.set_xlabel("true shift (px of the frames)")
    axes.set_ylabel("endpoint error (px)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return write_figure(path, figure)


def endpoint_errors(offsets: torch.Tensor, shifts: torch.Tensor) -> FlowErrors:
    """Predicted offsets [N-1, 2, h, w] against true shifts [N, 2] or [N, 2, H, W]."""
    if shifts.ndim == 2:
        shifts = shifts[:, :, None, None].expand(-1, -1, *offsets.shape[-2:])
    truth = true_offsets({"shifts": shifts[None]}).to(offsets)
    error = (offsets_at_size(offsets, truth.shape[-2:]) - truth).norm(dim=1).mean(dim=(1, 2))
    return FlowErrors(truth.norm(dim=1).mean(dim=(1, 2)).cpu().numpy(), error.cpu().numpy())


def _errors(
    benchmark: Benchmark, network: NetworkParam, items: Sequence[Item], name: str, device: torch.device
) -> FlowErrors | None:
    with seeded(0, benchmark.name, "constructor", device):
        net = network.load_net()
    seen: list[Any] = []
    net.register_forward_hook(lambda module, inputs, output: seen.append(output))
    predictor = Predictor(benchmark, net, device, network.burst_sz)
    parts = []
    for item in track(items, f"{benchmark.title}: flow of {name}"):
        if "shifts" not in item.info:
            return None
        seen.clear()
        predictor(item)
        aux = seen[-1][1] if isinstance(seen[-1], tuple) else {}
        if not isinstance(aux, Mapping) or aux.get("offsets") is None:
            return None
        shown = item if network.burst_sz is None else benchmark.shorten(item, network.burst_sz)
        parts.append(endpoint_errors(aux["offsets"][0], shown.info["shifts"]))
    return FlowErrors(*(np.concatenate(column) for column in zip(*parts, strict=True)))
