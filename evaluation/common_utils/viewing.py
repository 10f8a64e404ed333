"""What is looked at: bursts, the results of several networks for each, and their scores.

The window (`evaluation.common_utils.window`) and the web page (`evaluation.html_report`) both show a `Viewing`; neither
knows benchmarks, networks or files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evaluation.common_utils.benchmark import NOISE_LEVEL, Metric

Values = NDArray[np.uint16]
Picture = NDArray[np.uint8]

GROUND_TRUTH = "ground truth"


@dataclass(frozen=True)
class ViewedResult:
    """One image of a burst. Both forms are made when they are called for, and not kept.

    Attributes:
        label: who made it, the display name of a network; `GROUND_TRUTH`.
        values: uint16 [H, W, 1 or 3] in RGB order, whole steps of `1 / Viewing.full_scale` in `Viewing.space`.
        picture: uint8 [H, W, 3] RGB as displayed, of the same height and width.
        metrics: key of a metric → score of this burst; may be infinite; empty for the ground truth and without one.
    """

    label: str
    values: Callable[[], Values]
    picture: Callable[[], Picture]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewedBurst:
    """One burst with everything that was made of it.

    Attributes:
        name: different for every burst of a `Viewing`; may hold folders (`clip/frame`).
        scene: bursts of the same scene share it.
        results: in the order of `Viewing.labels`.
        ground_truth: None where nobody knows it.
        properties: what is known about the burst in numbers, e.g. `NOISE_LEVEL`, `motion (px)`.
        meta: further facts, in words.
    """

    name: str
    scene: str | None
    results: tuple[ViewedResult, ...]
    ground_truth: ViewedResult | None = None
    properties: Mapping[str, float] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def noise_level(self) -> float | None:
        """How noisy the burst is, in the unit of its benchmark; None where that is not known."""
        return self.properties.get(NOISE_LEVEL)

    @property
    def images(self) -> tuple[ViewedResult, ...]:
        """The ground truth, where there is one, then the results."""
        return self.results if self.ground_truth is None else (self.ground_truth, *self.results)

    def image(self, label: str) -> ViewedResult:
        """The result of that label, or the ground truth.

        Raises:
            KeyError: there is none.
        """
        for image in self.images:
            if image.label == label:
                return image
        raise KeyError(f"burst {self.name} has no result {label!r}; it has {', '.join(i.label for i in self.images)}")


@dataclass(frozen=True)
class Viewing:
    """Everything that a viewer has to know.

    Attributes:
        title: heading.
        labels: of the results, training-free rows first; without the ground truth.
        metrics: those that every result has a score of, the leading one first; with label, direction and decimals.
        full_scale: the number of `ViewedResult.values` that stands for 1.0.
        space: in words, what the values are.
        border: pixels at each side that the metrics leave out.
        bursts: made one by one when they are asked for, which may run networks; not kept.
        pixels_compare: whether result and ground truth show the same thing in the same place and the same colours, so
            that differences of pixels mean something. Not so for BurstSR, which is aligned before it is scored.
    """

    title: str
    labels: tuple[str, ...]
    metrics: tuple[Metric, ...]
    full_scale: int
    space: str
    border: int
    bursts: Sequence[ViewedBurst]
    pixels_compare: bool = True
