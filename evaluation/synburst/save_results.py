"""Save the predictions of an experiment: `save_results.py EXPERIMENT [--data photos]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.synburst.benchmark import ARGUMENTS, PACKAGE, synburst_benchmark


def save_results(setting_name: str, data: str = "synburst") -> list[command_line.SavedPredictions]:
    """Save 16-bit predictions of the networks of an experiment."""
    return command_line.save_results(PACKAGE, setting_name, [synburst_benchmark(data)])


if __name__ == "__main__":
    command_line.run_script(save_results, PACKAGE, ARGUMENTS)
