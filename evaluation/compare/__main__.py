"""One table over benchmarks and networks: `python -m evaluation.compare RUN_A RUN_B ...`."""

import sys

from evaluation.compare.command import main

if __name__ == "__main__":
    sys.exit(main())
