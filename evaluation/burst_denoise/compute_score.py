"""Score an experiment: `compute_score.py EXPERIMENT MODE NOISE_LEVEL [--load_saved] [--save] [--ms_ssim]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.burst_denoise.benchmark import ARGUMENTS, PACKAGE, denoise_benchmarks
from evaluation.common_utils.scripts import ComputeScore

compute_score = ComputeScore(PACKAGE, denoise_benchmarks, ARGUMENTS)

if __name__ == "__main__":
    compute_score.run()
