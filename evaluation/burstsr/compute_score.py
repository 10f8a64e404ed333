"""Score an experiment: `compute_score.py EXPERIMENT [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burstsr.benchmark import PACKAGE, burstsr_benchmark
from evaluation.common_utils.scripts import ComputeScore

compute_score = ComputeScore(PACKAGE, burstsr_benchmark)

if __name__ == "__main__":
    compute_score.run()
