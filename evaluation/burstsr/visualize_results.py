"""Look at the results of an experiment: `visualize_results.py EXPERIMENT [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burstsr.benchmark import PACKAGE, burstsr_benchmark
from evaluation.common_utils import command_line, visualize


def visualize_results(setting_name: str, **options: visualize.Option) -> None:
    """Look at the results of an experiment beside training-free rows and ground truth; see docs/viewer.md."""
    visualize.visualize_results(PACKAGE, setting_name, [burstsr_benchmark()], **options)


if __name__ == "__main__":
    command_line.run_script(visualize_results, PACKAGE, visualize.VIEW_ARGUMENTS)
