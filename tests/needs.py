"""Marks of tests that some systems cannot run."""

from __future__ import annotations

import os
import sys

import pytest

needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs fork, resource limits and /proc, as Linux has them"
)
needs_posix = pytest.mark.skipif(
    os.name != "posix", reason="needs what only POSIX systems have: SIGKILL, bash, permission bits, symbolic links"
)
