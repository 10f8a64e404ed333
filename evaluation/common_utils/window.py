"""Shows results in the OpenCV window, or writes what the window would show."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation.common_utils.viewing import ViewedBurst, ViewedResult, Viewing
from models.loss.image_quality_v2 import PSNR
from utils.image_io import write_image
from utils.opencv_plotting import BurstSRVis, open_window
from utils.progress import track
from utils.viewer import drawing
from utils.viewer.saving import file_name
from utils.viewer.viewer import Metric, Viewer

logger = logging.getLogger(__name__)

_KEPT = 4  # bursts that need not be restored again when one goes back


def show_in_window(viewing: Viewing, save_folder: Path) -> None:
    """Burst after burst: n next, b the one before, y save and next, q end; see docs/viewer.md.

    Args:
        viewing: what is shown.
        save_folder: for keys p and y.

    Raises:
        utils.opencv_plotting.NoDisplay: no window can be opened.
    """
    open_window()
    window = BurstSRVis(boundary_ignore=viewing.border, save_results_path=save_folder)
    recent: dict[int, ViewedBurst] = {}
    index = 0
    while 0 <= index < len(viewing.bursts):
        if index not in recent:
            recent[index] = viewing.bursts[index]
            recent = dict(list(recent.items())[-_KEPT:])
        logger.info("Burst %d of %d: %s", index + 1, len(viewing.bursts), recent[index].name)
        window.metric = _metric(viewing, recent[index])
        answer = window.plot(panel_data(viewing, recent[index]))
        if answer == "stop":
            return
        if answer == "save":
            window.key("p")
        index = max(index - 1, 0) if answer == "back" else index + 1


def write_panels(viewing: Viewing, folder: Path) -> list[Path]:
    """Writes what the window shows of every burst as `<folder>/<burst>.png`; needs no display."""
    viewer = Viewer(boundary_ignore=viewing.border)
    written = []
    for burst in track(viewing.bursts, f"{viewing.title}: panels"):
        viewer.metric = _metric(viewing, burst)
        viewer.show(panel_data(viewing, burst))
        path = folder / f"{file_name(burst.name)}.png"
        write_image(path, np.ascontiguousarray(drawing.screen(viewer)[:, :, ::-1]))
        written.append(path)
    logger.info("Written: %d pictures in %s", len(written), folder)
    return written


def panel_data(viewing: Viewing, burst: ViewedBurst) -> dict[str, Any]:
    """A burst as `Viewer.show` takes it; the first title starts with the burst's name, under which images are saved."""
    titles = [image.label for image in burst.images]
    titles[0] = f"{burst.name}, {titles[0]}"
    return {
        "images": [image.picture()[:, :, ::-1] for image in burst.images],
        "titles": titles,
        "captions": [_caption(viewing, image) for image in burst.images],
    }


def _caption(viewing: Viewing, image: ViewedResult) -> str:
    """The scores of the whole image by the protocol of the benchmark."""
    shown = [metric for metric in viewing.metrics if metric.key in image.metrics]
    return "   ".join(f"{metric.label} {image.metrics[metric.key]:.{metric.decimals}f}" for metric in shown)


def _metric(viewing: Viewing, burst: ViewedBurst) -> Metric | None:
    return _picture_psnr if viewing.pixels_compare and burst.ground_truth is not None else None


def _picture_psnr(image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """PSNR of what is displayed, 8 bits: of the region in the zoom pane, else of the whole image."""
    return PSNR().per_image(image, truth)[0]
