"""Bursts to look at, of random pixels and made-up scores."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evaluation.common_utils.benchmark import NOISE_LEVEL
from evaluation.common_utils.metrics import linear_protocol, psnr, ssim
from evaluation.common_utils.viewing import GROUND_TRUTH, ViewedBurst, ViewedResult, Viewing

LABELS = ("first frame", "mean", "network A", "network B", "network <b>C</b>", "network D")
FULL_SCALE = 2**14


def viewed(label: str, key: int, size: tuple[int, int] = (30, 40), channels: int = 3, **metrics: float) -> ViewedResult:
    """A result whose pixels depend on `key` alone; its picture is no function of its values."""
    generator = np.random.default_rng(key)
    values = generator.integers(0, FULL_SCALE + 1, (*size, channels), dtype=np.uint16)
    values.flat[:2] = 0, FULL_SCALE
    picture = generator.integers(0, 256, (*size, channels), dtype=np.uint8)
    picture = np.broadcast_to(picture, (*size, 3)).copy()
    return ViewedResult(label, lambda: values, lambda: picture, metrics)


def burst(
    number: int, score: Callable[[int, int], float] = lambda burst, network: 20 + burst + network, **changes: Any
) -> ViewedBurst:
    """Burst `b<number>`; `score(burst, network)` gives its PSNR."""
    results = tuple(
        viewed(label, 100 * number + index, psnr=score(number, index), ssim=0.5 + 0.01 * index)
        for index, label in enumerate(LABELS)
    )
    fields: dict[str, Any] = {
        "name": f"b{number}",
        "scene": f"scene {number % 2}",
        "results": results,
        "ground_truth": viewed(GROUND_TRUTH, 100 * number + 99),
        "properties": {NOISE_LEVEL: float(number % 3)},
        "meta": {"camera": "made up"},
    }
    return ViewedBurst(**fields | changes)


def viewing(bursts: Sequence[ViewedBurst], **changes: Any) -> Viewing:
    """What a page shows."""
    protocol = linear_protocol(4)
    fields: dict[str, Any] = {
        "title": "Fabricated bursts",
        "labels": LABELS,
        "metrics": (psnr(protocol), ssim(protocol)),
        "full_scale": FULL_SCALE,
        "space": "linear",
        "border": 4,
        "bursts": bursts,
    }
    return Viewing(**fields | changes)
