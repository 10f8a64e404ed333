"""Score an experiment: `compute_score.py EXPERIMENT [--data clips] [--noise low] [--load_saved] [--save]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import ComputeScore
from evaluation.jdd.benchmark import ARGUMENTS, PACKAGE, jdd_benchmark

compute_score = ComputeScore(PACKAGE, jdd_benchmark, ARGUMENTS)

if __name__ == "__main__":
    compute_score.run()
