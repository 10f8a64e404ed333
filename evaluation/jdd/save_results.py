"""Save the predictions of an experiment: `save_results.py EXPERIMENT [--data sc_burst] [--folder PATH]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.jdd.benchmark import ARGUMENTS, PACKAGE, PUBLISHED_FRAMES, jdd_benchmark


def save_results(
    setting_name: str,
    data: str = "reds4",
    noise: str = "high",
    frames: int = PUBLISHED_FRAMES,
    folder: str | None = None,
) -> list[command_line.SavedPredictions]:
    """Save 16-bit sRGB predictions of the networks of an experiment."""
    return command_line.save_results(PACKAGE, setting_name, [jdd_benchmark(data, noise, frames, folder)])


if __name__ == "__main__":
    command_line.run_script(save_results, PACKAGE, ARGUMENTS)
