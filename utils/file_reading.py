"""Whole files as bytes, and which failures of reading one are lasting."""

from __future__ import annotations

import os
from pathlib import Path

# The file or its place is wrong, now and later. Other errors (a failing disk, a network file system that is away, too
# many open files) may pass.
LASTING_ERRORS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def read_file(path: str | os.PathLike[str], unreadable: type[ValueError]) -> bytes:
    """The content of a file.

    Args:
        unreadable: raised where trying again cannot help.

    Raises:
        Exception: of the type ``unreadable``, where there is no such file, or none that may be read; names it.
        OSError: any other failure, which may pass; names the file.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise unreadable(f"{path} does not exist") from error
    except LASTING_ERRORS as error:
        raise unreadable(f"{path} cannot be read: {error.strerror or error}") from error
    except OSError as error:
        # Reading an open file fails without saying which one it was.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
