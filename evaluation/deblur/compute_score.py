"""Score an experiment: `compute_score.py EXPERIMENT MODE FRAMES [--legacy] [--load_saved] [--save]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.deblur.benchmark import ARGUMENTS, PACKAGE, deblur_benchmarks
from evaluation.deblur.scoring import ComputeScoreByLength

compute_score = ComputeScoreByLength(PACKAGE, deblur_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    compute_score.run()
