"""Trains for a long time and records whether memory, open files and speed stay as they are.

python benchmarks/soak.py
python benchmarks/soak.py --minutes 10 --json soak.json
python benchmarks/soak.py --training deeprep sr_quickstart

A training of the house (bundled photographs, two loader workers, a checkpoint every minute, validation, curves) runs in
a process of its own and a folder that is removed afterwards. It and its workers are looked at every few seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rich.table import Table

from utils.log import output

REPOSITORY = Path(__file__).resolve().parents[1]
_PROGRESS = re.compile(r"\[train: (\d+), (\d+) / (\d+)\]")
WARM_UP = 0.2  # share of the time that does not count: caches and workers' first batches


@dataclass(frozen=True)
class Sample:
    """What was seen at one time.

    Attributes:
        seconds: since the start.
        memory: of all processes, in MiB; what they share counts once.
        files: open file handles of all processes.
        processes: how many there are.
        steps: training steps so far, as the log says.
    """

    seconds: float
    memory: float
    files: int
    processes: int
    steps: int


def main() -> int:
    """Runs what the command line says; the exit code is 1 if something was not flat or the training failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60, help="of training (default: %(default)s)")
    parser.add_argument("--training", nargs=2, default=("burst_deblur", "quickstart"), metavar=("MODULE", "PARAM"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as run_training.py has it")
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="where to write all that was seen")
    options = parser.parse_args()
    samples, code = soak(options.training, options.minutes, options.set, options.every)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(sample) for sample in samples]))
    return 0 if code == 0 and report(samples) else 1


def soak(training: Sequence[str], minutes: float, pinned: Sequence[str], every: float) -> tuple[list[Sample], int]:
    """What was seen while the training ran, and its exit code."""
    settings = [
        f"max_minutes={minutes}",
        "num_workers=2",
        "checkpoint_interval_minutes=1",
        "print_interval=10",
        *pinned,
    ]
    command = [sys.executable, "run_training.py", *training]
    command += [part for setting in settings for part in ("--set", setting)]
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak_") as place:
        folders = {
            key: str(Path(place) / key.lower()) for key in ("BURSTLAB_WORKSPACE_DIR", "BURSTLAB_TENSORBOARD_DIR")
        }
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={**os.environ, **folders}, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        log = _Log(process.stderr)
        start = time.monotonic()
        while process.poll() is None:
            time.sleep(every)
            numbers = _family(process.pid)
            memory, files = sum(map(_memory, numbers)), sum(map(_open_files, numbers))
            samples.append(Sample(time.monotonic() - start, memory, files, len(numbers), log.steps))
        log.join()
    if process.returncode:
        output("\n".join(log.last))
    return samples, process.returncode


def report(samples: Sequence[Sample]) -> bool:
    """Shows what has changed after warming up; True if nothing has."""
    trained = [sample for sample in samples if sample.steps > 0 and sample.processes > 0]
    if len(trained) < 10:
        output("too short: nothing can be said; give more --minutes")
        return False
    late = trained[int(WARM_UP * len(trained)) : -1]  # without the last one, when workers have ended
    hours = np.array([sample.seconds for sample in late]) / 3600
    memory = np.array([sample.memory for sample in late])
    growth = float(np.polyfit(hours, memory, 1)[0])
    files = [sample.files for sample in late]
    thirds = np.array_split(np.arange(len(late)), 3)
    speeds = [_speed([late[index] for index in third]) for third in thirds]
    table = Table(title=f"{trained[-1].seconds / 60:.0f} minutes, {trained[-1].steps} steps, {len(samples)} looks")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("memory of all processes, first and last tenth (MiB)", _ends(memory))
    table.add_row("growth of memory (MiB per hour)", f"{growth:.1f}")
    table.add_row("open files, first and last tenth", _ends(np.array(files)))
    table.add_row("steps per second, by thirds", ", ".join(f"{speed:.2f}" for speed in speeds))
    output(table)
    # An epoch's curves and statistics grow by some kB; a leak of one batch a minute would be hundreds of MiB an hour.
    flat_memory = growth < max(50.0, 0.02 * float(memory.mean()) / max(float(hours[-1] - hours[0]), 1e-9))
    tenth = max(1, len(files) // 10)
    return flat_memory and max(files[-tenth:]) <= max(files[: 2 * tenth]) + 4


class _Log(threading.Thread):
    """Follows what the training says."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.steps = 0
        self.last: list[str] = []
        self.start()

    def run(self) -> None:
        for line in self._stream:
            self.last = [*self.last[-30:], line.rstrip()]
            found = _PROGRESS.search(line)
            if found:
                epoch, number, batches = map(int, found.groups())
                self.steps = (epoch - 1) * batches + number


def _speed(samples: Sequence[Sample]) -> float:
    return (samples[-1].steps - samples[0].steps) / max(samples[-1].seconds - samples[0].seconds, 1e-9)


def _ends(values: np.ndarray) -> str:
    tenth = max(1, len(values) // 10)
    return f"{values[:tenth].mean():.0f}, {values[-tenth:].mean():.0f}"


def _family(process: int) -> list[int]:
    """A process and all that it has started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # has just ended
            children.setdefault(parent, []).append(int(entry.name))
    family, waiting = [], [process]
    while waiting:
        family.append(waiting.pop())
        waiting += children.get(family[-1], [])
    return family


def _memory(process: int) -> float:
    """MiB; of what several processes share each counts its part."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


def _open_files(process: int) -> int:
    try:
        return len(os.listdir(f"/proc/{process}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


if __name__ == "__main__":
    sys.exit(main())
