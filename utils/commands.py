"""How every command ends: its exit code, and which errors are shown without a traceback."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

EXIT_FAILED, EXIT_USAGE = 1, 2
EXIT_INTERRUPTED = 130  # as shells report a program that Ctrl-C stopped

_ROOT = Path(__file__).resolve().parents[1]


class MissingPackage(ImportError):
    """A package that is not always installed is needed; says how to get it."""


def is_worded_for_users(error: Exception) -> bool:
    """Whether the message alone says what to do: files, values, and the exceptions that our own rooms define."""
    room = type(error).__module__.partition(".")[0]
    return isinstance(error, (OSError, ValueError)) or (_ROOT / room / "__init__.py").is_file()


def message_of(error: Exception) -> str:
    """What the error says, without the traceback that torch writes into errors of a loader's worker process."""
    text = str(error)
    if not text.startswith("Caught ") or "Original Traceback" not in text:
        return text
    return re.split(rf"^(?:\w+\.)*{type(error).__name__}: ", text, flags=re.MULTILINE)[-1].strip()


def run_command(
    work: Callable[[], object],
    logger: logging.Logger,
    interrupted: str = "Interrupted.",
    verbose: bool = False,
    hint: str = "",
    one_line: bool = False,
) -> int:
    """Does the work of a command line; returns the exit code (0, 1 failed, 130 interrupted).

    Errors that say by themselves what to do are shown without a traceback; others are bugs and keep it.

    Args:
        work: False as its result means that something failed and was said already.
        logger: of the command.
        interrupted: what is said after Ctrl-C.
        verbose: keep the traceback of every error.
        hint: said after an error.
        one_line: errors become one line, whatever libraries have put into them.
    """
    try:
        return EXIT_FAILED if work() is False else 0
    except KeyboardInterrupt:
        logger.error(interrupted)
        return EXIT_INTERRUPTED
    except Exception as error:
        if verbose or not is_worded_for_users(error):
            raise
        logger.debug("where it happened:", exc_info=True)
        message = message_of(error)
        logger.error("%s", " ".join(message.split()) if one_line else message)
        if hint:
            logger.error(hint)
        return EXIT_FAILED
