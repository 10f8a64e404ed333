"""Memory of this process that was freed is kept for the next tensor, instead of going back to the system.

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
