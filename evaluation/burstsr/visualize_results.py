"""Look at the results of an experiment: `visualize_results.py EXPERIMENT [--html FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burstsr.benchmark import PACKAGE, burstsr_benchmark
from evaluation.common_utils.visualize import VisualizeResults

visualize_results = VisualizeResults(PACKAGE, burstsr_benchmark)

if __name__ == "__main__":
    visualize_results.run()
