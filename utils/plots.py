"""Plots of measured curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from utils.atomic_write import write_bytes


class Curve(NamedTuple):
    """Values over ``x``, and for each the ends of its interval where they are known."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def write_line_plots(path: Path, panels: Mapping[str, Mapping[str, Curve]], x_label: str, title: str = "") -> None:
    """Writes panels side by side: label of the vertical axis → name in the legend → curve.

    The ending of ``path`` says the format (PNG, SVG, PDF). The file is complete or not there.
    """
    from matplotlib.figure import Figure  # a second to import, and only plots need it

    figure = Figure(figsize=(5.5 * len(panels), 4), layout="constrained")
    for axes, (y_label, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name, curve in curves.items():
            (line,) = axes.plot(curve.x, curve.y, marker="o", markersize=3, label=name)
            if curve.low is not None and curve.high is not None:
                axes.fill_between(curve.x, curve.low, curve.high, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(title, fontsize="medium")
    encoded = io.BytesIO()
    figure.savefig(encoded, format=path.suffix.lstrip("."), dpi=110)
    write_bytes(path, encoded.getvalue())
