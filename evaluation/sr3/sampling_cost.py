"""Measure what sampling costs: `sampling_cost.py EXPERIMENT [--evaluations N ...] [--size N]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.command_line import run_script
from evaluation.sr3.benchmark import PACKAGE
from evaluation.sr3.sampling_time import ARGUMENTS, sampling_cost

if __name__ == "__main__":
    run_script(sampling_cost, PACKAGE, ARGUMENTS)
