"""Kills a training at random instants, and takes its disk away, and looks whether anything is lost.

python benchmarks/kill_test.py
python benchmarks/kill_test.py --kills 200 --faults 50 --seed 1

A tiny network with dropout, batch norm, moving average and validation, which saves after every step, is trained on the
CPU. It is killed (SIGKILL) at random instants and started again until it is done: its last checkpoint has to equal that
of a run that was left alone, to the bit. Then the disk runs full (a small tmpfs where mounting is allowed, else a limit
on the size of files), or the folder becomes read-only, at random instants: no checkpoint may be lost, and the run has
to end with the same bits once there is room again.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from admin.checkpoints import read_checkpoint
from admin.loading import checkpoints_of
from tests.tiny_run import tiny_trainer
from utils.log import configure_logging, output

logger = logging.getLogger("kill_test")

NET = "TinyNet"
NOBODY = 65534  # a user who owns nothing: to root no folder is read-only
SMALL_DISK = 2 << 20  # bytes; a checkpoint has about 20 kB
OPTIONS: dict[str, Any] = {"checkpoint_interval_minutes": 0, "ema_decay": 0.9, "schedule_per": "step", "keep_last": 3}


def main() -> int:
    """Runs what the command line says; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="random instants at which the run is killed")
    parser.add_argument("--faults", type=int, default=20, help="times the disk is full or the folder read-only")
    parser.add_argument("--epochs", type=int, default=40, help="length of the run, of 5 steps each")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    options = parser.parse_args()
    if os.name != "posix":
        parser.error("processes are killed and disks filled in the ways of POSIX systems: run this on Linux")
    configure_logging(logging.ERROR)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="kill_test_") as place:
        return test(Path(place), options.kills, options.faults, options.epochs, random.Random(options.seed))


def test(place: Path, kills: int, faults: int, epochs: int, draw: random.Random) -> int:
    """Both tests below ``place``; returns 0 if nothing was lost."""
    # Here and not in a process of its own: what is imported on the way is then there for all that are forked.
    train(place / "imports", 2)
    start = time.monotonic()
    train(whole := place / "whole", epochs)
    seconds = time.monotonic() - start
    wanted = last_checkpoint(whole, epochs)
    output(f"undisturbed run: {epochs} epochs of 5 steps, a checkpoint after each, {seconds:.1f} s")

    start = time.monotonic()
    count, in_save, runs, different = 0, 0, 0, 0
    while count < kills:
        folder = place / f"killed_{runs}"
        runs += 1
        done = False
        while not done:
            process, _ = begin(folder, epochs)
            if count < kills:
                # Long enough to come some way, so that the instants spread over the whole run.
                time.sleep(draw.uniform(0, 1.6 * seconds / kills))
                os.kill(process, signal.SIGKILL)
            code = ended(process)
            done = code == 0
            if code == -signal.SIGKILL:
                count += 1
                in_save += any(folder.rglob("*.tmp"))
        different += differs(last_checkpoint(folder, epochs), wanted)
        left = list(folder.rglob("*.tmp"))
        assert not left, f"unfinished files remain: {left}"
    output(
        f"killed {count} times in {runs} run(s), {in_save} times while it saved; runs that ended with other bits: "
        f"{different} ({time.monotonic() - start:.0f} s)"
    )

    start = time.monotonic()
    lost, failed = 0, 0
    kinds = [full_disk, read_only_folder]
    for number in range(faults):
        kind = kinds[number % 2]
        with kind(place / f"fault_{number}") as (folder, breaks, heals):
            process, told = begin(folder, epochs, as_nobody=kind is read_only_folder and os.getuid() == 0)
            os.read(told, 1)
            time.sleep(draw.uniform(0, 0.7 * seconds))
            before = steps_saved(folder)
            breaks(process)
            failed += ended(process) != 0
            heals()
            lost += steps_saved(folder) < before or unreadable(folder) > 0
            process, _ = begin(folder, epochs, as_nobody=kind is read_only_folder and os.getuid() == 0)
            assert ended(process) == 0, f"{folder}: the run does not go on"
            different += differs(last_checkpoint(folder, epochs), wanted)
    output(
        f"{faults} faults (disk full, folder read-only in turn), {failed} of which ended the run; checkpoints lost: "
        f"{lost}; runs that ended with other bits: {different} ({time.monotonic() - start:.0f} s)"
    )
    return 1 if lost or different else 0


def begin(folder: Path, epochs: int, as_nobody: bool = False) -> tuple[int, int]:
    """Starts the training in a process of its own: its number, and a pipe that says one byte when it trains.

    Forked, so that PyTorch need not be imported a hundred times.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    code = 1
    try:
        if as_nobody:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.write(writing, b".")
        train(folder, epochs)
        code = 0
    except OSError as error:
        code = 3  # what a full disk or a read-only folder should end with
        logger.debug("%s", error)
    finally:
        os._exit(code)  # nothing of the process it was forked from may run


def train(folder: Path, epochs: int) -> None:
    """The training, from its last checkpoint on."""
    tiny_trainer(folder, **OPTIONS).train(epochs, load_latest=True, fail_safe=False)


def ended(process: int) -> int:
    """Waits for a process; its exit code, negative if it was a signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def run_folder(folder: Path) -> Path:
    """Where the checkpoints are."""
    return folder / "checkpoints" / "tests" / "tiny"


def last_checkpoint(folder: Path, epochs: int) -> dict[str, Any]:
    """What the run ended with."""
    return read_checkpoint(run_folder(folder) / f"{NET}_ep{epochs:04d}.pth.tar")


def steps_saved(folder: Path) -> int:
    """Training steps in the newest checkpoint."""
    files = checkpoints_of(run_folder(folder), NET)
    return int(read_checkpoint(files[0])["step"]) if files else -1


def unreadable(folder: Path) -> int:
    """Checkpoints that cannot be read."""
    count = 0
    for path in checkpoints_of(run_folder(folder), NET):
        try:
            read_checkpoint(path)
        except Exception:  # noqa: BLE001 - whatever it is, the file is lost
            count += 1
    return count


def differs(one: Any, other: Any) -> bool:
    """Whether anything but the time it took is not the same in two checkpoints, to the bit."""
    if isinstance(one, torch.Tensor):
        return not torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() != other.keys() or any(
            differs(one[key], other[key]) for key in one if key not in ("seconds", "settings")
        )
    if isinstance(one, (list, tuple)):
        return len(one) != len(other) or any(map(differs, one, other))
    return bool(one != other)


Fault = tuple[Path, Callable[[int], None], Callable[[], None]]


@contextmanager
def full_disk(folder: Path) -> Iterator[Fault]:
    """A folder on a small disk, what fills it up, and what makes room again."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:

        def limit(process: int) -> None:
            import resource  # here, because Windows has none

            resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, 4096))

        yield folder, limit, lambda: None
        return
    filling = folder / "filling"

    def fill(process: int) -> None:
        with filling.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1024))
            except OSError:
                return

    try:
        yield folder, fill, filling.unlink
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def read_only_folder(folder: Path) -> Iterator[Fault]:
    """A folder, what makes its checkpoints read-only, and what takes that back."""
    place = run_folder(folder)
    place.mkdir(parents=True)
    if os.getuid() == 0:
        for parent in folder.parents:
            if parent.name.startswith("kill_test_"):
                parent.chmod(0o755)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, NOBODY, NOBODY)

    yield folder, lambda process: place.chmod(0o555), lambda: place.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
