"""What the importers of the original programs' configurations share: the command line, and reading of parts."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from util_scripts.script import run_script
from utils.atomic_write import write_text
from utils.script_parser import script_parser

logger = logging.getLogger(__name__)


def import_main(
    doc: str | None,
    arguments: Sequence[str] | None,
    folder: Path,
    kind: str,
    default_name: Callable[[str], str],
    settings_text: Callable[[Path, str], str],
) -> int:
    """Does what the command line of an importer says; returns the exit code.

    Args:
        doc: the script's own text.
        arguments: of the command line.
        folder: where the settings file is written; ``run_training.py`` knows it by its name.
        kind: of the file that is imported, such as JSON.
        default_name: the settings file's name, from that of the imported file without its ending.
        settings_text: the text of the settings file, from the imported file and the name.
    """
    parser = script_parser(doc)
    parser.add_argument("source", metavar="FILE", type=Path, help=f"the {kind} file")
    parser.add_argument("--name", help=f"of the settings file (default: that of the {kind} file)")
    parser.add_argument("--overwrite", action="store_true", help="replace a settings file of that name")

    def write(options: argparse.Namespace) -> None:
        name = options.name or default_name(options.source.stem)
        if not name.isidentifier():
            raise ValueError(f"{name!r} cannot be the name of a settings file; give another with --name")
        target = folder / f"{name}.py"
        if target.exists() and not options.overwrite:
            raise FileExistsError(f"{target} is there already; give another --name, or --overwrite")
        write_text(target, settings_text(options.source, name))
        logger.info("Written: %s. Train it: python run_training.py %s %s", target, folder.name, name)

    return run_script(parser, arguments, write)


def part(content: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A part of a configuration, by the names on the way to it.

    Raises:
        ValueError: it is missing, or no mapping.
    """
    found = content
    for name in names:
        inner = found.get(name)
        if not isinstance(inner, Mapping):
            raise ValueError(f"the configuration has no part {'.'.join(names)!r}")
        found = inner
    return found


@contextmanager
def following(source: str) -> Iterator[None]:
    """Inside, what is missing in a configuration or of the wrong kind is an error that names its file.

    Raises:
        ValueError: a key is missing, or a value cannot be converted.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{source} has no {error.args[0]!r} where the original programs have it") from error
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{source} has a value of another kind than the original programs expect: {error}") from error


def in_docstring(text: object) -> str:
    """A text of a configuration as it can stand in the docstring of a settings file: it cannot end it."""
    return str(text).replace("\\", "/").replace('"', "'")


def given(content: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    """A value; ``otherwise`` where it is missing or null."""
    value = content.get(name)
    return otherwise if value is None else value
