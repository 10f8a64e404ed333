"""The one place that configures logging and says where text goes.

Messages go to stderr through `logging`, in colour on a terminal and as plain lines elsewhere. Results that somebody may
want to pipe (tables, lists) go to stdout through `output()`.
"""

import logging
import os
import sys
from typing import Any

from rich.console import Console, RenderableType
from rich.logging import RichHandler

# Results in a pipe or a file must not be folded at the 80 columns that rich assumes there.
WIDTH_WITHOUT_TERMINAL = 200

_messages = Console(stderr=True)


def is_first_process() -> bool:
    """Whether this is the process that talks: the only one, or rank 0 of several (`torchrun`, `accelerate launch`)."""
    return os.environ.get("RANK", "0") == "0"


def message_console() -> Console:
    """The console on stderr that log messages and progress bars share, so that they do not write over each other."""
    return _messages


def configure_logging(level: int | str = logging.INFO) -> None:
    """Send the messages of all loggers to stderr. Calling it again replaces what was set before.

    Args:
        level: the lowest level shown, e.g. `logging.DEBUG` or `'DEBUG'`; processes other than the first show only
            warnings.
    """
    handler: logging.Handler
    if _messages.is_terminal:
        handler = RichHandler(console=_messages, show_path=False, log_time_format="[%X]", rich_tracebacks=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level if is_first_process() else logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    _quieten_libraries()


def output(result: RenderableType, **options: Any) -> None:
    """Write a result (text, `rich.table.Table`) to stdout; in the first process only.

    Args:
        result: what `rich` can render. A plain string is written as it is, without markup.
        options: handed to `rich.console.Console.print`.
    """
    if not is_first_process():
        return
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    if isinstance(result, str):
        options.setdefault("soft_wrap", True)
    console.print(result, **options)


def _quieten_libraries() -> None:
    """Libraries that log every file they open at DEBUG would bury our own messages."""
    for name in ("PIL", "matplotlib", "h5py", "urllib3", "filelock", "accelerate", "tensorboard", "numba"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it logs as an error it also raises, or goes on
