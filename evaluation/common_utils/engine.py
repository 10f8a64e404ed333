"""Predict → 16-bit values → metrics → scores, for any benchmark and any networks."""

from __future__ import annotations

import logging
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from evaluation.common_utils.benchmark import Benchmark, BenchmarkItems, Compared, Item, Metric
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor, available_device
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.scores import BurstScore, Cost, Row, Scores
from utils.progress import track

logger = logging.getLogger(__name__)

_TIMED_CALLS = 3  # of a network whose predictions were saved; the first call does not count


def save_predictions(
    benchmark: Benchmark,
    networks: Sequence[NetworkParam],
    *,
    seed: int = 0,
    device: torch.device | None = None,
    overwrite: bool = True,
) -> list[SavedPredictions]:
    """Run the networks over all bursts and store what they predict.

    Args:
        benchmark: the bursts.
        networks: those that stand for saved predictions only are left alone.
        seed: of networks that draw noise.
        device: the GPU if there is one, else the CPU.
        overwrite: also run bursts that have a prediction already.

    Returns:
        For every network, where its predictions lie.
    """
    device = device or available_device()
    display_names(networks)
    items = benchmark.items()
    saved = [SavedPredictions.of(benchmark, network.get_unique_name()) for network in networks]
    for network, predictions in zip(networks, saved, strict=True):
        if network.predictions_only:
            continue
        source = _Source(benchmark, network, device, seed, None if overwrite else predictions)
        for item in track(items, f"{benchmark.title}: {network.get_display_name()}"):
            predictions.save(item.name, source(item))
        logger.info("Saved %d predictions of %s in %s", len(items), network.get_display_name(), predictions.folder)
    return saved


def score(
    benchmark: Benchmark,
    networks: Sequence[NetworkParam],
    *,
    load_saved: bool = False,
    save: bool = False,
    seed: int = 0,
    device: torch.device | None = None,
    baselines: bool = True,
) -> Scores:
    """Score the training-free rows of the benchmark, then the networks.

    Args:
        benchmark: what is measured.
        networks: rows after the training-free ones.
        load_saved: take saved predictions where there are any and run only the missing ones. The scores are the same.
        save: store the predictions that had to be run.
        seed: of networks that draw noise.
        device: the GPU if there is one, else the CPU.
        baselines: whether to show the training-free rows.

    Raises:
        FileNotFoundError: a network, or predictions of a network that stands for saved ones only, are not there.
        ValueError: two rows of one name; a prediction that is not finite or has another size than the ground truth.
    """
    device = device or available_device()
    networks = [*(benchmark.baselines if baselines else ()), *networks]
    if not networks:
        raise ValueError(f"{benchmark.title}: no networks to score")
    names = display_names(networks)
    if not load_saved:
        for network in networks:
            network.find_weights()  # says now, and not after other rows have been run, what is missing
    items = benchmark.items()
    if not len(items):
        raise ValueError(f"{benchmark.title}: the data set holds no bursts")
    unavailable = {metric.key: why for metric in benchmark.metrics if (why := metric.why_unavailable()) is not None}
    measure = _Measure(benchmark, [metric for metric in benchmark.metrics if metric.key not in unavailable], device)
    rows = [
        _score_row(benchmark, network, name, items, measure, device, seed, load_saved, save)
        for network, name in zip(networks, names, strict=True)
    ]
    run = {"seed": seed, "device": device_name(device), "first_burst": list(items[0].burst.shape)}
    return Scores(benchmark, tuple(rows), unavailable, run)


def display_names(networks: Sequence[NetworkParam]) -> list[str]:
    """A different name for every network: the display name, with the unique name where two display names are the same.

    Raises:
        ValueError: two networks have the same unique name, so one would overwrite the predictions of the other.
    """
    unique = Counter(network.get_unique_name() for network in networks)
    twice = [name for name, count in unique.items() if count > 1]
    if twice:
        raise ValueError(f"two networks have the unique name {twice[0]!r}; give each its own unique_name")
    shown = Counter(network.get_display_name() for network in networks)
    return [
        name if shown[name := network.get_display_name()] == 1 else f"{name} ({network.get_unique_name()})"
        for network in networks
    ]


def device_name(device: torch.device) -> str:
    """In words, where the networks ran."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"


def _score_row(
    benchmark: Benchmark,
    network: NetworkParam,
    name: str,
    items: BenchmarkItems,
    measure: _Measure,
    device: torch.device,
    seed: int,
    load_saved: bool,
    save: bool,
) -> Row:
    training_free = network in benchmark.baselines
    saved = SavedPredictions.of(benchmark, network.get_unique_name())
    use_saved = (load_saved and not training_free) or network.predictions_only
    source = _Source(benchmark, network, device, seed, saved if use_saved else None)
    if use_saved:
        source.report_missing([item.name for item in items])
    bursts = []
    for item in track(items, f"{benchmark.title}: {name}"):
        prediction = source(item)
        if save and not training_free and item.name in source.was_run:
            saved.save(item.name, prediction)
        bursts.append(measure(item, benchmark.encoding.quantise(prediction), name))
    return Row(name, network.get_unique_name(), tuple(bursts), source.cost(items[0]), training_free)


class _Source:
    """Where the predictions of one network come from: its files, or the network, which is loaded when first needed."""

    def __init__(
        self,
        benchmark: Benchmark,
        network: NetworkParam,
        device: torch.device,
        seed: int,
        saved: SavedPredictions | None,
    ) -> None:
        self._benchmark, self._network, self._device, self._seed, self._saved = benchmark, network, device, seed, saved
        self._predictor: Predictor | None = None
        self._asked_for: set[str] = set()
        self.was_run: set[str] = set()

    def report_missing(self, burst_names: Sequence[str]) -> None:
        """Say which predictions are not there and will be run.

        Raises:
            FileNotFoundError: there is no network that could make them.
        """
        assert self._saved is not None
        missing = self._saved.missing(burst_names)
        if not missing:
            return
        listed = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        name = self._network.get_display_name()
        text = f"{len(missing)} of {len(burst_names)} predictions of {name} are not in {self._saved.folder}"
        if self._network.predictions_only:
            raise FileNotFoundError(f"{text} ({listed}), and NetworkParam names no network that could make them")
        logger.info("%s (%s); running only these", text, listed)

    def __call__(self, item: Item) -> torch.Tensor:
        """The prediction [1, C, H, W], from the file if there is one.

        Raises:
            ValueError: a second burst of the same name, whose prediction would overwrite that of the first one.
        """
        if item.name in self._asked_for:
            raise ValueError(f"two bursts of {self._benchmark.name} are named {item.name!r}; give each its own name")
        self._asked_for.add(item.name)
        if self._saved is not None and self._saved.path(item.name).is_file():
            return self._loaded(self._saved, item)
        if self._predictor is None:
            self._predictor = Predictor.load(self._benchmark, self._network, self._device, self._seed)
        self.was_run.add(item.name)
        prediction = self._predictor(item)
        if not bool(torch.isfinite(prediction).all()):
            raise ValueError(
                f"{self._network.get_display_name()} predicts values that are not finite for burst {item.name}"
            )
        return prediction

    def _loaded(self, saved: SavedPredictions, item: Item) -> torch.Tensor:
        prediction = saved.load(item.name)
        if item.ground_truth is not None and prediction.shape[1:] != item.ground_truth.shape:
            raise ValueError(
                f"{self._network.get_display_name()}: prediction of shape {tuple(prediction.shape[1:])} for burst "
                f"{item.name}, the ground truth has {tuple(item.ground_truth.shape)}; delete "
                f"{saved.path(item.name)} and it is made again"
            )
        return prediction

    def cost(self, item: Item) -> Cost:
        """Parameters, FLOPs of `item` and the median time of a call; unknown if there is no network at hand.

        With saved predictions the network is run on this one burst only.
        """
        if self._predictor is None:
            if not self._network.is_at_hand():
                return Cost()
            self._predictor = Predictor.load(self._benchmark, self._network, self._device, self._seed)
            for _ in range(_TIMED_CALLS):
                self._predictor(item)
        # The first call also pays for memory and kernels that later ones find ready.
        seconds = self._predictor.seconds[1:] or self._predictor.seconds
        return Cost(self._predictor.parameters(), self._predictor.flops(item), 1e3 * statistics.median(seconds))


class _Measure:
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
        return BurstScore(item.name, item.scene, values, self._groups(item.info))

    def _groups(self, info: Mapping[str, Any]) -> dict[str, str]:
        return {grouping.name: grouping.of(info) for grouping in self._benchmark.groupings}
