"""Suggestions, log messages and progress: what a user reads."""

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from utils import log, progress
from utils.suggestions import closest, unknown_name_message

NAMES = ["denoise_color_customflow", "denoise_grayscale_customflow", "quickstart", "sr_synthetic_default"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("quikstart", "quickstart"),
        ("QuickStart", "quickstart"),
        ("sr_synthetic", "sr_synthetic_default"),
        ("denoise_colour_customflow", "denoise_color_customflow"),
    ],
)
def test_nearest_name_comes_first(written: str, meant: str) -> None:
    assert closest(written, NAMES)[0] == meant


def test_far_names_are_listed_instead_of_guessed() -> None:
    assert closest("xyz", NAMES) == []
    message = unknown_name_message("setting", "xyz", NAMES)
    assert all(name in message for name in NAMES)
    assert "there is none" in unknown_name_message("setting", "xyz", [])
    assert "and 5 more" in unknown_name_message("setting", "xyz", [f"name_{index:02d}" for index in range(25)])


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=8))
def test_only_existing_names_are_suggested_and_an_existing_one_comes_first(name: str, names: list[str]) -> None:
    near = closest(name, names)
    assert set(near) <= set(names)
    assert len(near) == len(set(near)) <= 3
    assert closest(name, [*names, name])[0].casefold() == name.casefold()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal would have been sent."""
    screen = io.StringIO()
    monkeypatch.setattr(log, "_messages", Console(file=screen, force_terminal=True, width=80))
    return screen


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, to be set by the test."""
    now = [0.0]
    monkeypatch.setattr("utils.progress.time.monotonic", lambda: now[0])
    return now


def test_track_yields_every_item_with_and_without_terminal(terminal: io.StringIO) -> None:
    assert list(progress.track(range(3), "Scoring")) == [0, 1, 2]
    assert "Scoring" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_track_logs_at_intervals_without_terminal(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for _ in progress.track(iter(range(100)), "Scoring", total=100):
            clock[0] += 1
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"Scoring: {done}/100 after {done} s" for done in (30, 60, 90)]


def test_live_line_is_rewritten_in_place_on_a_terminal(terminal: io.StringIO, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), progress.LiveLine() as line:
        for step in range(50):
            line.update(f"step {step} [loss]")
    assert "step 49 [loss]" in terminal.getvalue()
    assert caplog.records == []


def test_live_line_logs_at_intervals_without_terminal(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), progress.LiveLine(interval=10) as line:
        for step in range(25):
            line.update(f"step {step}")
            clock[0] += 1
    assert [record.getMessage() for record in caplog.records] == ["step 0", "step 10", "step 20"]


def test_live_line_may_stand_inside_a_bar(terminal: io.StringIO) -> None:
    for _ in progress.track(range(2), "outer"):
        with progress.LiveLine() as line:
            line.update("inner")
    assert "2/2" in terminal.getvalue()


def test_only_the_first_of_several_processes_talks(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    log.configure_logging()
    logging.getLogger("x").info("info of rank 1")
    logging.getLogger("x").warning("warning of rank 1")
    log.output("table of rank 1")
    assert list(progress.track(range(2), "Scoring")) == [0, 1]
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "info of rank 1" not in captured.err
    assert "warning of rank 1" in captured.err


def test_results_in_a_pipe_are_neither_folded_nor_marked_up(capfd: pytest.CaptureFixture[str]) -> None:
    long_line = "[bold]" + "x" * 300
    log.output(long_line)
    table = Table("name", "value")
    table.add_row("y" * 90, "z" * 60)
    log.output(table)
    shown = capfd.readouterr().out
    assert long_line in shown.splitlines()
    assert "y" * 90 in shown
    assert "\x1b" not in shown


def test_configuring_twice_writes_each_message_once(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure_logging()
    log.configure_logging("DEBUG")
    logging.getLogger("x").debug("a message")
    assert capfd.readouterr().err.count("a message") == 1
