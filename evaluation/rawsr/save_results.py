"""Save predictions as 16-bit pictures: `save_results.py EXPERIMENT [--data real --folder RAW_FILES] [--scale 4]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import SaveResults
from evaluation.rawsr.benchmark import PACKAGE, REAL_ARGUMENTS, rawsr_benchmark

save_results = SaveResults(PACKAGE, rawsr_benchmark, REAL_ARGUMENTS)

if __name__ == "__main__":
    save_results.run()
