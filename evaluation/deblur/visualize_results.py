"""Look at the results of an experiment: `visualize_results.py EXPERIMENT MODE FRAMES [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.visualize import VisualizeResults
from evaluation.deblur.benchmark import ARGUMENTS, PACKAGE, deblur_benchmarks

visualize_results = VisualizeResults(PACKAGE, deblur_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    visualize_results.run()
