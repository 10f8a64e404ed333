"""Plots of measured curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from utils.atomic_write import write_bytes


class Curve(NamedTuple):
    """Values over ``x``, and for each the ends of its interval where they are known."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def new_figure(panels: int = 1, title: str = "") -> tuple[Any, list[Any]]:
    """A matplotlib figure with panels side by side, and the axes of each."""
    from matplotlib.figure import Figure  # a second to import, and only plots need it

    figure = Figure(figsize=(5.5 * panels, 4), layout="constrained")
    figure.suptitle(title, fontsize="medium")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def write_figure(path: Path, figure: Any) -> Path:
    """Writes a figure; the ending of ``path`` says the format (PNG, SVG, PDF). It is complete or not there."""
    encoded = io.BytesIO()
    figure.savefig(encoded, format=path.suffix.lstrip("."), dpi=110)
    write_bytes(path, encoded.getvalue())
    return path


def write_line_plots(
    path: Path,
    panels: Mapping[str, Mapping[str, Curve]],
    x_label: str,
    title: str = "",
    whole_numbers: bool = True,
) -> Path:
    """Writes panels side by side: label of the vertical axis → name in the legend → curve.

    Args:
        path: see :func:`write_figure`.
        whole_numbers: whether the horizontal axis counts something.
    """
    figure, all_axes = new_figure(len(panels), title)
    for axes, (y_label, curves) in zip(all_axes, panels.items(), strict=True):
        for name, curve in curves.items():
            (line,) = axes.plot(curve.x, curve.y, marker="o" if len(curve.x) < 50 else None, markersize=3, label=name)
            if curve.low is not None and curve.high is not None:
                axes.fill_between(curve.x, curve.low, curve.high, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if whole_numbers:
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    return write_figure(path, figure)
