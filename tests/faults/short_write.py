"""A disk that takes only half of what it is given, once: for calls of Python, since strace cannot shorten one."""

from __future__ import annotations

import os
from typing import Any


def shorten(count: int) -> None:
    """Let the `count`-th write of this process into a spool file be short; for good, so in a process of its own."""
    write, left = os.write, [count]

    def shortened(descriptor: int, data: Any) -> int:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".part"):
            left[0] -= 1
            if left[0] == 0:
                return write(descriptor, memoryview(data)[: len(data) // 2])
        return write(descriptor, data)

    os.write = shortened
