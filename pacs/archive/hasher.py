"""SHA-256 of what lies in shared memory, taken by a process of its own while this one writes and syncs the same bytes.

In a process, because a thread would take the interpreter from whoever writes, which costs more than is saved. Nothing
depends on it: where it is at work, is absent or has died, whoever asked hashes by himself.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

import pacs
from pacs.archive.hashing import DIGEST_BYTES, QUESTION
from pacs.companion import Companion

BYTES_MIN: Final = 256 * 1024
"""Less is hashed in the time that asking takes."""
ANSWER_S: Final = 5


class Hasher:
    """One process that reads the memory `memory`, which is shared with it, and hashes one piece of it at a time.

    It ends with the node, however that ends. Thread safe.
    """

    def __init__(self, size: int) -> None:
        """`size`: bytes of the memory. Raises OSError, ValueError where there is no shared memory."""
        environment = {"PYTHONPATH": str(Path(pacs.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        self._companion = Companion("hasher", "pacs.archive.hashing", size, environment, ANSWER_S)
        self.memory = self._companion.memory
        self._at_work = threading.Lock()
        self._digests = 0

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._companion.pid

    def statistics(self) -> dict[str, int]:
        """Whether the process is there and takes questions, how many digests it gave, and how often it has died."""
        it = self._companion
        return {"hasher_ready": it.is_greeted, "hasher_digests": self._digests, "hasher_deaths": it.deaths}

    def begin(self, place: int, length: int) -> bool:
        """Have `length` bytes from `place` hashed, unless others are at the moment. Where True, nobody writes there
        until `end` was called, which has to be."""
        if not self._at_work.acquire(blocking=False):
            return False
        try:
            if self._companion.is_ready():
                assert self._companion.pipe is not None, "what is ready is there"
                self._companion.pipe.send(QUESTION.pack(place, length))
                return True
        except OSError as error:
            self._companion.stop(str(error))
        self._at_work.release()
        return False

    def end(self) -> str | None:
        """The digest in hexadecimal; None where the process has died. Waits for it."""
        assert self._companion.pipe is not None, "it has begun"
        digest, cause = b"", "it ended"
        try:
            digest = self._companion.pipe.recv(DIGEST_BYTES)
        except OSError as error:
            cause = str(error)
        is_whole = len(digest) == DIGEST_BYTES
        if is_whole:
            self._digests += 1
        else:
            self._companion.stop(cause)
        self._at_work.release()
        return digest.hex() if is_whole else None

    def close(self) -> None:
        """End the process; from now on everybody hashes by himself."""
        with self._at_work:
            self._companion.close()


def shared_memory(size: int) -> Hasher | None:
    """A hasher over so many bytes; None where it would be of no use or cannot be had."""
    if len(os.sched_getaffinity(0)) == 1:
        return None
    with contextlib.suppress(OSError, ValueError):
        return Hasher(size)
    return None
