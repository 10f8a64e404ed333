"""Score an experiment: `compute_score.py EXPERIMENT MODE NOISE_LEVEL [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, PACKAGE, denoise_benchmarks
from evaluation.common_utils import command_line


def compute_score(
    setting_name: str, load_saved: bool = False, noise_level: int | str = 2, mode: str = "grayscale", **options: bool
) -> list[command_line.Scores]:
    """Score the networks of an experiment beside the training-free methods."""
    benchmarks = denoise_benchmarks(mode, noise_level)
    return command_line.compute_score(PACKAGE, setting_name, benchmarks, load_saved, **options)


if __name__ == "__main__":
    command_line.run_script(compute_score, PACKAGE, ARGUMENTS, command_line.SCORE_OPTIONS)
