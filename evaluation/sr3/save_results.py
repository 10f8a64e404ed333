"""Save the predictions of an experiment: `save_results.py EXPERIMENT [--data SET] [--frames N ...] [--steps N]`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.sr3.benchmark import ARGUMENTS, PACKAGE, sr3_benchmarks


def save_results(
    setting_name: str,
    data: str = "photos",
    frames: Sequence[int] | None = None,
    sampler: str | None = None,
    steps: int | None = None,
) -> list[command_line.SavedPredictions]:
    """Save 16-bit predictions of the networks of an experiment."""
    return command_line.save_results(PACKAGE, setting_name, sr3_benchmarks(data, frames, sampler, steps))


if __name__ == "__main__":
    command_line.run_script(save_results, PACKAGE, ARGUMENTS)
