"""Save the predictions of an experiment: `save_results.py EXPERIMENT [--data photos]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import SaveResults
from evaluation.synburst.benchmark import ARGUMENTS, PACKAGE, synburst_benchmark

save_results = SaveResults(PACKAGE, synburst_benchmark, ARGUMENTS)

if __name__ == "__main__":
    save_results.run()
