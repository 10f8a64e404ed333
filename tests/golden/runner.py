"""Runs every recorded case of a folder and says what agreed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from safetensors import SafetensorError

from tests.golden.recording import Case, Judge
from tests.golden.registry import find_check

HERE = Path(__file__).parent
COVERED_FILE = HERE / "covered.toml"


@dataclass(frozen=True)
class Result:
    case: Case
    verdict: str  # "passed", "FAILED" or "not covered yet"
    detail: str

    def line(self) -> str:
        return f"{self.case.name:<48} {self.verdict:<16} {self.detail}"


def cases_in(folder: Path, part: str | None = None, name: str | None = None) -> list[Case]:
    """The recordings of a folder in order of name; ``name`` may be a glob.

    Raises:
        FileNotFoundError: the folder does not exist or holds no (matching) recording.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; give a folder of recorded .safetensors cases")
    found = [Case(part or folder.resolve().name, path) for path in sorted(folder.glob("*.safetensors"))]
    if name is not None:
        found = [case for case in found if fnmatchcase(case.name, name)]
    if not found:
        raise FileNotFoundError(f"{folder} holds no recorded case{f' named {name}' if name else ''} (*.safetensors)")
    return found


def covered_globs(part: str) -> list[str]:
    """Names (globs) of the cases of a part that must be known and pass."""
    return tomllib.loads(COVERED_FILE.read_text()).get(part, {}).get("cases", [])


def run_case(case: Case) -> Result:
    """Checks one case. An exception inside our code is a failure of that case, not of the run; so is a damaged file."""
    try:
        check = find_check(case)
    except (SafetensorError, ValueError, OSError) as error:
        return Result(case, "FAILED", f"{case.path} cannot be read: {error}")
    in_force = any(fnmatchcase(case.name, glob) for glob in covered_globs(case.part))
    if check is None:
        return Result(case, "FAILED" if in_force else "not covered yet", "no check knows this recording")
    judge = Judge()
    try:
        with torch.random.fork_rng(devices=[]):
            check(case, judge)
    except Exception as error:  # noqa: BLE001 - whatever our code raises is the verdict of this case
        return Result(case, "FAILED", f"{type(error).__name__}: {error}")
    worst = judge.worst
    if worst is None:
        return Result(case, "FAILED", "the check compared nothing")
    count = len(judge.comparisons)
    detail = f"worst error {worst.error:.3g} in {worst.what} (tolerance {worst.tolerance}, {count} compared)"
    return Result(case, "passed" if judge.passed else "FAILED", detail)


def run_cases(cases: Iterable[Case], report: Callable[[str], object]) -> int:
    """Runs the cases, reports a line for each and the closing count; returns the number of failures."""
    counts = {"passed": 0, "FAILED": 0, "not covered yet": 0}
    for case in cases:
        result = run_case(case)
        counts[result.verdict] += 1
        report(result.line())
    report(f"{counts['passed']} passed, {counts['FAILED']} failed, {counts['not covered yet']} not covered yet")
    return counts["FAILED"]
