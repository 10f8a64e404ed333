"""Save the predictions of an experiment: `save_results.py EXPERIMENT MODE NOISE_LEVEL`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, denoise_benchmarks
from evaluation.common_utils import command_line
from evaluation.common_utils.saved_predictions import SavedPredictions


def save_results(setting_name: str, noise_level: int | str = 2, mode: str = "grayscale") -> list[SavedPredictions]:
    """Save 16-bit predictions of the networks of an experiment."""
    return command_line.save_results("evaluation.burst_denoise", setting_name, denoise_benchmarks(mode, noise_level))


if __name__ == "__main__":
    command_line.run_script(save_results, "evaluation.burst_denoise", ARGUMENTS)
