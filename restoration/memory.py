"""How much memory a restoration may use."""

from __future__ import annotations

import os
import re
from pathlib import Path

from restoration.burst import RestorationError

_OF_FREE = 0.6  # the rest is for the operating system, and for what the estimate misses
_WHERE_UNKNOWN = 2 << 30
_UNITS = {"": 30, "k": 10, "m": 20, "g": 30, "t": 40}  # a bare number counts in GB
_LEAST = 64 << 20
_MEMINFO = Path("/proc/meminfo")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def parse_memory(text: str) -> int:
    """Bytes of `6`, `6G`, `6GB`, `1.5 GiB` or `800M`; a bare number counts in GB, and units are powers of 1024.

    Raises:
        RestorationError: it is no size, or less than 64 MB.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text.lower())
    if match is None:
        raise RestorationError(f"--memory {text}: give a size like 6GB or 800MB")
    size = int(float(match.group(1)) * (1 << _UNITS[match.group(2)]))
    if size < _LEAST:
        raise RestorationError(f"--memory {text} is too little; give at least {_LEAST >> 20}MB")
    return size


def free_memory() -> int:
    """Bytes that may be used where nobody says how many: a part of what is free."""
    return max(int(_free() * _OF_FREE), _LEAST)


def _free() -> int:
    known = []
    try:
        known += [
            int(line.split()[1]) << 10 for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable")
        ]
    except (OSError, ValueError, IndexError):  # no Linux
        if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
            known.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _LIMITS:  # of a container
        try:
            known.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return min(known, default=_WHERE_UNKNOWN)


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python or torch could not get memory; torch says so in a ``RuntimeError`` on a CPU."""
    return isinstance(error, MemoryError) or "alloc" in str(error) or "out of memory" in str(error)
