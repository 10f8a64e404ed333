"""The workflow of the hosted tests says what pyproject.toml and the Makefile say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from util_scripts.declared_requirements import oldest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
MATRIX = JOBS["test"]["strategy"]["matrix"]
SYSTEMS = {"ubuntu-latest", "macos-latest", "windows-latest"}
LIBRARIES = [
    *PROJECT["dependencies"],
    *(line for extra in ("raw", "downloads", "stores") for line in PROJECT["optional-dependencies"][extra]),
]


def commands(job: str) -> str:
    return "\n".join(step["run"] for step in JOBS[job]["steps"] if "run" in step)


def test_all_declared_pythons_are_tested_on_all_systems() -> None:
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert MATRIX["python"] == declared
    assert set(MATRIX["os"]) == SYSTEMS
    assert MATRIX["versions"] == ["newest"]
    assert PROJECT["requires-python"] == f">={declared[0]}"


def test_the_oldest_libraries_are_tested_with_the_oldest_python_on_all_systems() -> None:
    included = [(one["os"], one["python"], one["versions"]) for one in MATRIX["include"]]
    assert sorted(included) == sorted((system, MATRIX["python"][0], "oldest") for system in SYSTEMS)
    assert "--oldest" in commands("test")


@pytest.mark.parametrize("line", LIBRARIES)
def test_the_oldest_version_is_the_lower_bound(line: str) -> None:
    declared, chosen = Requirement(line), Requirement(oldest(line))
    assert chosen.name == declared.name
    (lower,) = declared.specifier
    assert lower.operator == ">="
    assert chosen.specifier.contains(lower.version)
    assert not chosen.specifier.contains(f"{Version(lower.version).major + 1}.0")


def test_a_requirement_without_lower_bound_is_named() -> None:
    with pytest.raises(ValueError, match="'torch<3' does not say from which version on"):
        oldest("torch<3")


def test_the_oldest_torch_and_torchvision_belong_together() -> None:
    """torchvision 0.(n + 15) is built for torch 2.n and works with no other."""
    lower = {one.name: Version(next(iter(one.specifier)).version) for one in map(Requirement, LIBRARIES)}
    assert lower["torch"].major == 2
    assert lower["torchvision"].release[:2] == (0, lower["torch"].minor + 15)


def test_lint_tests_and_docs_run_as_they_do_here() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"lint", "docs"} <= targets
    assert "make lint" in commands("lint")
    assert "make docs" in commands("docs")
    assert commands("test").splitlines()[-1] == "python -m pytest -q"


def test_windows_needs_neither_make_nor_install_sh() -> None:
    assert JOBS["test"]["defaults"]["run"]["shell"] == "bash"
    assert not re.search(r"\bmake\b|install\.sh|apt-get|\.venv", commands("test"))


def test_the_hosted_tests_install_all_that_the_tests_need() -> None:
    named = set(re.findall(r"\b(raw|downloads|stores|docs|dev)\b", commands("test")))
    installed = re.search(r'declared && declared ([a-z ]+)\)"', (ROOT / "install.sh").read_text(encoding="utf-8"))
    assert installed is not None
    assert named == set(installed[1].split())
