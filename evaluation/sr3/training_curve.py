"""Score the checkpoints of a training against its time: `training_curve.py MODULE PARAM [--every N] [--samples N]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.sr3.curve import training_curve
from evaluation.sr3.experiments.quickstart import SAMPLES
from util_scripts.script import run_script
from utils.script_parser import script_parser

if __name__ == "__main__":
    parser = script_parser(__doc__)
    parser.add_argument("module", help="folder of the settings file, e.g. sr3")
    parser.add_argument("parameter", help="name of the settings file, e.g. quickstart")
    parser.add_argument("--every", type=int, default=10, help="epochs between two scores (%(default)s)")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of the mean (%(default)s)")
    sys.exit(run_script(parser, None, lambda options: training_curve(**vars(options))))
