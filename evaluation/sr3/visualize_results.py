"""Look at the results of an experiment: `visualize_results.py EXPERIMENT [--data frames_16_128] [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.visualize import VisualizeResults
from evaluation.sr3.benchmark import ARGUMENTS, PACKAGE, sr3_benchmarks

visualize_results = VisualizeResults(PACKAGE, sr3_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    visualize_results.run()
