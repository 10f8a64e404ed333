"""Write pictures of the way from noise to image: `show_refinement.py EXPERIMENT [--data SET] [--clips N]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils.command_line import run_script
from evaluation.sr3.benchmark import PACKAGE
from evaluation.sr3.refinement import ARGUMENTS, show_refinement

if __name__ == "__main__":
    run_script(show_refinement, PACKAGE, ARGUMENTS)
