"""Parts of a training that the command line names."""

from __future__ import annotations

import importlib
from typing import Any

from utils.suggestions import unknown_name_message


def named(path: str) -> Any:
    """What ``module.name`` names.

    Raises:
        ValueError: there is no such module, or nothing of that name in it.
    """
    module, _, name = path.rpartition(".")
    try:
        content = vars(importlib.import_module(module))
    except (ModuleNotFoundError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path!r} names nothing ({error}); give MODULE.NAME: --set network=models.FILE.NAME"
        ) from error
    if name not in content:
        raise ValueError(unknown_name_message(f"name in {module}", name, [key for key in content if key[0] != "_"]))
    return content[name]
