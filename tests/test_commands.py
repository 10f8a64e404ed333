"""How commands end."""

from __future__ import annotations

import logging

import pytest

from admin.checkpoints import CheckpointError
from utils.commands import EXIT_INTERRUPTED, MissingPackage, message_of, run_command

LOGGER = logging.getLogger("a command")


def failing(error: BaseException):
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(("result", "code"), [(None, 0), (True, 0), (0, 0), ("text", 0), (False, 1)])
def test_the_result_of_the_work_decides(result, code):
    assert run_command(lambda: result, LOGGER) == code


@pytest.mark.parametrize(
    "error", [ValueError("bad"), FileNotFoundError("bad"), CheckpointError("bad"), MissingPackage("bad")]
)
def test_errors_that_say_what_to_do_are_shown_without_a_traceback(error, caplog):
    assert run_command(failing(error), LOGGER) == 1
    assert caplog.messages == ["bad"]


@pytest.mark.parametrize("error", [ImportError("bug"), TypeError("bug"), KeyError("bug")])
def test_bugs_keep_their_traceback(error):
    with pytest.raises(type(error)):
        run_command(failing(error), LOGGER)


def test_every_error_keeps_it_if_asked_to():
    with pytest.raises(ValueError, match="bad"):
        run_command(failing(ValueError("bad")), LOGGER, verbose=True)


def test_errors_can_end_with_a_hint_and_be_brought_into_one_line(caplog):
    assert run_command(failing(ValueError("bad:\n  b")), LOGGER, hint="look there") == 1
    assert run_command(failing(ValueError("bad:\n  b")), LOGGER, one_line=True) == 1
    assert caplog.messages == ["bad:\n  b", "look there", "bad: b"]


def test_ctrl_c_is_no_error(caplog):
    assert run_command(failing(KeyboardInterrupt()), LOGGER, "Interrupted. Go on.") == EXIT_INTERRUPTED
    assert caplog.messages == ["Interrupted. Go on."]


def test_what_a_worker_process_says_is_shown_alone():
    text = (
        'Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  File "x"\n'
    )
    assert message_of(ValueError(text + "ValueError: clip a: damaged")) == "clip a: damaged"
