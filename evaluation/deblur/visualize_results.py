"""Look at the results of an experiment: `visualize_results.py EXPERIMENT MODE FRAMES [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line, visualize
from evaluation.deblur.benchmark import ARGUMENTS, PACKAGE, deblur_benchmarks


def visualize_results(
    setting_name: str, frames: int | str = "all", mode: str = "photos", **options: visualize.Option
) -> None:
    """Look at the results of an experiment beside training-free rows and ground truth; see docs/viewer.md."""
    visualize.visualize_results(PACKAGE, setting_name, deblur_benchmarks(mode, frames), **options)


if __name__ == "__main__":
    command_line.run_script(visualize_results, PACKAGE, {**ARGUMENTS, **visualize.VIEW_ARGUMENTS})
