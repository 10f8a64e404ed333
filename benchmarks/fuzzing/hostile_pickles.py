"""Pickles that run something when they are loaded, or take all memory."""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

from benchmarks.fuzzing.reader import MARKER


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def hostile_pickles() -> list[bytes]:
    """Streams that must not be loaded."""
    calls = [
        Calls(os.system, f"touch {MARKER}"),
        Calls(exec, f"open('{MARKER}', 'w')"),
        Calls(__import__, "webbrowser"),
        Calls(open, f"../{MARKER}", "w"),
        {"meta": [Calls(getattr, "", "join")]},
    ]
    streams = [pickle.dumps(call, protocol) for call in calls for protocol in (0, 2, 4)]
    streams.append(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")  # deeper than the stack
    streams.append(b"\x80\x02X\xff\xff\xff\x7f.")  # text of 2 GB
    streams.append(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b".")  # bytes of 1 TB
    doubled = b"\x80\x02]q\x00" + b"".join(
        b"]q" + bytes([n]) + (b"h" + bytes([n - 1])) * 2 + b"\x86a" for n in range(1, 30)
    )
    streams.append(doubled + b".")  # lists of lists that double 30 times when they are copied
    return streams
