"""Damaged and hostile files are refused by every reader: no crash, nothing run or written outside, no gigabytes."""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzzing import watched
from benchmarks.fuzzing.container_readers import archives
from benchmarks.fuzzing.mutations import mutated, mutated_inside_png, mutated_inside_zip
from benchmarks.fuzzing.picture_readers import png16
from benchmarks.fuzzing.reader import write
from dataset.lmdb_file import DamagedLmdb, LmdbFile
from tests.needs import needs_linux
from utils.image_completeness import claims_too_much
from utils.image_io import UnreadableImage, read_image

REPOSITORY = Path(__file__).resolve().parent.parent
FILES = 50  # for every reader


@needs_linux
def test_a_short_form_of_the_full_search_finds_nothing(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/fuzz_readers.py", "--files", str(FILES), "--json", str(figures)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    for reader, outcomes in json.loads(figures.read_text()).items():
        assert outcomes.get("refused", 0) + outcomes.get("read", 0) == FILES, reader
        assert outcomes["refused"] > 0, reader


# The watch itself: what it is there for, it sees.


def outcome_of(read: Callable[[Path], Any], errors: tuple[type[BaseException], ...] = ()) -> watched.Findings:
    """What becomes of two files; a value that is read is what is wrong with it."""
    return watched.read_watched(
        lambda folder, number, draw: (folder / "a").write_bytes(b"x"),
        read,
        lambda value, given: None if value is None else str(value),
        errors,
        files=2,
        seed=0,
    )


def crash(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)  # quieter than a real one: pytest would show the stack of that


def run_a_program(folder: Path) -> None:
    os.system("true")


def write_outside(folder: Path) -> None:
    (folder.parent / "fuzz_was_here").open("w").close()
    (folder.parent / "fuzz_was_here").unlink()


def take_memory(folder: Path) -> None:
    # Straight from the system: what the C library hands out may be memory that an earlier test has freed.
    with mmap.mmap(-1, 2 * watched.MEMORY) as block:
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1


def a_bug(folder: Path) -> None:
    raise KeyError("a bug")


def wrong(folder: Path) -> str:
    return "the wrong value"


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        (crash, "crash"),
        (run_a_program, "side effect"),
        (write_outside, "side effect"),
        (take_memory, "memory"),
        (a_bug, "other error"),
        (wrong, "wrong"),
    ],
)
@needs_linux
def test_every_kind_of_fault_is_seen(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any], outcome: str
) -> None:
    monkeypatch.setattr(watched, "MEMORY", 64 << 20)
    findings = outcome_of(read)
    assert dict(findings.counts) == {outcome: 2}
    assert sorted(findings.faults) == [0, 1]


@needs_linux
def test_writing_inside_the_folder_and_known_errors_are_no_faults() -> None:
    def inside(folder: Path) -> None:
        (folder / "b").write_text("x")

    assert dict(outcome_of(inside).counts) == {"read": 2}
    assert dict(outcome_of(a_bug, (KeyError,)).counts) == {"refused": 2}


def test_changes_repeat_themselves_and_are_changes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4
    first = [mutated(data, random.Random(seed), b"other") for seed in range(50)]
    assert first == [mutated(data, random.Random(seed), b"other") for seed in range(50)]
    assert sum(content != data for content in first) > 40
    png = png16().seeds[0]["frame.png"]
    zipped = archives().seeds[0]["set.zip"]
    assert mutated_inside_png(png, random.Random(3)) != png
    assert mutated_inside_zip(zipped, random.Random(3)) != zipped
    assert write(archives(), tmp_path, 0, random.Random(0)) is None
    assert (tmp_path / "set.zip").is_file()


# Pictures


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp"])
def test_a_small_file_that_states_a_huge_picture_is_refused(tmp_path: Path, ending: str) -> None:
    whole = bytearray(cv2.imencode(ending, np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    place = {".png": 16, ".jpg": whole.find(b"\xff\xc0") + 5, ".bmp": 18}[ending]
    width = 2 if ending == ".jpg" else 4
    order = "little" if ending == ".bmp" else "big"
    for number in (0, 1):
        whole[place + width * number : place + width * (number + 1)] = (30000).to_bytes(width, order)  # type: ignore[arg-type]
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(whole)
    with pytest.raises(UnreadableImage, match="far too few for the size"):
        read_image(path)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp"])
def test_plain_pictures_of_any_size_are_believed(ending: str) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, 1] if ending == ".jpg" else []
    for side in (1, 64, 5000):
        assert not claims_too_much(cv2.imencode(ending, np.zeros((side, side), np.uint8), options)[1].tobytes())


# LMDB


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(st.text("abcdef_0123456789é", min_size=1, max_size=40), st.binary(max_size=9000), max_size=40),
    st.sets(st.integers(0, 39)),
)
def test_what_the_lmdb_library_writes_is_read(tmp_path_factory: pytest.TempPathFactory, content, removed) -> None:
    lmdb = pytest.importorskip("lmdb")
    path = tmp_path_factory.mktemp("lmdb")
    left = {key: value for index, (key, value) in enumerate(content.items()) if index not in removed}
    with lmdb.open(str(path), map_size=1 << 24) as environment:
        for key, value in content.items():
            with environment.begin(write=True) as transaction:
                transaction.put(key.encode(), value)
        with environment.begin(write=True) as transaction:
            for key in content.keys() - left.keys():
                transaction.delete(key.encode())
    file = LmdbFile(path)
    assert list(file.keys()) == sorted(left, key=str.encode)
    assert {key: file.get(key) for key in content} == {key: left.get(key) for key in content}
    assert file.get("no such key") is None


def test_a_tree_of_pages_and_large_values_are_read_from_a_single_file(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    content = {f"clip_{index:05d}": bytes([index % 251]) * (index % 7 * 900) for index in range(2000)}
    place = str(tmp_path / "one.mdb")
    with lmdb.open(place, subdir=False, map_size=1 << 26) as environment, environment.begin(write=True) as transaction:
        for key, value in content.items():
            transaction.put(key.encode(), value)
    file = LmdbFile(tmp_path / "one.mdb")
    assert list(file.keys()) == sorted(content)
    assert all(file.get(key) == value for key, value in content.items())


def test_a_file_that_shrinks_while_it_is_open_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(tmp_path), map_size=1 << 22) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"large", bytes(100_000))
    file = LmdbFile(tmp_path)
    assert file.get("large") == bytes(100_000)
    os.truncate(tmp_path / "data.mdb", 20_000)
    with pytest.raises(DamagedLmdb, match=r"data\.mdb is damaged .* cut off"):
        file.get("large")
    with pytest.raises(FileNotFoundError):
        LmdbFile(tmp_path / "nothing").get("x")
