"""The other side of `pacs.companion`: how such a process begins. It imports little, so that it is there soon."""

from __future__ import annotations

import mmap
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

GREETING: Final = b"ready"
"""What the process sends first, once it can be asked."""


def accompany(serve: Callable[[socket.socket, memoryview], None], *, writes: bool) -> None:
    """Greet whoever started this process and `serve` him; `writes` into the shared memory, or only reads it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the node's, which ends this
    descriptor, size = int(sys.argv[1]), int(sys.argv[2])
    memory = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_WRITE if writes else mmap.ACCESS_READ))
    pipe = socket.socket(fileno=0)
    pipe.send(GREETING)
    serve(pipe, memory)
