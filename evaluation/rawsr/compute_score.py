"""Score an experiment: `compute_score.py EXPERIMENT [--data pairs] [--scale 4] [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import ComputeScore
from evaluation.rawsr.benchmark import ARGUMENTS, PACKAGE, rawsr_benchmark

compute_score = ComputeScore(PACKAGE, rawsr_benchmark, ARGUMENTS)

if __name__ == "__main__":
    compute_score.run()
