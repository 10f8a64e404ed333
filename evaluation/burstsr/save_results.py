"""Save the predictions of an experiment: `save_results.py EXPERIMENT`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burstsr.benchmark import PACKAGE, burstsr_benchmark
from evaluation.common_utils.scripts import SaveResults

save_results = SaveResults(PACKAGE, burstsr_benchmark)

if __name__ == "__main__":
    save_results.run()
