"""``python -m tests.golden FOLDER [--part NAME] [--case NAME]``: check recordings of the original systems."""

import argparse
import sys
from pathlib import Path

from tests.golden.runner import cases_in, run_cases


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of recorded cases, e.g. ../shared/golden/deeprep_dbsr_models")
    parser.add_argument("--part", help="name of the part (default: the name of the folder)")
    parser.add_argument("--case", help="only this case; shell wildcards are allowed")
    arguments = parser.parse_args()
    try:
        cases = cases_in(arguments.folder, arguments.part, arguments.case)
    except FileNotFoundError as error:
        parser.exit(2, f"{error}\n")
    failures = run_cases(cases, lambda line: sys.stdout.write(line + "\n") and sys.stdout.flush())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
