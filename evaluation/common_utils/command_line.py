"""The command line that the scripts of all benchmarks share."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from admin import distributed
from admin.environment import env_settings
from evaluation.common_utils import engine
from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.experiments import experiment_names, load_experiment
from evaluation.common_utils.metrics import ms_ssim as ms_ssim_metric
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.report import terminal_table, write_files
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.scores import Scores
from utils.commands import run_command
from utils.host_memory import keep_freed_memory
from utils.log import configure_logging, output

logger = logging.getLogger(__name__)


def save_results(
    package: str, setting_name: str, benchmarks: Sequence[Benchmark], seed: int = 0
) -> list[SavedPredictions]:
    """Saves the predictions of an experiment's networks for some benchmarks.

    Args:
        package: of the benchmark, e.g. `evaluation.burst_denoise`.
        setting_name: the experiment.
        benchmarks: e.g. one per noise level.
        seed: of networks that draw noise.
    """
    return save_networks(load_experiment(package, setting_name), benchmarks, seed)


def save_networks(
    networks: Sequence[NetworkParam], benchmarks: Sequence[Benchmark], seed: int = 0
) -> list[SavedPredictions]:
    """Saves the predictions of networks for some benchmarks."""
    return [saved for benchmark in benchmarks for saved in engine.save_predictions(benchmark, networks, seed=seed)]


def compute_score(
    package: str,
    setting_name: str,
    benchmarks: Sequence[Benchmark],
    load_saved: bool = False,
    save: bool = False,
    ms_ssim: bool = False,
    half_precision: bool = False,
    seed: int = 0,
) -> list[Scores]:
    """Scores an experiment; the options are those of `score_networks`."""
    networks = load_experiment(package, setting_name)
    return score_networks(setting_name, networks, benchmarks, load_saved, save, ms_ssim, half_precision, seed)


def score_networks(
    setting_name: str,
    networks: Sequence[NetworkParam],
    benchmarks: Sequence[Benchmark],
    load_saved: bool = False,
    save: bool = False,
    ms_ssim: bool = False,
    half_precision: bool = False,
    seed: int = 0,
) -> list[Scores]:
    """Scores networks, shows the tables and writes them to `<save_data_path>/scores/<benchmark>/<setting_name>.*`.

    Args:
        load_saved: take saved predictions where there are any.
        save: store the predictions that had to be run.
        ms_ssim: add true multi-scale SSIM as a column.
        half_precision: run the networks in bfloat16; their predictions and tables have names of their own.

    Raises:
        ValueError: a benchmark has no ground truth.
    """
    for benchmark in benchmarks:
        if not benchmark.metrics:
            raise ValueError(f"{benchmark.title}: no ground truth, so nothing can be scored; save the results and look")
    if half_precision:
        networks = [replace(network, half_precision=True) for network in networks]
        setting_name = f"{setting_name}_bf16"
    if ms_ssim:
        benchmarks = [with_ms_ssim(benchmark) for benchmark in benchmarks]
    tables = []
    for benchmark in benchmarks:
        scores = engine.score(benchmark, networks, load_saved=load_saved, save=save, seed=seed)
        output(terminal_table(scores))
        if distributed.number() == 0:
            files = write_files(scores, score_files(benchmark, setting_name))
            logger.info("Written: %s", ", ".join(str(path) for path in files))
        tables.append(scores)
    return tables


def with_ms_ssim(benchmark: Benchmark) -> Benchmark:
    """The benchmark with one more column, measured as its leading metric is but on all pixels."""
    protocol = replace(benchmark.metrics[0].protocol, mask="all pixels")
    return replace(benchmark, metrics=(*benchmark.metrics, ms_ssim_metric(protocol)))


def score_files(benchmark: Benchmark, setting_name: str) -> Path:
    """Where the scores of an experiment belong, without the ending."""
    return Path(env_settings().save_data_path) / "scores" / benchmark.name / setting_name


def run_script(
    function: Callable[..., object],
    package: str,
    arguments: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Runs the importable entry point of a script with what stands on the command line, and ends the process.

    Started by ``torchrun``, several processes share the bursts.

    Args:
        function: takes `setting_name` and `arguments` by name; the first line of its docstring is the help.
        package: of the benchmark; its docstring, which says how is measured, ends the help.
        arguments: further arguments → keywords of `argparse.ArgumentParser.add_argument`.
    """
    configure_logging()
    parser = argparse.ArgumentParser(
        description=(function.__doc__ or "").splitlines()[0], epilog=importlib.import_module(package).__doc__
    )
    names = ", ".join(experiment_names(package))
    parser.add_argument("setting_name", metavar="experiment", help=f"one of: {names}")
    for name, keywords in (arguments or {}).items():
        parser.add_argument(name, **keywords)
    run_parsed(parser, function)


def run_parsed(
    parser: argparse.ArgumentParser, function: Callable[..., object], arguments: Sequence[str] | None = None
) -> NoReturn:
    """Calls a function with what stands on the command line (or ``arguments``), by name, and ends the process."""
    given = vars(parser.parse_args(arguments))

    def work() -> None:
        keep_freed_memory()
        distributed.join()
        function(**given)
        distributed.leave()

    sys.exit(run_command(work, logging.getLogger(parser.prog)))


# Arguments of every compute_score.py.
SCORE_ARGUMENTS: dict[str, dict[str, Any]] = {
    name: {"action": "store_true", "help": text}
    for name, text in {
        "--load_saved": "take saved predictions, run only the missing ones",
        "--save": "store the predictions that had to be run",
        "--half_precision": "run the networks in bfloat16 (about twice as fast with AVX512-BF16, AMX or a GPU)",
        "--ms_ssim": "add true multi-scale SSIM as a column (images of at least 176 pixels after cutting the border)",
    }.items()
}
