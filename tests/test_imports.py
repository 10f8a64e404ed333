"""What loading BurstLab loads: `import evaluation` must not wait for libraries that it may never need."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

from benchmarks.imports import ROOMS, in_fresh_process

ROOT = Path(__file__).resolve().parent.parent
ONLY_POSIX = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def test_rooms_load_large_libraries_only_where_they_are_used() -> None:
    found = in_fresh_process(*ROOMS)
    assert found["modules"] > 200
    assert found["libraries"] == {}  # library: the module that loads it


def test_the_command_line_answers_before_torch_is_loaded() -> None:
    code = "import sys, run_training, run_quickstart, run_restoration; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_nothing_that_windows_lacks_is_needed_to_load_a_file() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for place in (*ROOMS, "util_scripts", "benchmarks")
        for path in sorted((ROOT / place).rglob("*.py"))
        for name in names_imported_at_the_top(path)
        if name in ONLY_POSIX
    ]
    assert found == []


def names_imported_at_the_top(path: Path) -> list[str]:
    tops = ast.parse(path.read_text(encoding="utf-8")).body
    return [alias.name for node in tops if isinstance(node, ast.Import) for alias in node.names] + [
        str(node.module) for node in tops if isinstance(node, ast.ImportFrom)
    ]


def test_every_room_is_measured() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(ROOMS) == set(project["tool"]["importlinter"]["root_packages"])
