"""From files to files: the whole way of `run_restoration.py`, for programs as well."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from restoration.burst import Method, Progress, RawBurst, RestorationError, Restored
from restoration.memory import free_memory, is_out_of_memory
from restoration.output import Wanted, check_writable, write_results
from restoration.reading import read_burst
from restoration.sources import FileState, file_state, find_files, is_raw
from restoration.tasks import CLASSICAL, TASKS, TASKS_OF_CLASSICAL, TASKS_OF_RENDERED
from utils.progress import track
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)

_NO_MEMORY = "the memory does not suffice; give --memory less than is free, so that tiles become smaller"


@dataclass(frozen=True)
class Choice:
    """What is to be done with a burst.

    Attributes:
        network: `classical`, or the name or path of a network.
        task: one of `TASKS`; None takes what the network is made for.
        reference: name of the frame that the result shows; None takes the sharpest.
        leave_out: go on without frames that do not belong.
        memory_bytes: that may be used; None takes a part of what is free.
    """

    network: str = CLASSICAL
    task: str | None = None
    reference: str | None = None
    leave_out: bool = False
    memory_bytes: int | None = None


def restore(inputs: Sequence[Path], choice: Choice, wanted: Wanted, progress: Progress = track) -> list[Path]:
    """Restores one photograph from a burst and writes it.

    Args:
        inputs: a folder, or files.

    Returns:
        The files that were written, the finished picture first.

    Raises:
        RestorationError: says what is wrong with input, network or output. Nothing is half-written.
    """
    files = find_files(inputs, wanted.files)
    check_writable(wanted, files)
    task = choice.task
    if task is None and choice.network == CLASSICAL and not is_raw(files[0]):
        task = "denoise"
    method, task = find_method(choice.network, task)
    _check_kind(files, task)
    burst = read_burst(files, progress, choice.reference, choice.leave_out, 1 if task == "rawsr" else 2)
    memory = free_memory() if choice.memory_bytes is None else choice.memory_bytes
    weights: tuple[FileState, ...] = getattr(method, "weights", ())  # a method without weights has none
    with _work_folder(wanted.finished, files, choice, weights) as folder:
        restored = _run(method, burst, progress, memory, folder)
        return write_results(restored, burst, wanted)


def find_method(network: str, task: str | None) -> tuple[Method, str]:
    """The method of this name and its task.

    Raises:
        RestorationError: there is none, or it is made for another task.
    """
    if task is not None and task not in TASKS:
        raise RestorationError(unknown_name_message("task", task, TASKS))
    if network != CLASSICAL:
        from restoration.networks import load_method

        return load_method(network, task)
    task = task or "jdd"
    if task not in TASKS_OF_CLASSICAL:
        known = ", ".join(TASKS_OF_CLASSICAL)
        raise RestorationError(f"--task {task}: classical does {known}; name a network for it, --network NAME_OR_PATH")
    from restoration.classical import ClassicalMethod

    return ClassicalMethod(TASKS_OF_CLASSICAL[task]), task


def _check_kind(files: Sequence[Path], task: str) -> None:
    rendered = [path for path in files if not is_raw(path)]
    if not rendered:
        return
    if task not in TASKS_OF_RENDERED:
        raise RestorationError(
            f"{rendered[0]} is a rendered picture: its colours are mixed, its noise is smoothed, its tones are bent. "
            f"--task {task} needs what the sensor measured, RAW files; pictures go with --task "
            f"{', '.join(TASKS_OF_RENDERED)}"
        )
    logger.warning(
        "The frames are rendered pictures. Their noise is smoothed and compressed already, so less can be won "
        "than from RAW files of the same burst."
    )


def _run(method: Method, burst: RawBurst, progress: Progress, memory: int, folder: Path) -> Restored:
    try:
        return method(burst, progress, memory, folder)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise RestorationError(_NO_MEMORY) from error


@contextmanager
def _work_folder(
    finished: Path, files: Sequence[Path], choice: Choice, weights: tuple[FileState, ...]
) -> Iterator[Path]:
    """A folder beside the result for what is done so far: the same one for the same command on the same files.

    The file of the network counts among them: tiles of a network that was trained on meanwhile would not fit.
    Removed after success, and where it is empty; otherwise the same command goes on from it.
    """
    stated = [*map(file_state, files), *weights]
    told = repr((stated, choice.network, choice.task, choice.reference, choice.leave_out))
    key = hashlib.sha256(told.encode()).hexdigest()[:8]
    start = f".{finished.name}.work-"
    folder = finished.with_name(start + key)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RestorationError(f"{folder} cannot be made: {error.strerror or error}") from error
    try:
        yield folder
    except BaseException:  # also after Ctrl-C; always raised again
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    # Not glob: the name may hold brackets.
    for left in [path for path in finished.parent.iterdir() if path.name.startswith(start)]:
        shutil.rmtree(left, ignore_errors=True)
