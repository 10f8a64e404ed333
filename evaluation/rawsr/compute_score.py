"""Score an experiment: `compute_score.py EXPERIMENT [--data pairs] [--scale 4] [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.rawsr.benchmark import ARGUMENTS, PACKAGE, rawsr_benchmark


def compute_score(
    setting_name: str,
    load_saved: bool = False,
    data: str = "photos",
    scale: int = 2,
    tile: int | None = None,
    folder: str | None = None,
    **options: bool,
) -> list[command_line.Scores]:
    """Score the networks of an experiment beside the training-free methods."""
    benchmark = rawsr_benchmark(data, scale, tile, folder)
    return command_line.compute_score(PACKAGE, setting_name, [benchmark], load_saved, **options)


if __name__ == "__main__":
    command_line.run_script(compute_score, PACKAGE, ARGUMENTS, command_line.SCORE_OPTIONS)
