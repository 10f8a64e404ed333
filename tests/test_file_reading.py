"""Failures of a disk or a network file system are not taken for damaged files: they may pass, and are retried."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data import DataLoader
from trainers.retry import can_pass
from utils.image_io import UnreadableImage, read_image, read_png16
from utils.safe_pickle import UnreadablePickle, read_pickle

READERS = [(read_image, UnreadableImage), (read_png16, UnreadableImage), (read_pickle, UnreadablePickle)]


class FailingDisk:
    """A data set on a disk whose files cannot be read at the moment."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return read_image("a.png")


@pytest.fixture
def reading_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def fail_with(number: int) -> None:
        def read_bytes(path: Path) -> bytes:
            raise OSError(number, "it failed")  # without a name, as a failing read() does

        monkeypatch.setattr(Path, "read_bytes", read_bytes)

    return fail_with


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE])
@pytest.mark.parametrize("reader", READERS)
def test_a_failing_disk_is_an_error_that_can_pass_and_names_the_file(
    reader: tuple[Any, Any], number: int, reading_fails: Callable[[int], None]
) -> None:
    read, _ = reader
    reading_fails(number)
    with pytest.raises(OSError, match=r"it failed.*a\.png") as raised:
        read("a.png")
    assert raised.value.errno == number
    assert can_pass(raised.value)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR])
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_not_there_or_may_not_be_read_is_final(
    reader: tuple[Any, Any], number: int, reading_fails: Callable[[int], None]
) -> None:
    read, unreadable = reader
    reading_fails(number)
    with pytest.raises(unreadable, match=r"a\.png") as raised:
        read("a.png")
    assert not can_pass(raised.value)


def test_a_failing_disk_can_pass_also_where_a_worker_process_reads(reading_fails: Callable[[int], None]) -> None:
    reading_fails(errno.EIO)
    with pytest.raises(OSError, match=r"a\.png") as raised:
        next(iter(DataLoader("train", FailingDisk(), num_workers=1)))
    assert can_pass(raised.value)
