"""Save the predictions of an experiment: `save_results.py EXPERIMENT MODE NOISE_LEVEL`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, PACKAGE, denoise_benchmarks
from evaluation.common_utils import command_line


def save_results(
    setting_name: str, noise_level: int | str = 2, mode: str = "grayscale"
) -> list[command_line.SavedPredictions]:
    """Save 16-bit predictions of the networks of an experiment."""
    return command_line.save_results(PACKAGE, setting_name, denoise_benchmarks(mode, noise_level))


if __name__ == "__main__":
    command_line.run_script(save_results, PACKAGE, ARGUMENTS)
