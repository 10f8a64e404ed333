"""Experiments by name: `evaluation/<package>/experiments/<name>.py`, where `main()` gives a list of `NetworkParam`."""

from __future__ import annotations

import importlib
import pkgutil

from evaluation.common_utils.network_param import NetworkParam
from utils.suggestions import unknown_name_message


class UnknownExperiment(ValueError):
    """There is no experiment of that name; offers the nearest ones."""


def experiment_names(package: str) -> list[str]:
    """The experiments of a benchmark's package, e.g. `evaluation.burst_denoise`."""
    experiments = importlib.import_module(f"{package}.experiments")
    return sorted(module.name for module in pkgutil.iter_modules(experiments.__path__))


def load_experiment(package: str, name: str) -> list[NetworkParam]:
    """The networks of an experiment.

    Raises:
        UnknownExperiment: there is no such file.
        ValueError: its `main` gives no networks.
    """
    names = experiment_names(package)
    if name not in names:
        raise UnknownExperiment(unknown_name_message(f"experiment of {package}", name, names))
    module = importlib.import_module(f"{package}.experiments.{name}")
    networks = list(module.main())
    if not networks or not all(isinstance(network, NetworkParam) for network in networks):
        raise ValueError(f"{module.__file__}: main() must return a list of NetworkParam, got {networks!r}")
    return networks
