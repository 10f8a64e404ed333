"""Reads files in a process of its own, where crashes, memory, time and everything that a file makes happen are seen."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEMORY = 1 << 30  # bytes that reading one small file may take in addition
SECONDS = 20  # of processor time that it may take

# What no reader of data has to do, wherever the file came from.
_FORBIDDEN = {
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"),
    *("subprocess.Popen", "pty.spawn", "socket.connect", "socket.bind", "urllib.Request", "webbrowser.open"),
}
_CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

GOOD = ("refused", "read")


@dataclass
class Findings:
    """What became of the files of one reader.

    Attributes:
        counts: outcome → files; ``refused`` is a known error, ``read`` a value; anything else is a fault.
        faults: file number → what happened.
        peak: most memory that a file took, in bytes.
        slowest: longest processor time in seconds.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)
    peak: int = 0
    slowest: float = 0.0


def read_watched(
    write: Callable[[Path, int, random.Random], Any],
    read: Callable[[Path], Any],
    judge: Callable[[Any, Any], str | None],
    errors: tuple[type[BaseException], ...],
    files: int,
    seed: int,
) -> Findings:
    """Writes and reads ``files`` files.

    Args:
        write: puts file number n into an empty folder; returns what ``judge`` gets.
        read: reads it.
        judge: says what is wrong with the value that was read, if anything.
        errors: that ``read`` may raise.
        seed: of all draws.

    Raises:
        OSError: not under Linux.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("reading is watched by fork, resource limits and /proc, which only Linux has")
    findings = Findings()
    first = 0
    while first < files:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            try:
                _work(writing, write, read, judge, errors, range(first, files), seed)
            finally:
                os._exit(0)
        os.close(writing)
        first = _listen(process, reading, first, files, findings)
    return findings


def _listen(process: int, pipe: int, first: int, files: int, findings: Findings) -> int:
    """Takes down what a process reports; the number of the file with which a next process goes on."""
    current, said, used = first, b"", 0.0
    while True:
        if not select.select([pipe], [], [], 1)[0]:
            # By its own time and not by the clock: the machine may be busy.
            if _processor_time(process) - used > SECONDS:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                os.close(pipe)
                findings.counts["hang"] += 1
                findings.faults[current] = f"not done after {SECONDS} s"
                return current + 1
            continue
        more = os.read(pipe, 1 << 16)
        if not more:
            break
        *lines, said = (said + more).split(b"\n")
        used = _processor_time(process)
        for line in lines:
            report = json.loads(line)
            findings.counts[report["outcome"]] += 1
            if report["outcome"] not in GOOD:
                findings.faults[report["number"]] = report["detail"]
            findings.peak = max(findings.peak, report["memory"])
            findings.slowest = max(findings.slowest, report["seconds"])
            current = report["number"] + 1
    os.close(pipe)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if current < files:
        findings.counts["crash"] += 1
        findings.faults[current] = f"the interpreter ended ({signal.Signals(-status).name if status < 0 else status})"
        return current + 1
    return files


def _work(
    pipe: int,
    write: Callable[[Path, int, random.Random], Any],
    read: Callable[[Path], Any],
    judge: Callable[[Any, Any], str | None],
    errors: tuple[type[BaseException], ...],
    numbers: range,
    seed: int,
) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)  # decoders of images talk
    import resource  # here, because Windows has none

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_virtual_memory() + 4 * MEMORY,) * 2)
    watch = _Watch()
    sys.addaudithook(watch)
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="fuzz_") as place:
            folder = Path(place)
            given = write(folder, number, random.Random(f"{seed} {number}"))
            before, start = _reset_peak(), time.process_time()
            outcome, detail = "read", ""
            with watch.on(folder):
                try:
                    wrong = judge(read(folder), given)
                    if wrong is not None:
                        outcome, detail = "wrong", wrong
                except errors:
                    outcome = "refused"
                except Exception as error:  # noqa: BLE001 - which one is what is to be found out
                    outcome, detail = "other error", f"{type(error).__module__}.{type(error).__name__}: {error}"[:300]
            seconds, memory = time.process_time() - start, _peak() - before
            if watch.seen:
                outcome, detail = "side effect", "; ".join(watch.seen)[:300]
            elif memory > MEMORY:
                outcome, detail = "memory", f"{memory >> 20} MiB"
        report = {"number": number, "outcome": outcome, "detail": detail, "memory": memory, "seconds": seconds}
        os.write(pipe, (json.dumps(report) + "\n").encode())


class _Watch:
    """An audit hook: what happens while a file is read, and should not."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._folder: str | None = None

    @contextlib.contextmanager
    def on(self, folder: Path) -> Iterator[None]:
        self.seen, self._folder = [], str(folder.resolve())
        try:
            yield
        finally:
            self._folder = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None:
            return
        if event in _FORBIDDEN:
            self.seen.append(f"{event}{arguments!r}"[:200])
        elif event in _CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
            path = arguments[0]
            # Removing a tree names what is in a folder by the folder's handle and a name.
            handle = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
            if isinstance(path, (str, bytes, os.PathLike)) and not self._inside(os.fsdecode(path), handle):
                self.seen.append(f"{event} {path!r}"[:200])

    def _inside(self, path: str, handle: int) -> bool:
        folder, self._folder = self._folder, None  # what is asked here is not the file's doing
        try:
            base = "" if handle == -1 else os.readlink(f"/proc/self/fd/{handle}")
            real = os.path.realpath(os.path.join(base, path))
        finally:
            self._folder = folder
        return real == os.devnull or real.startswith(f"{folder}{os.sep}") or real == folder


def _processor_time(process: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _virtual_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _reset_peak() -> int:
    """Lets the peak of resident memory begin anew; its value in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
