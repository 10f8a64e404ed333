"""A page of the reference for every package of the public rooms, written anew by each build into docs/generated."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from .pages import GENERATED, write_if_new

ROOMS = ("restoration", "evaluation", "trainers", "actors", "models", "data", "dataset", "admin", "utils")
# Lists of networks, and commands that do no more than name their benchmark.
_LEFT_OUT_PACKAGES = {"experiments"}
_LEFT_OUT_MODULES = {"__init__", "__main__", "save_results", "compute_score", "visualize_results"}

_INTRODUCTION = """\
Made from the docstrings. A page for every package, in the order of
:doc:`who may import whom </architecture>`: a room knows only those below it.
"""


def packages(root: Path) -> Iterator[Path]:
    """The folders of all packages of the public rooms, a package before those inside it."""
    for room in ROOMS:
        for init in sorted((root / room).rglob("__init__.py")):
            if not _LEFT_OUT_PACKAGES & set(init.parent.parts):
                yield init.parent


def modules(package: Path) -> list[Path]:
    """The files of a package that have something to say to a reader."""
    return [path for path in sorted(package.glob("*.py")) if path.stem not in _LEFT_OUT_MODULES]


def summary(file: Path) -> str:
    """The first sentence of a file's docstring."""
    paragraph = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return re.split(r"\. (?=[A-Z])", " ".join(paragraph.split()))[0].rstrip(".")


def _package_page(package: Path, root: Path) -> str:
    name = ".".join(package.relative_to(root).parts)
    inner = [path for path in packages(root) if path.parent == package]
    files = modules(package)
    lines = [f"``{name}``", "=" * (len(name) + 4), "", f".. automodule:: {name}", "   :no-members:", ""]
    if inner:
        lines += [".. toctree::", "   :maxdepth: 1", "", *(f"   {name}.{path.name}" for path in inner), ""]
    if files:
        lines += [".. list-table::", "   :widths: 30 70", ""]
        for path in files:
            lines += [f"   * - :mod:`~{name}.{path.stem}`", f"     - {summary(path)}"]
        lines.append("")
    for path in files:
        title = f"{name}.{path.stem}"
        lines += [f"``{title}``", "-" * (len(title) + 4), "", f".. automodule:: {title}", ""]
    return "\n".join(lines)


def _overview(root: Path) -> str:
    lines = ["All rooms", "=========", "", _INTRODUCTION, ".. list-table::", "   :widths: 20 80", ""]
    for room in ROOMS:
        lines += [f"   * - :doc:`{room}`", f"     - {summary(root / room / '__init__.py')}"]
    lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {room}" for room in ROOMS), ""]
    return "\n".join(lines)


def _write_pages(app: Sphinx) -> None:
    root, folder = Path(app.srcdir).parent, Path(app.srcdir) / GENERATED
    folder.mkdir(exist_ok=True)
    texts = {".".join(package.relative_to(root).parts): _package_page(package, root) for package in packages(root)}
    texts["reference"] = _overview(root)
    for old in folder.glob("*.rst"):
        if old.stem not in texts:
            old.unlink()
    for name, text in texts.items():
        write_if_new(folder / f"{name}.rst", text)


def _left_out(app: Sphinx, kind: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Fields are described in their class: neither tuples' own words for them nor a default that is a function."""
    own_name = name.rpartition(".")[2]
    if getattr(member, "__doc__", None) and str(member.__doc__).startswith("Alias for field number"):
        return True
    if kind == "class" and inspect.isfunction(member) and member.__name__ != own_name:
        return True
    return None  # as Sphinx thinks


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", _write_pages)
    app.connect("autodoc-skip-member", _left_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
