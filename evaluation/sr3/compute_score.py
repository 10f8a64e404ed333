"""Score an experiment: `compute_score.py EXPERIMENT [--data SET] [--frames N ...] [--sampler NAME] [--steps N]`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.sr3.benchmark import ARGUMENTS, PACKAGE, sr3_benchmarks


def compute_score(
    setting_name: str,
    load_saved: bool = False,
    data: str = "photos",
    frames: Sequence[int] | None = None,
    sampler: str | None = None,
    steps: int | None = None,
    **options: bool,
) -> list[command_line.Scores]:
    """Score the networks of an experiment beside bicubic interpolation."""
    benchmarks = sr3_benchmarks(data, frames, sampler, steps)
    return command_line.compute_score(PACKAGE, setting_name, benchmarks, load_saved, **options)


if __name__ == "__main__":
    command_line.run_script(compute_score, PACKAGE, ARGUMENTS, command_line.SCORE_OPTIONS)
