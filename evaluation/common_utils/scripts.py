"""What the scripts of every benchmark hold: functions of an experiment that are commands as well."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from evaluation.common_utils import command_line
from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.scores import Scores

Arguments = Mapping[str, Mapping[str, Any]]


class BenchmarkScript:
    """A function of an experiment's name, what the benchmark takes, and options; as a command: `run()`.

    The first line of a script class's docstring is the help of the command.

    Args:
        package: of the benchmark, e.g. `evaluation.burst_denoise`.
        make: makes the benchmark, or several, e.g. one for each noise level.
        arguments: its arguments on the command line → keywords of `argparse.ArgumentParser.add_argument`.
    """

    options: ClassVar[Arguments] = {}  # what every script of the kind takes on the command line

    def __init__(
        self,
        package: str,
        make: Callable[..., Benchmark | Sequence[Benchmark]],
        arguments: Arguments | None = None,
    ) -> None:
        self.package, self._make, self._arguments = package, make, arguments or {}

    def benchmarks(self, chosen: Sequence[Any], options: dict[str, Any]) -> list[Benchmark]:
        """Those of the arguments ``chosen`` by place, and by name in ``options``, from which they are taken out."""
        own = {name: options.pop(name) for name in inspect.signature(self._make).parameters if name in options}
        made = self._make(*chosen, **own)
        return [made] if isinstance(made, Benchmark) else list(made)

    def run(self) -> None:
        """Does what the command line says, and ends the process."""
        command_line.run_script(self, self.package, {**self._arguments, **self.options})

    def __call__(self, setting_name: str, *chosen: Any, **options: Any) -> Any:
        raise NotImplementedError


class SaveResults(BenchmarkScript):
    """Save 16-bit predictions of the networks of an experiment."""

    def __call__(self, setting_name: str, *chosen: Any, **options: Any) -> list[SavedPredictions]:
        """Saves; ``chosen`` and ``options`` are arguments of the benchmark."""
        benchmarks = self.benchmarks(chosen, options)
        return command_line.save_results(self.package, setting_name, benchmarks, **options)


class ComputeScore(BenchmarkScript):
    """Score the networks of an experiment beside the training-free methods."""

    options = command_line.SCORE_ARGUMENTS

    def __call__(self, setting_name: str, load_saved: bool = False, *chosen: Any, **options: Any) -> list[Scores]:
        """Scores; ``chosen`` and some of ``options`` are arguments of the benchmark, the rest of `score_networks`."""
        benchmarks = self.benchmarks(chosen, options)
        return self.score(setting_name, benchmarks, load_saved=load_saved, **options)

    def score(self, setting_name: str, benchmarks: list[Benchmark], **options: Any) -> list[Scores]:
        """Scores on benchmarks that are made."""
        return command_line.compute_score(self.package, setting_name, benchmarks, **options)
