"""Memory of this process: how much it took, and keeping what was freed for the next tensor.

The C library gives blocks of 32 MiB and more back at once and fetches them anew, which costs a page fault for every
4 KiB that is written. Where those are dear, in virtual machines above all, networks on a CPU spend half of their time
there.
"""

from __future__ import annotations

import ctypes
import logging
import sys

logger = logging.getLogger(__name__)

# malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER, _STEP = -1, 64 << 20


def peak_bytes() -> int | None:
    """The most memory that this process has had so far; None where Python does not know (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_freed_memory() -> bool:
    """From now on this process keeps what it frees; True if the C library can be told so (glibc, on Linux).

    The process then holds on to the largest amount of memory that it ever needed. Processes that it forks do the same.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, _STEP))
    done = all(mallopt(parameter, value) == 1 for parameter, value in wanted)
    if not done:
        logger.warning("the C library did not take all of its memory settings; networks on the CPU may be slower")
    return done
