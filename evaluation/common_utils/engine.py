"""Predict → 16-bit values → metrics → scores, for any benchmark and any networks.

Of several processes (``torchrun``) each works on every n-th burst; all have the same scores in the end.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import torch

from admin import distributed
from admin.devices import own_device
from evaluation.common_utils.benchmark import Benchmark, BenchmarkItems, Item
from evaluation.common_utils.measure import Measure, split_metrics
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import OwnBursts, of_all_processes
from evaluation.common_utils.prediction_source import PredictionSource
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.scores import Cost, Row, Scores, given_frames
from utils.progress import track

logger = logging.getLogger(__name__)


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
    device = device or own_device()
    display_names(networks)
    items = benchmark.items()
    saved = [SavedPredictions.of(benchmark, network.get_unique_name()) for network in networks]
    for network, predictions in zip(networks, saved, strict=True):
        if network.predictions_only:
            continue
        source = PredictionSource(benchmark, network, device, seed, None if overwrite else predictions)
        done: dict[str, None] = {}
        for item in _each_once(benchmark, items, network.get_display_name()):
            prediction = source(item)
            predictions.save(item.name, prediction, source.made_by[item.name])
            done[item.name] = None
        of_all_processes(benchmark.name, done)
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
    device = device or own_device()
    networks = [*(benchmark.baselines if baselines else ()), *networks]
    if not networks:
        raise ValueError(f"{benchmark.title}: no networks to score")
    names = display_names(networks)
    if not load_saved:
        for network in networks:
            network.find_weights()  # says now, and not after other rows have been run, what is missing
    items = benchmark.items()
    metrics, unavailable = split_metrics(benchmark)
    measure = Measure(benchmark, metrics, device)
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
    measure: Measure,
    device: torch.device,
    seed: int,
    load_saved: bool,
    save: bool,
) -> Row:
    training_free = network in benchmark.baselines
    saved = SavedPredictions.of(benchmark, network.get_unique_name())
    use_saved = (load_saved and not training_free) or network.predictions_only
    source = PredictionSource(benchmark, network, device, seed, saved if use_saved else None)
    if use_saved:
        source.report_missing([item.name for item in items])
    bursts = {}
    for item in _each_once(benchmark, items, name):
        prediction = source(item)
        if save and not training_free and item.name in source.was_run:
            saved.save(item.name, prediction, source.made_by[item.name])
        measured = measure(item, benchmark.encoding.quantise(prediction), name)
        bursts[item.name] = given_frames(measured, network.burst_sz)
    scores = tuple(of_all_processes(benchmark.name, bursts))
    cost = distributed.of_first(source.cost(items[0]) if distributed.number() == 0 else Cost())
    made_by = of_all_processes(benchmark.name, source.made_by)
    return Row(name, network.get_unique_name(), scores, cost, training_free, _named_once(made_by))


def _named_once(weights: Iterable[str | None]) -> str | None:
    """The different weights behind a row; None if any of them is not known."""
    different = list(dict.fromkeys(weights))
    return None if None in different else " and ".join(name for name in different if name is not None)


def _each_once(benchmark: Benchmark, items: BenchmarkItems, network: str) -> Iterator[Item]:
    """The bursts of this process, with the progress of the network.

    Raises:
        ValueError: a second burst of the same name, whose prediction would overwrite that of the first one.
    """
    seen: set[str] = set()
    for item in track(OwnBursts(items), f"{benchmark.title}: {network}"):
        if item.name in seen:
            raise ValueError(f"two bursts of {benchmark.name} are named {item.name!r}; give each its own name")
        seen.add(item.name)
        yield item
