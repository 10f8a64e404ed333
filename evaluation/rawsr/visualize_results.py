"""Look at the results of an experiment: `visualize_results.py EXPERIMENT [--data real] [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line, visualize
from evaluation.rawsr.benchmark import ARGUMENTS, PACKAGE, REAL, RENDERING, SCORED, rawsr_benchmark


def visualize_results(
    setting_name: str,
    data: str = "photos",
    scale: int = 2,
    tile: int | None = None,
    folder: str | None = None,
    rendering: str = "camera",
    **options: visualize.Option,
) -> None:
    """Look at the results of an experiment beside training-free rows and ground truth; see docs/viewer.md."""
    visualize.visualize_results(
        PACKAGE, setting_name, [rawsr_benchmark(data, scale, tile, folder, rendering)], **options
    )


if __name__ == "__main__":
    arguments = {**ARGUMENTS, "--data": {**ARGUMENTS["--data"], "choices": [*SCORED, REAL]}}
    command_line.run_script(visualize_results, PACKAGE, {**arguments, **RENDERING, **visualize.VIEW_ARGUMENTS})
