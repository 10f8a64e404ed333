"""Compare a released network with its published figures: `python -m evaluation.reproduce BENCHMARK ROW`."""

import sys

from evaluation.reproduce.command import main

if __name__ == "__main__":
    sys.exit(main())
