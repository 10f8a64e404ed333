"""Runs blocks: commands of this toolkit in this process, as short as `smoke` makes them, or only up to their options.

Everything a command needs is already imported then, so a command takes a second where a process of its own takes ten.
"""

from __future__ import annotations

import argparse
import glob
import importlib
import os
import re
import runpy
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.code_blocks.pages import ROOT, Block, Command
from tests.code_blocks.smoke import shortened, small_benchmarks

# Commands, as shortened, that have run: pages repeat each other.
_DONE: set[tuple[str, ...]] = set()
_SHELL = {"source", "export", "cd", "git", "#!/bin/bash"}  # prepare a shell; nothing of ours
_PYTHONS = ("python", ".venv/bin/python")
_LAUNCHERS = ("torchrun", ".venv/bin/torchrun")


class BlockFailed(AssertionError):
    """A block does not do what its page says."""


class _OptionsAreKnown(BaseException):
    """The options of a command could be parsed; it ends here."""


def run_block(block: Block) -> None:
    """Runs a block in the current folder, shortened; where it cannot run, looks at its commands or its syntax.

    Raises:
        BlockFailed: it fails, or nobody said how it is to be run.
    """
    if block.language == "text":
        return
    if not block.language:
        raise BlockFailed(f"{block.name}: neither commands nor Python; write <!-- text --> before it if it is no code")
    if block.language == "python":
        _run_python(block)
        return
    for command in block.commands():
        try:
            _run_command(block, command)
        except BlockFailed as error:
            raise BlockFailed(f"{block.name}: {command.text}\n{error}") from error


def _run_python(block: Block) -> None:
    setup = block.marker("setup")
    code = compile(block.code, block.name, "exec")
    if not any(block.marker(name) for name in ("not run", "only at full length", "file")):
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(setup.text if setup else "", names)  # noqa: S102 - code of our own pages
        exec(code, names)  # noqa: S102


def _run_command(block: Block, command: Command) -> None:
    left_out = block.marker("not run", command.text) or block.marker("only at full length", command.text)
    if left_out and not left_out.text:
        raise BlockFailed("say why it is not run: <!-- not run: reason -->")
    words = list(command.words)
    if left_out:
        words = _after_launcher(words)
    program = words[0] if words else ""
    if program == "make":
        _check_targets(words[1:])
    elif program in _PYTHONS:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in command.variables.items():
                patch.setenv(name, value)
            _run_script(words[1:], only_options=left_out is not None)
    elif program not in _SHELL and not left_out:
        raise BlockFailed("no such program is known to run here; write <!-- not run: reason --> before the block")


def _after_launcher(words: list[str]) -> list[str]:
    """A command that several processes are to run, as one process runs it."""
    launcher = next((i for i, word in enumerate(words) if word in _LAUNCHERS), None)
    if launcher is None:
        return words
    rest = words[launcher + 1 :]
    start = next((i for i, word in enumerate(rest) if word == "-m" or word.endswith(".py")), len(rest))
    return ["python", *rest[start:]]


def _check_targets(targets: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    for target in targets:
        if target not in known:
            raise BlockFailed(f"the Makefile has no {target}, but {', '.join(known)}")


def _run_script(words: list[str], only_options: bool) -> None:
    """``script.py ARGUMENTS`` or ``-m module ARGUMENTS``."""
    as_module = words[0] == "-m"
    script, arguments = (words[1], words[2:]) if as_module else (words[0], words[1:])
    if not as_module and not Path(script).exists() and not (ROOT / script).exists():
        raise BlockFailed(f"there is no {script}")
    if only_options:
        if script == "run_training.py":
            _check_setting(arguments)
        arguments = [word for word in arguments if word != "..."]
    else:
        arguments = [name for word in shortened(script, arguments) for name in sorted(glob.glob(word)) or [word]]
    done = (script, *arguments, *(str(Path.cwd()) for word in arguments if Path(word).exists()))
    if done in _DONE and not only_options:
        return
    with _as_main(script, arguments), small_benchmarks(), _ended_by_options(only_options):
        try:
            if as_module:
                runpy.run_module(script, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(str(ROOT / script), run_name="__main__")
        except _OptionsAreKnown:
            return
        except SystemExit as end:
            if end.code:
                raise BlockFailed(f"ends with exit code {end.code}") from end
    if only_options:
        raise BlockFailed("has no options to look at")
    _DONE.add(done)


def _check_setting(arguments: list[str]) -> None:
    """Options alone do not tell whether there is such a training. ``mine`` stands for one of the reader's own."""
    from run_training import find_settings

    names = [word for word in arguments[:2] if not word.startswith("-")]
    if len(names) == 2 and names[1] != "mine" and names[1] not in find_settings().get(names[0], {}):
        raise BlockFailed(f"there is no train_settings/{'/'.join(names)}.py")


@contextmanager
def _as_main(script: str, arguments: list[str]) -> Iterator[None]:
    """What a program finds and may change: its arguments, the path of modules."""
    argv, path, threads = sys.argv, list(sys.path), dict(os.environ)
    sys.argv = [script, *arguments]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path
        os.environ.clear()
        os.environ.update(threads)


@contextmanager
def _ended_by_options(wanted: bool) -> Iterator[None]:
    """Inside, every program ends as soon as its options have been parsed."""
    if not wanted:
        yield
        return
    parse = argparse.ArgumentParser.parse_args

    def parse_and_end(parser: argparse.ArgumentParser, *given: Any) -> NoReturn:
        parse(parser, *given)
        raise _OptionsAreKnown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_end)
        yield


@contextmanager
def files_of_page(blocks: Iterable[Block], folder: Path) -> Iterator[None]:
    """Inside, the files that a page tells to write are part of the toolkit: modules of its rooms."""
    written = [(marker.text, block.code) for block in blocks if (marker := block.marker("file"))]
    packages = {name.rpartition("/")[0] for name, _ in written}
    paths = {package: importlib.import_module(package.replace("/", ".")).__path__ for package in packages}
    for name, code in written:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code + "\n", encoding="utf-8")
    for package, path in paths.items():
        path.append(str(folder / package))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for package, path in paths.items():
            path.remove(str(folder / package))
        for name, _ in written:
            sys.modules.pop(name.removesuffix(".py").replace("/", "."), None)
