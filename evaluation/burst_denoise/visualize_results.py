"""Look at the results of an experiment: `visualize_results.py EXPERIMENT MODE NOISE_LEVEL [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, PACKAGE, denoise_benchmarks
from evaluation.common_utils import command_line, visualize


def visualize_results(
    setting_name: str, noise_level: int | str = 2, mode: str = "grayscale", **options: visualize.Option
) -> None:
    """Look at the results of an experiment beside training-free rows and ground truth; see docs/viewer.md."""
    visualize.visualize_results(PACKAGE, setting_name, denoise_benchmarks(mode, noise_level), **options)


if __name__ == "__main__":
    command_line.run_script(visualize_results, PACKAGE, {**ARGUMENTS, **visualize.VIEW_ARGUMENTS})
