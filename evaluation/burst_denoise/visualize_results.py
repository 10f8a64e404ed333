"""Look at the results of an experiment: `visualize_results.py EXPERIMENT MODE NOISE_LEVEL [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, PACKAGE, denoise_benchmarks
from evaluation.common_utils.visualize import VisualizeResults

visualize_results = VisualizeResults(PACKAGE, denoise_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    visualize_results.run()
