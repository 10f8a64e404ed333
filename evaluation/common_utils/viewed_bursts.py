"""Makes what is looked at (`viewing.Viewing`) from benchmarks and networks, burst by burst."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import takewhile
from typing import Any

import numpy as np
import torch

from admin.devices import own_device
from evaluation.common_utils.benchmark import Benchmark, Item
from evaluation.common_utils.engine import display_names
from evaluation.common_utils.measure import Measure, split_metrics
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.prediction_source import PredictionSource
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.viewing import GROUND_TRUTH, Picture, Values, ViewedBurst, ViewedResult, Viewing

logger = logging.getLogger(__name__)


def view_benchmark(
    benchmark: Benchmark,
    networks: Sequence[NetworkParam],
    *,
    bursts: Sequence[str] | None = None,
    first: int | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    baselines: bool = True,
) -> Viewing:
    """The results of networks, and of the training-free rows before them.

    Saved predictions are taken where there are any; missing ones are made when a burst is looked at, and not saved.

    Args:
        benchmark: the bursts.
        networks: any number.
        bursts: names of the shown ones; all if None.
        first: only so many of them.
        seed: of networks that draw noise.
        device: the GPU if there is one, else the CPU.
        baselines: whether to show the training-free rows.

    Raises:
        FileNotFoundError: a network is not there.
        ValueError: nothing to show, an unknown burst, or two networks of one name.
    """
    networks = [*(benchmark.baselines if baselines else ()), *networks]
    if not networks:
        raise ValueError(f"{benchmark.title}: no networks to look at")
    shown = _BenchmarkBursts(benchmark, networks, bursts, first, seed, device or own_device())
    return Viewing(
        title=benchmark.title,
        labels=tuple(shown.labels),
        metrics=tuple(shown.metrics),
        full_scale=benchmark.encoding.full_scale,
        space=benchmark.encoding.space,
        border=benchmark.metrics[0].protocol.border if benchmark.metrics else 0,
        bursts=shown,
        pixels_compare=benchmark.pixels_compare,
    )


def join_viewings(names: Sequence[str], viewings: Sequence[Viewing]) -> Viewing:
    """Several benchmarks of the same networks as one, e.g. those of all noise levels.

    Args:
        names: of the benchmarks; what they do not share goes before the names of the bursts.
        viewings: one for each.

    Raises:
        ValueError: they show other networks, or values of another kind.
    """
    if len(viewings) == 1:
        return viewings[0]
    leading = viewings[0]
    for name, viewing in zip(names, viewings, strict=True):
        kinds = [(each.labels, each.full_scale, each.space, each.border) for each in (viewing, leading)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"{name} and {names[0]} cannot be shown together: {kinds[0]} and {kinds[1]}")
    parts = zip(*(viewing.title.split(", ") for viewing in viewings), strict=False)
    title = ", ".join(part[0] for part in takewhile(lambda part: len(set(part)) == 1, parts))
    shared = os.path.commonpath(names)
    prefixes = [os.path.relpath(name, shared) if shared else name for name in names]
    return replace(leading, title=title or leading.title, bursts=_Joined(prefixes, viewings))


class _BenchmarkBursts(Sequence[ViewedBurst]):
    def __init__(
        self,
        benchmark: Benchmark,
        networks: Sequence[NetworkParam],
        bursts: Sequence[str] | None,
        first: int | None,
        seed: int,
        device: torch.device,
    ) -> None:
        self.labels = display_names(networks)
        self._benchmark = benchmark
        self._sources = [_source(benchmark, network, device, seed) for network in networks]
        self._items = benchmark.items()
        self.metrics, self._measure = _measure(benchmark, device)
        self._chosen = chosen_bursts(benchmark, bursts, first)
        if not self._chosen:
            raise ValueError(f"{benchmark.title}: there are no bursts to look at")

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        item: Item = self._items[self._chosen[index]]
        results = [self._result(item, label, source) for label, source in zip(self.labels, self._sources, strict=True)]
        truth = item.ground_truth
        return ViewedBurst(
            name=item.name,
            scene=item.scene,
            results=tuple(results),
            ground_truth=None if truth is None else self._viewed(item, GROUND_TRUTH, truth),
            properties=self._benchmark.properties_of(item),
            meta={
                "burst": " × ".join(str(size) for size in item.burst.shape),
                **{grouping.name: grouping.of(item.info) for grouping in self._benchmark.groupings},
            },
        )

    def _result(self, item: Item, label: str, source: PredictionSource) -> ViewedResult:
        stored = self._benchmark.encoding.quantise(source(item))
        scores = self._measure(item, stored, label).values if self._measure and item.ground_truth is not None else {}
        return replace(self._viewed(item, label, stored[0]), metrics=scores)

    def _viewed(self, item: Item, label: str, image: torch.Tensor) -> ViewedResult:
        encoding = self._benchmark.encoding

        def values() -> Values:
            steps = (encoding.quantise(image)[0] * encoding.full_scale).round()
            return np.ascontiguousarray(steps.permute(1, 2, 0).numpy().astype(np.uint16))

        def picture() -> Picture:
            return np.asarray(self._benchmark.view(image, item.info), np.uint8)

        return ViewedResult(label, values, picture)


class _Joined(Sequence[ViewedBurst]):
    def __init__(self, prefixes: Sequence[str], viewings: Sequence[Viewing]) -> None:
        self._prefixes, self._viewings = prefixes, viewings

    def __len__(self) -> int:
        return sum(len(viewing.bursts) for viewing in self._viewings)

    def __getitem__(self, index: Any) -> Any:
        for prefix, viewing in zip(self._prefixes, self._viewings, strict=True):
            if 0 <= index < len(viewing.bursts):
                burst = viewing.bursts[index]
                return replace(burst, name=f"{prefix}/{burst.name}")
            index -= len(viewing.bursts)
        raise IndexError(f"there are only {len(self)} bursts")


def _source(benchmark: Benchmark, network: NetworkParam, device: torch.device, seed: int) -> PredictionSource:
    """Training-free rows cost little and are always made anew, as in scoring."""
    saved = SavedPredictions.of(benchmark, network.get_unique_name())
    return PredictionSource(benchmark, network, device, seed, None if network in benchmark.baselines else saved)


def _measure(benchmark: Benchmark, device: torch.device) -> tuple[Sequence[Any], Measure | None]:
    """The metrics that can be computed here; images can also be looked at without scores."""
    metrics, unavailable = split_metrics(benchmark)
    for key, why in unavailable.items():
        _say_once(f"{key} is not shown: {why}")
    if not metrics:
        return (), None
    try:
        return metrics, Measure(benchmark, metrics, device)
    except OSError as error:  # the weights that a protocol needs are not there
        logger.warning("%s is shown without scores: %s", benchmark.title, error)
        return (), None


@cache
def _say_once(text: str) -> None:
    """Several tables, e.g. one for each noise level, lack the same."""
    logger.info("%s", text)


def chosen_bursts(benchmark: Benchmark, names: Sequence[str] | None = None, first: int | None = None) -> list[int]:
    """The places of some bursts in a benchmark.

    Args:
        names: of the bursts, in the wanted order; all bursts if None.
        first: only so many of them.

    Raises:
        ValueError: there is no burst of such a name.
    """
    items = benchmark.items()
    if names is None:
        return list(range(len(items)))[:first]
    places: dict[str, int] = {}
    for place, item in enumerate(items):
        places[item.name] = place
        if all(name in places for name in names):
            break
    unknown = [name for name in names if name not in places]
    if unknown:
        raise ValueError(f"{benchmark.title} has no burst {', '.join(unknown)}; the first one is {next(iter(places))}")
    return [places[name] for name in names][:first]
