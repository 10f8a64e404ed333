"""Score an experiment: `compute_score.py EXPERIMENT [--data SET] [--frames N ...] [--sampler NAME] [--steps N]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import ComputeScore
from evaluation.sr3.benchmark import ARGUMENTS, PACKAGE, sr3_benchmarks

compute_score = ComputeScore(PACKAGE, sr3_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    compute_score.run()
