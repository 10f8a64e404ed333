"""Words for a name that does not exist: the nearest names that do."""

import difflib
from collections.abc import Iterable


def closest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names that somebody who wrote `name` most likely meant, best first.

    Compared without regard to case; a name that contains `name`, or is contained in it, counts as near.

    Args:
        name: what was written.
        names: what exists.
        count: how many at most.
    """
    candidates = list(dict.fromkeys(names))
    wanted = name.casefold()

    def likeness(candidate: str) -> float:
        known = candidate.casefold()
        ratio = difflib.SequenceMatcher(None, wanted, known).ratio()
        one_holds_the_other = min(len(wanted), len(known)) >= 3 and (wanted in known or known in wanted)
        return max(ratio, 0.75) if one_holds_the_other else ratio

    scored = [(likeness(candidate), candidate) for candidate in candidates]
    near = [pair for pair in scored if pair[0] >= 0.6]
    near.sort(key=lambda pair: -pair[0])
    return [candidate for _, candidate in near[:count]]


def unknown_name_message(kind: str, name: str, names: Iterable[str]) -> str:
    """One line for an unknown `name`: `Unknown setting 'x' – did you mean 'y' or 'z'?`

    Where nothing is near, the known names are listed instead (the first 20 of them).

    Args:
        kind: what the name should have been, e.g. `experiment`.
        name: what was written.
        names: what exists.
    """
    known = sorted(set(names))
    suggestions = closest(name, known)
    if suggestions:
        return f"Unknown {kind} {name!r}: did you mean {' or '.join(map(repr, suggestions))}?"
    if not known:
        return f"Unknown {kind} {name!r}: there is none."
    listed = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f"Unknown {kind} {name!r}. Known: {listed}."
