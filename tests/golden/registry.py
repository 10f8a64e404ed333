"""Which check knows which recording.

A check is chosen by what was recorded (the recording's own words for the function) or by the name of the
case, so that further recordings of the same function with other seeds and arguments find it too.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.golden.recording import Case, Judge

Check = Callable[[Case, Judge], None]


@dataclass(frozen=True)
class _Entry:
    part: str
    names: tuple[str, ...]
    functions: tuple[str, ...]
    check: Check


_entries: list[_Entry] = []


def checks(part: str, names: Sequence[str] = (), functions: Sequence[str] = ()) -> Callable[[Check], Check]:
    """Registers a check for the cases of ``part`` whose name or recorded function matches one of the globs.

    A match by name wins over a match by function, so that a special case of a function can have its own check.
    The check calls our code on ``case["in.*"]`` and hands results to the judge, which never raises.
    """

    def register(check: Check) -> Check:
        _entries.append(_Entry(part, tuple(names), tuple(functions), check))
        return check

    return register


def find_check(case: Case) -> Check | None:
    """The check for a case, or None if nobody covers it yet."""
    _load_all()
    mine = [entry for entry in _entries if entry.part == case.part]
    for entry in mine:
        if any(fnmatchcase(case.name, glob) for glob in entry.names):
            return entry.check
    for entry in mine:
        if any(fnmatchcase(case.function, glob) for glob in entry.functions):
            return entry.check
    return None


def _load_all() -> None:
    from tests.golden import cases

    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")
