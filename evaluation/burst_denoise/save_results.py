"""Save the predictions of an experiment: `save_results.py EXPERIMENT MODE NOISE_LEVEL`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, PACKAGE, denoise_benchmarks
from evaluation.common_utils.scripts import SaveResults

save_results = SaveResults(PACKAGE, denoise_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    save_results.run()
