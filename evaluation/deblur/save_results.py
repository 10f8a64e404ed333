"""Save the predictions of an experiment: `save_results.py EXPERIMENT MODE FRAMES`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.deblur.benchmark import ARGUMENTS, PACKAGE, deblur_benchmarks


def save_results(
    setting_name: str, frames: int | str = "all", mode: str = "photos"
) -> list[command_line.SavedPredictions]:
    """Save 16-bit predictions of the networks of an experiment."""
    return command_line.save_results(PACKAGE, setting_name, deblur_benchmarks(mode, frames))


if __name__ == "__main__":
    command_line.run_script(save_results, PACKAGE, ARGUMENTS)
