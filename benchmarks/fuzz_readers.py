"""Reads damaged and hostile files with every reader, and says what became of them.

python benchmarks/fuzz_readers.py
python benchmarks/fuzz_readers.py --files 200 --reader LMDB --keep /tmp/faults

Each reader gets valid files that were changed at random (bits, numbers, parts lost, repeated or spliced, also behind
checksums that were made to agree), and files that were made to do harm. It has to refuse them with its own error, or
to read something: never may the interpreter end, a program be run, a file outside be touched, 1 GiB of memory be
taken, or 20 seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import torch
from rich.table import Table

from benchmarks.fuzzing.reader import Reader, fingerprint, write
from benchmarks.fuzzing.readers import all_readers
from benchmarks.fuzzing.watched import GOOD, Findings, read_watched
from utils.log import output


def main() -> int:
    """Runs what the command line says; the exit code is 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=2000, help="for every reader (default: %(default)s)")
    parser.add_argument("--reader", action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--keep", type=Path, help="folder for files that a reader failed on")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    table = Table(title=f"{options.files} damaged and hostile files for every reader")
    for column in ("reader", "refused", "read", "faults", "most memory (MiB)", "slowest (s)", "all (s)"):
        table.add_column(column, justify="left" if column == "reader" else "right")
    figures: dict[str, Any] = {}
    for reader in all_readers():
        if options.reader and reader.name not in options.reader:
            continue
        start = time.monotonic()
        findings = fuzz(reader, options.files, options.seed)
        seconds = time.monotonic() - start
        faults = sum(count for outcome, count in findings.counts.items() if outcome not in GOOD)
        row = [findings.counts["refused"], findings.counts["read"], faults, findings.peak >> 20]
        table.add_row(reader.name, *map(str, row), f"{findings.slowest:.2f}", f"{seconds:.0f}")
        figures[reader.name] = {**findings.counts, "peak": findings.peak, "faults": findings.faults}
        for number, fault in sorted(findings.faults.items())[:10]:
            output(f"{reader.name}, file {number}: {fault}")
            if options.keep is not None:
                place = options.keep / reader.name / str(number)
                write(reader, place, number, random.Random(f"{options.seed} {number}"))
    output(table)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))
    return 1 if any(content["faults"] for content in figures.values()) else 0


def fuzz(reader: Reader, files: int, seed: int) -> Findings:
    """Reads so many files in a process under watch.

    Raises:
        AssertionError: the reader cannot read a valid file.
    """
    import tempfile

    valid = []
    for seed_files in reader.seeds:  # also imports what is imported where it is needed
        with tempfile.TemporaryDirectory() as place:
            for name, content in seed_files.items():
                (Path(place) / name).write_bytes(content)
            valid.append(fingerprint(reader.read(Path(place))))

    def judge(value: Any, given: int | None) -> str | None:
        found = fingerprint(value)  # also looks at every byte of it
        return None if given is None or found == valid[given] else "read without an error, but not what was written"

    return read_watched(
        lambda folder, number, draw: write(reader, folder, number, draw),
        reader.read,
        judge,
        reader.errors,
        files,
        seed,
    )


if __name__ == "__main__":
    sys.exit(main())
