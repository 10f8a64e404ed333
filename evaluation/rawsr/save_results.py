"""Save predictions as 16-bit pictures: `save_results.py EXPERIMENT [--data real --folder RAW_FILES] [--scale 4]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.rawsr.benchmark import PACKAGE, REAL_ARGUMENTS, rawsr_benchmark


def save_results(
    setting_name: str,
    data: str = "photos",
    scale: int = 2,
    tile: int | None = None,
    folder: str | None = None,
    rendering: str = "camera",
) -> list[command_line.SavedPredictions]:
    """Save 16-bit pictures that the networks of an experiment make."""
    benchmark = rawsr_benchmark(data, scale, tile, folder, rendering)
    return command_line.save_results(PACKAGE, setting_name, [benchmark])


if __name__ == "__main__":
    command_line.run_script(save_results, PACKAGE, REAL_ARGUMENTS)
