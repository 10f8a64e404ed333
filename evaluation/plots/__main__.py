"""Plots from score files and training curves: `python -m evaluation.plots PLOT ...`."""

import sys

from evaluation.plots.command import main

if __name__ == "__main__":
    sys.exit(main())
