"""One picture that shows a benchmark's results side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from admin.devices import own_device
from evaluation.common_utils.benchmark import Benchmark, Item
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor
from utils.image_io import write_image

Picture = NDArray[np.uint8]

_GAP = 4
_LABEL_HEIGHT = 18
_PAPER = 255
_SCALE = 2  # a pixel becomes a square of that side


def write_comparison(
    path: str | Path,
    benchmark: Benchmark,
    networks: Sequence[NetworkParam],
    *,
    seed: int = 0,
    device: torch.device | None = None,
) -> Path:
    """Writes a PNG with a row per scene: every network's prediction, then the ground truth, each with its name above.

    Shown is the first burst of a scene, without the border that the leading metric leaves out.

    Args:
        path: the PNG file.
        benchmark: bursts and how they are viewed.
        networks: columns, e.g. the reference frame, a training-free row and a trained network.
        seed: of networks that draw noise; the same as in scoring gives the same predictions.
        device: the GPU if there is one, else the CPU.

    Raises:
        ValueError: there are no bursts, or one has no ground truth.
    """
    device = device or own_device()
    border = benchmark.metrics[0].protocol.border
    predictors = [Predictor.load(benchmark, network, device, seed) for network in networks]
    rows = []
    for item in _one_of_each_scene(benchmark):
        if item.ground_truth is None:
            raise ValueError(f"burst {item.name} of {benchmark.name} has no ground truth to show")
        images = [benchmark.encoding.quantise(predictor(item))[0] for predictor in predictors]
        views = [_cut(benchmark.view(image, item.info), border) for image in [*images, item.ground_truth]]
        rows.append([np.kron(view, np.ones((_SCALE, _SCALE, 1), np.uint8)) for view in views])
    labels = [*(network.get_display_name() for network in networks), "ground truth"]
    write_image(path, compose(rows, labels))
    return Path(path)


def compose(rows: Sequence[Sequence[Picture]], labels: Sequence[str]) -> Picture:
    """A sheet of pictures, uint8 [H, W, 3] each, on white with a label above every column."""
    widths = [max(picture.shape[1] for picture in column) for column in zip(*rows, strict=True)]
    heights = [max(picture.shape[0] for picture in row) for row in rows]
    sheet = np.full(
        (_LABEL_HEIGHT + sum(heights) + _GAP * (len(rows) + 1), sum(widths) + _GAP * (len(widths) + 1), 3),
        _PAPER,
        np.uint8,
    )
    left = _GAP
    for column, (label, width) in enumerate(zip(labels, widths, strict=True)):
        _write(sheet, label, left, width)
        top = _LABEL_HEIGHT + _GAP
        for row, height in zip(rows, heights, strict=True):
            picture = row[column]
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
            top += height + _GAP
        left += width + _GAP
    return sheet


def _one_of_each_scene(benchmark: Benchmark) -> list[Item]:
    chosen: dict[str | None, Item] = {}
    for item in benchmark.items():
        chosen.setdefault(item.scene, item)
    return list(chosen.values())


def _cut(picture: Picture, border: int) -> Picture:
    return picture[border:-border, border:-border] if border else picture


def _write(sheet: Picture, label: str, left: int, width: int) -> None:
    """Writes a label above its column, smaller if it would not fit."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45
    (needed, _), _ = cv2.getTextSize(label, font, scale, 1)
    scale *= min(1.0, width / needed)
    cv2.putText(sheet, label, (left, _LABEL_HEIGHT - 4), font, scale, (0, 0, 0), 1, cv2.LINE_AA)
