"""Ctrl-C and the end of a cluster job, as a wish that the trainer fulfils between two steps."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)


class Interruption:
    """While the block is open, the first SIGINT or SIGTERM is only noted; a second SIGINT stops at once.

    Outside the main thread signals cannot be handled, and nothing is changed.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> Self:
        self.received = None
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            return  # a loader's worker that was forked from this process: it works on until it is told to end
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number
        logger.warning("stopping after this step, with a checkpoint; once more Ctrl-C stops at once without one")

    def error(self) -> BaseException:
        """What the program ends with: exit status 130 after Ctrl-C, 143 after SIGTERM."""
        return KeyboardInterrupt() if self.received == signal.SIGINT else SystemExit(128 + signal.SIGTERM)
