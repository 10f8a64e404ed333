"""Progress of long work: a bar over an iterable, and one live line; log lines where there is no terminal."""

import logging
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Self, TypeVar

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from utils.log import is_first_process, message_console

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

# A log file of a night's run should stay readable: a line every half minute, not one for every burst.
LOG_INTERVAL = 30.0


def track(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items of `iterable` and show how far it has come.

    Args:
        iterable: what is worked through.
        description: what is being done, e.g. `Scoring`.
        total: number of items; taken from `len(iterable)` where it has one.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if not is_first_process():
        yield from iterable
    elif message_console().is_terminal:
        yield from _bar(iterable, description, total)
    else:
        yield from _log_lines(iterable, description, total)


class LiveLine:
    """One line that is written anew: in place on a terminal, as a log line every `interval` seconds elsewhere.

        with LiveLine() as line:
            for ...:
                line.update(f'loss {loss:.4f}')

    The line disappears at the end of the block; what should stay is logged.

    Args:
        interval: least seconds between two log lines where there is no terminal. The first text is logged at once.
    """

    def __init__(self, interval: float = LOG_INTERVAL) -> None:
        self._interval = interval
        self._last_logged: float | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        console = message_console()
        if console.is_terminal and is_first_process():
            self._live = Live(Text(""), console=console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, text: str) -> None:
        """Show `text` in place of what was shown before."""
        if self._live is not None:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"))
            return
        now = time.monotonic()
        if self._last_logged is None or now - self._last_logged >= self._interval:
            self._last_logged = now
            logger.info("%s", text)


def _bar(iterable: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=message_console(), transient=True) as progress:
        yield from progress.track(iterable, total=total, description=description)


def _log_lines(iterable: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    start = last_logged = time.monotonic()
    of_total = f"/{total}" if total is not None else ""
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        if now - last_logged >= LOG_INTERVAL:
            last_logged = now
            logger.info("%s: %d%s after %.0f s", description, done, of_total, now - start)
