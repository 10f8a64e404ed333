"""Score an experiment: `compute_score.py EXPERIMENT [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burstsr.benchmark import PACKAGE, burstsr_benchmark
from evaluation.common_utils import command_line


def compute_score(setting_name: str, load_saved: bool = False, **options: bool) -> list[command_line.Scores]:
    """Score the networks of an experiment beside the training-free methods."""
    return command_line.compute_score(PACKAGE, setting_name, [burstsr_benchmark()], load_saved, **options)


if __name__ == "__main__":
    command_line.run_script(compute_score, PACKAGE, options=command_line.SCORE_OPTIONS)
