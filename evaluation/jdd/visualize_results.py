"""Look at the results of an experiment: `visualize_results.py EXPERIMENT [--data clips] [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.visualize import VisualizeResults
from evaluation.jdd.benchmark import ARGUMENTS, PACKAGE, jdd_benchmark

visualize_results = VisualizeResults(PACKAGE, jdd_benchmark, ARGUMENTS)

if __name__ == "__main__":
    visualize_results.run()
