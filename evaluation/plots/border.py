"""How much worse results are near the border, where frames of a burst show less of the scene."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evaluation.common_utils.viewing import Picture, ViewedBurst
from utils.plots import Curve, write_line_plots

RINGS = (0, 2, 4, 8, 16, 32, 64, 128)
"""First distance to the border of every ring, in pixels; the last one reaches to the centre."""


class BorderErrors:
    """Squared errors of displayed pictures by their distance to the border, summed over bursts."""

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}
        self._counts: dict[str, np.ndarray] = {}

    def add(self, burst: ViewedBurst) -> None:
        """Measures a burst; without ground truth there is nothing to measure."""
        if burst.ground_truth is None:
            return
        truth = burst.ground_truth.picture()
        ring = _ring_of_pixels(*truth.shape[:2])
        for result in burst.results:
            error = _squared_error(result.picture(), truth)
            sums = np.bincount(ring.ravel(), error.ravel(), minlength=len(RINGS))
            counts = np.bincount(ring.ravel(), minlength=len(RINGS))
            self._sums[result.label] = self._sums.get(result.label, 0) + sums
            self._counts[result.label] = self._counts.get(result.label, 0) + counts

    def psnr(self) -> Mapping[str, list[tuple[int, float]]]:
        """Network → for every ring that the images have, its first distance and the PSNR of its pixels in dB."""
        found = {}
        for label, sums in self._sums.items():
            counts = self._counts[label]
            there = [(start, sums[i] / counts[i]) for i, start in enumerate(RINGS) if counts[i]]
            found[label] = [(start, -10 * np.log10(error) if error > 0 else np.inf) for start, error in there]
        return found

    def plot(self, path: Path, title: str = "") -> Path:
        """Writes PSNR against the distance to the border, a curve for each network.

        Raises:
            ValueError: nothing was measured.
        """
        measured = self.psnr()
        if not measured:
            raise ValueError(f"{title}: without ground truth nothing can be said about the border")
        curves = {
            label: Curve(*(list(column) for column in zip(*points, strict=True))) for label, points in measured.items()
        }
        return write_line_plots(path, {"PSNR of displayed pictures (dB)": curves}, "pixels to the border, from", title)


def _ring_of_pixels(height: int, width: int) -> np.ndarray:
    rows, columns = np.arange(height), np.arange(width)
    rows, columns = np.minimum(rows, rows[::-1]), np.minimum(columns, columns[::-1])
    return np.searchsorted(RINGS, np.minimum(rows[:, None], columns[None]), side="right") - 1


def _squared_error(picture: Picture, truth: Picture) -> np.ndarray:
    """Mean over the colours, of values in 0..1."""
    error: np.ndarray = np.square((picture.astype(np.float64) - truth) / 255).mean(axis=2)
    return error
