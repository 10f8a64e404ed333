"""The house stays easy to walk: short files, thin scripts, settings like tables, and no import circle."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("actors", "admin", "data", "dataset", "evaluation", "external", "models", "restoration", "trainers", "utils")
ALL_FOLDERS = (*ROOMS, "train_settings", "util_scripts", "benchmarks", "examples", "tests")
SETTINGS_LINES, SCRIPT_LINES, EXAMPLE_LINES, FILE_LINES = 40, 20, 40, 400


def lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def too_long(paths: Iterator[Path], most: int) -> dict[str, int]:
    return {path.relative_to(ROOT).as_posix(): lines(path) for path in sorted(paths) if lines(path) > most}


def settings_files() -> Iterator[Path]:
    return ROOT.glob("train_settings/*/[!_]*.py")


def is_main_test(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def scripts_of_evaluation() -> Iterator[Path]:
    for path in ROOT.glob("evaluation/**/*.py"):
        if any(is_main_test(statement) for statement in ast.parse(path.read_bytes()).body):
            yield path


def test_settings_read_like_a_table() -> None:
    assert too_long(settings_files(), SETTINGS_LINES) == {}


def test_what_stands_among_the_settings_can_be_run() -> None:
    """Helpers of settings are modules of `train_settings` itself, where the command line does not offer them."""
    for path in settings_files():
        defined = [node.name for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.FunctionDef)]
        assert "run" in defined, path


def test_scripts_of_the_evaluation_only_start_what_modules_do() -> None:
    assert too_long(scripts_of_evaluation(), SCRIPT_LINES) == {}
    assert len(list(scripts_of_evaluation())) > 20


def test_examples_can_be_read_at_a_glance() -> None:
    assert too_long(ROOT.glob("examples/*.py"), EXAMPLE_LINES) == {}


@pytest.mark.parametrize("folder", ALL_FOLDERS)
def test_no_file_is_longer_than_a_sitting(folder: str) -> None:
    files = (path for ending in ("py", "js") for path in (ROOT / folder).glob(f"**/*.{ending}"))
    assert too_long(files, FILE_LINES) == {}


def imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules that are imported when a file is, and those that are only imported for types."""
    found = set()
    for statement in ast.parse(path.read_bytes()).body:
        # What a function imports is imported when it is called.
        parts = [statement] if not isinstance(statement, (ast.If, ast.Try)) else ast.walk(statement)
        for node in parts:
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                found |= {f"{node.module}.{alias.name}" for alias in node.names} & modules.keys() or {node.module}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
    return found & modules.keys()


def test_no_module_imports_itself_by_a_detour() -> None:
    modules = {}
    for room in (*ROOMS, "train_settings", "util_scripts", "benchmarks"):
        for path in (ROOT / room).glob("**/*.py"):
            modules[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    order = graphlib.TopologicalSorter({name: imported(path, modules) for name, path in modules.items()})
    order.prepare()  # raises CycleError, which names the circle
    assert order.is_active()
