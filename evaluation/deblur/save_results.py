"""Save the predictions of an experiment: `save_results.py EXPERIMENT MODE FRAMES`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import SaveResults
from evaluation.deblur.benchmark import ARGUMENTS, PACKAGE, deblur_benchmarks

save_results = SaveResults(PACKAGE, deblur_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    save_results.run()
