"""Score an experiment: `compute_score.py EXPERIMENT [--data clips] [--noise low] [--load_saved] [--save]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.jdd.benchmark import ARGUMENTS, PACKAGE, PUBLISHED_FRAMES, jdd_benchmark


def compute_score(
    setting_name: str,
    load_saved: bool = False,
    data: str = "reds4",
    noise: str = "high",
    frames: int = PUBLISHED_FRAMES,
    folder: str | None = None,
    **options: bool,
) -> list[command_line.Scores]:
    """Score the networks of an experiment beside the training-free methods."""
    benchmarks = [jdd_benchmark(data, noise, frames, folder)]
    if not benchmarks[0].metrics:
        raise ValueError(f"{data} has no ground truth, so nothing can be scored; use save_results.py and look")
    return command_line.compute_score(PACKAGE, setting_name, benchmarks, load_saved, **options)


if __name__ == "__main__":
    command_line.run_script(compute_score, PACKAGE, ARGUMENTS, command_line.SCORE_OPTIONS)
