"""The process of `pacs.archive.hasher`: `python -m pacs.archive.hashing DESCRIPTOR SIZE`, asked through stdin.

It maps the memory for reading, hashes what it is asked for, and ends when the node has.
"""

from __future__ import annotations

import hashlib
import socket
import struct
from typing import Final

from pacs.accompany import accompany

QUESTION: Final = struct.Struct("=QQ")
"""Place and length of the bytes to be hashed."""
DIGEST_BYTES: Final = 32


def serve(pipe: socket.socket, memory: memoryview) -> None:
    """Answer until the other end is closed."""
    while len(question := pipe.recv(QUESTION.size)) == QUESTION.size:
        place, length = QUESTION.unpack(question)
        pipe.send(hashlib.sha256(memory[place : place + length]).digest())


if __name__ == "__main__":
    accompany(serve, writes=False)
