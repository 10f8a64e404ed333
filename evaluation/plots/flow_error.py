"""How far predicted motion is from the true one, for networks that align frames by flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from actors.offsets import offsets_at_size, true_offsets
from admin.devices import own_device
from evaluation.common_utils.benchmark import Benchmark, Item
from evaluation.common_utils.engine import display_names
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor, seeded
from models.alignment.wrappers import AlignmentWrapper
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


class _FlowKnown(Exception):
    """Ends the forward pass of a network whose flow has been seen: what follows takes most of the time."""


def flow_errors(
    benchmark: Benchmark,
    networks: Sequence[NetworkParam],
    *,
    bursts: Sequence[int] | None = None,
    device: torch.device | None = None,
) -> dict[str, FlowErrors]:
    """Measures the networks that predict offsets, on the bursts whose shifts are known.

    Of networks with an `alignment_net` of their own only what stands before its end is run.

    Args:
        benchmark: `info['shifts']` of its bursts are [T, 2] or [T, 2, H, W], (x, y) in pixels of the frames, with
            frame_i(p) = frame_0(p + shift_i).
        networks: those without flow, and those that stand for saved predictions, are left out.
        bursts: places of the measured ones in the benchmark; all if None.

    Returns:
        Display name → errors; empty where nothing can be measured.
    """
    device = device or own_device()
    items = benchmark.items()
    measured_items = [items[index] for index in (range(len(items)) if bursts is None else bursts)]
    found = {}
    for network, name in zip(networks, display_names(networks), strict=True):
        if network.predictions_only or network.burst_sz == 1:
            continue
        measured = _errors(benchmark, network, measured_items, name, device)
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
    seen = _watched_flow(net)
    predictor = Predictor(benchmark, net, device, network.burst_sz)
    parts = []
    for item in track(items, f"{benchmark.title}: flow of {name}"):
        if "shifts" not in item.info:
            return None
        seen.clear()
        with suppress(_FlowKnown):
            predictor(item)
        if not seen:
            return None
        shown = item if network.burst_sz is None else benchmark.shorten(item, network.burst_sz)
        parts.append(endpoint_errors(seen[-1][0], shown.info["shifts"]))
    return FlowErrors(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else None


def _watched_flow(net: nn.Module) -> list[torch.Tensor]:
    """Gets the offsets [1, N-1, 2, h, w] of every burst that the network is run on, where it has any."""
    seen: list[torch.Tensor] = []

    def note_and_stop(module: nn.Module, inputs: object, output: tuple[torch.Tensor, object]) -> None:
        seen.append(output[0])
        raise _FlowKnown

    def note(module: nn.Module, inputs: object, output: object) -> None:
        aux = output[1] if isinstance(output, tuple) else {}
        if isinstance(aux, Mapping) and aux.get("offsets") is not None:
            seen.append(aux["offsets"])

    alignment = getattr(net, "alignment_net", None)
    if isinstance(alignment, AlignmentWrapper):
        alignment.register_forward_hook(note_and_stop)
    else:
        net.register_forward_hook(note)
    return seen
