"""Score an experiment: `compute_score.py EXPERIMENT [--data photos] [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.scripts import ComputeScore
from evaluation.synburst.benchmark import ARGUMENTS, PACKAGE, synburst_benchmark

compute_score = ComputeScore(PACKAGE, synburst_benchmark, ARGUMENTS)

if __name__ == "__main__":
    compute_score.run()
