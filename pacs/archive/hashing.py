"""The process of `pacs.archive.hasher`: `python -m pacs.archive.hashing DESCRIPTOR SIZE`, asked through stdin.

It maps the memory for reading, hashes what it is asked for, and ends when the node has.
"""

from __future__ import annotations

import hashlib
import mmap
import signal
import socket
import struct
import sys
from typing import Final

QUESTION: Final = struct.Struct("=QQ")
"""Place and length of the bytes to be hashed."""
DIGEST_BYTES: Final = 32
GREETING: Final = b"ready"


def serve(pipe: socket.socket, memory: memoryview) -> None:
    """Say that it is ready, then answer until the other end is closed."""
    pipe.send(GREETING)
    while len(question := pipe.recv(QUESTION.size)) == QUESTION.size:
        place, length = QUESTION.unpack(question)
        pipe.send(hashlib.sha256(memory[place : place + length]).digest())


def main() -> None:
    """Serve whoever started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the node's, which ends this
    descriptor, size = int(sys.argv[1]), int(sys.argv[2])
    serve(socket.socket(fileno=0), memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)))


if __name__ == "__main__":
    main()
