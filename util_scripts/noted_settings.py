"""With which options a folder was made, so that a second run with others cannot mix with what is there."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from utils.atomic_write import write_text

logger = logging.getLogger("util_scripts")


def note_settings(note: Path, settings: Mapping[str, Any]) -> None:
    """Writes ``settings`` to the file ``note``, or compares them with those that it holds.

    A folder of an older version has things in it and no note. It may well have been made with these settings, so a
    warning says what is taken for granted, and from then on the note holds. Options that a note does not know are
    added; others that only it knows are kept and not compared.

    Args:
        note: ``<folder>/<name>.json``; the folder holds what is made.
        settings: name of the option, or in capitals of the argument → number, text, None, or the path of an input. Only
            what decides the content of files: no path of the output, and no count that lets a run go on with more.

    Raises:
        ValueError: the folder was made with other settings, or the note is damaged.
    """
    made = any(path.is_file() for path in note.parent.rglob("*") if path != note)
    noted = _read(note) if made else None  # a run that failed at once has noted its settings and made nothing
    if noted is None and made:
        shown = ", ".join(_option(name, _plain(value)) for name, value in settings.items() if value is not None)
        logger.warning(
            "%s does not say with which settings it was made (there is no %s); what is there is left alone and taken "
            "for made with %s. If it was not, remove it",
            note.parent,
            note.name,
            shown,
        )
    for name, value in settings.items():
        if noted is not None and name in noted and not _same(noted[name], value):
            raise ValueError(
                f"{note.parent} was made with {_option(name, noted[name])}, not {_option(name, _plain(value))} (noted "
                f"in {note}), and what is there would stay as it is. Give the same, or another folder, or remove "
                "this one"
            )
    now = {**(noted or {}), **{name: _plain(value) for name, value in settings.items()}}
    if now != noted:
        write_text(note, json.dumps(now, indent=1) + "\n")


def _read(note: Path) -> dict[str, Any] | None:
    if not note.is_file():
        return None
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
    except ValueError as error:  # also what is no UTF-8
        raise ValueError(f"{note} is damaged: {error}. Remove it if you know the settings of {note.parent}") from error
    if not isinstance(noted, dict):
        raise ValueError(f"{note} holds no settings. Remove it if you know those of {note.parent}")
    return noted


def _plain(value: Any) -> Any:
    """As JSON has it; a path from the root, so that it does not depend on where the command was given."""
    return str(value.resolve()) if isinstance(value, Path) else value


def _same(noted: Any, value: Any) -> bool:
    # Notes of older versions have paths as they were given.
    given = Path(noted) if isinstance(value, Path) and isinstance(noted, str) else noted
    return bool(_plain(given) == _plain(value))


def _option(name: str, value: Any) -> str:
    shown = name if name.isupper() else f"--{name}"
    return f"no {shown}" if value is None else f"{shown} {value}"
