"""A benchmark in one file: `run_benchmark(BENCHMARK)` at its end makes it a command that saves, scores and shows.

    python -m evaluation.my_benchmark score own/denoiser
    python -m evaluation.my_benchmark view own/denoiser deeprep_quickstart.safetensors --html page

No scripts and no experiment files are needed: networks are named on the command line.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.command_line import SCORE_ARGUMENTS, run_parsed, save_networks, score_networks
from evaluation.common_utils.network_param import NetworkParam, find_network_file
from evaluation.common_utils.visualize import VIEW_ARGUMENTS, view_networks
from utils.log import configure_logging


def run_benchmark(*benchmarks: Benchmark, arguments: Sequence[str] | None = None) -> NoReturn:
    """Does what the command line says with networks that it names, and ends the process.

    Args:
        benchmarks: one, or e.g. one for each noise level.
        arguments: instead of those of the process.

    Raises:
        ValueError: there is no benchmark.
    """
    if not benchmarks:
        raise ValueError("run_benchmark needs at least one benchmark")
    configure_logging()
    parser = argparse.ArgumentParser(description=", ".join(benchmark.title for benchmark in benchmarks))
    commands = parser.add_subparsers(dest="command", metavar="{score,save,view}", required=True)
    for name, text in (
        ("score", "score networks beside the training-free methods"),
        ("save", "save 16-bit predictions of networks"),
        ("view", "look at results; see docs/viewer.md"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        some = "+" if name == "save" else "*"
        command.add_argument(
            "run", nargs=some, help="MODULE/PARAM of a training, or the name or path of a network file"
        )
        for option, keywords in {"score": SCORE_ARGUMENTS, "view": VIEW_ARGUMENTS}.get(name, {}).items():
            command.add_argument(option, **keywords)

    def do(command: str, run: Sequence[str], **options: Any) -> None:
        networks = networks_of(run)
        if command == "save":
            save_networks(networks, benchmarks)
        elif command == "score":
            setting_name = "+".join(network.get_unique_name() for network in networks) or "training_free"
            score_networks(setting_name, networks, benchmarks, **options)
        else:
            view_networks(networks, benchmarks, **options)

    run_parsed(parser, do, arguments)


def networks_of(run: Sequence[str]) -> list[NetworkParam]:
    """A network for every text; files of the same name are told apart by the names of their folders.

    Raises:
        FileNotFoundError: as :func:`network_of`.
    """
    networks = [network_of(text) for text in run]
    files = {Path(network.network_path) for network in networks if network.network_path is not None}
    return [_told_apart(network, files) for network in networks]


def _told_apart(network: NetworkParam, files: Collection[Path]) -> NetworkParam:
    """The network, named by as many folders above its file as no other file of that name shares."""
    if network.network_path is None:
        return network
    parts = Path(network.network_path).with_suffix("").parts
    others = [file.with_suffix("").parts for file in files if file != Path(network.network_path)]
    count = next(count for count in range(1, len(parts) + 1) if parts[-count:] not in [o[-count:] for o in others])
    return replace(network, unique_name="_".join(parts[-count:]).strip("/\\"))


def network_of(run: str) -> NetworkParam:
    """The network of a file, as it is named or as `evaluation.common_utils.network_param` finds it, or of a training.

    Raises:
        FileNotFoundError: there is no such file; names the places that were looked at.
    """
    path = Path(run)
    if path.is_file():
        return NetworkParam(network_path=path.resolve(), unique_name=path.stem)
    module, _, parameter = run.partition("/")
    if module and parameter.isidentifier():
        return NetworkParam(module, parameter)
    return NetworkParam(network_path=find_network_file(run), unique_name=path.stem)
