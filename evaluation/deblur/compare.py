"""Compare result folders as the original evaluation did: `compare.py --exp_path FOLDER ... [--out_path FOLDER]`."""

import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.deblur.comparison import main

if __name__ == "__main__":
    sys.exit(main())
