"""Scores of single predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from evaluation.common_utils.benchmark import Benchmark, Compared, Item, Metric
from evaluation.common_utils.scores import BurstScore


class Measure:
    """All metrics of a benchmark; images are prepared once per protocol."""

    def __init__(self, benchmark: Benchmark, metrics: Sequence[Metric], device: torch.device) -> None:
        self._benchmark, self._device = benchmark, device
        self._metrics = {metric.key: (metric.protocol.name, metric.build(device)) for metric in metrics}
        protocols = {metric.protocol.name: metric.protocol for metric in metrics}
        self._prepare: dict[str, Callable[[Compared], Compared] | None] = {
            name: protocol.prepare(device) if protocol.prepare is not None else None
            for name, protocol in protocols.items()
        }

    def __call__(self, item: Item, prediction: torch.Tensor, network: str) -> BurstScore:
        """Scores a prediction [1, C, H, W].

        Raises:
            ValueError: no ground truth, or of another size; a metric that is not a number.
        """
        if item.ground_truth is None:
            raise ValueError(f"burst {item.name} of {self._benchmark.name} has no ground truth; it cannot be scored")
        if prediction.shape[1:] != item.ground_truth.shape:
            raise ValueError(
                f"{network}: prediction of shape {tuple(prediction.shape[1:])} for burst {item.name}, "
                f"the ground truth has {tuple(item.ground_truth.shape)}"
            )
        compared = Compared(prediction.to(self._device), item.ground_truth[None].to(self._device), item)
        with torch.no_grad():
            prepared = {name: make(compared) if make else compared for name, make in self._prepare.items()}
            measured = [torch.as_tensor(measure(prepared[name])) for name, measure in self._metrics.values()]
        # All are read at once: every reading waits for the GPU.
        numbers = torch.stack([value.double().to(self._device) for value in measured]).tolist()
        values = dict(zip(self._metrics, numbers, strict=True))
        undefined = [key for key, value in values.items() if value != value]
        if undefined:
            raise ValueError(f"{network}: {', '.join(undefined)} of burst {item.name} is not a number")
        return BurstScore(item.name, item.scene, values, self._groups(item.info), self._benchmark.properties_of(item))

    def _groups(self, info: Mapping[str, Any]) -> dict[str, str]:
        return {grouping.name: grouping.of(info) for grouping in self._benchmark.groupings}


def split_metrics(benchmark: Benchmark) -> tuple[list[Metric], dict[str, str]]:
    """The metrics that can be computed here, and for the others (by key) why not."""
    unavailable = {metric.key: why for metric in benchmark.metrics if (why := metric.why_unavailable()) is not None}
    return [metric for metric in benchmark.metrics if metric.key not in unavailable], unavailable
