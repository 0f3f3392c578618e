"""SHA-256 of what lies in shared memory, taken by a process of its own while this one writes and syncs the same bytes.

In a process, because a thread would take the interpreter from whoever writes, which costs more than is saved. Nothing
depends on it: where it is at work, is absent or has died, whoever asked hashes by himself.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import structlog

import pacs
from pacs.archive.hashing import DIGEST_BYTES, GREETING, QUESTION

log = structlog.get_logger()

BYTES_MIN: Final = 256 * 1024
"""Less is hashed in the time that asking takes."""
ANSWER_S: Final = 5
RESTART_S: Final = 60.0


class Hasher:
    """One process that reads the memory `memory`, which is shared with it, and hashes one piece of it at a time.

    It ends with the node, however that ends. Thread safe.
    """

    def __init__(self, size: int) -> None:
        """`size`: bytes of the memory. Raises OSError where there is no shared memory."""
        self._size = size
        self._descriptor = os.memfd_create("arrivals", os.MFD_CLOEXEC)
        try:
            os.ftruncate(self._descriptor, size)
            self.memory = memoryview(mmap.mmap(self._descriptor, size))
        except BaseException:
            os.close(self._descriptor)
            raise
        self._at_work = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: socket.socket | None = None
        self._greeted = False
        self._started_at = float("-inf")
        self._closed = False
        self._digests = 0
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process is not None else None

    def statistics(self) -> dict[str, int]:
        """Whether the process is there and takes questions, how many digests it gave, and how often it has died."""
        return {"hasher_ready": self._greeted, "hasher_digests": self._digests, "hasher_deaths": self._deaths}

    def begin(self, place: int, length: int) -> bool:
        """Have `length` bytes from `place` hashed, unless others are at the moment. Where True, nobody writes there
        until `end` was called, which has to be."""
        if not self._at_work.acquire(blocking=False):
            return False
        try:
            if self._is_ready():
                assert self._pipe is not None, "what is ready is there"
                self._pipe.send(QUESTION.pack(place, length))
                return True
        except OSError as error:
            self._stop(str(error))
        self._at_work.release()
        return False

    def end(self) -> str | None:
        """The digest in hexadecimal; None where the process has died. Waits for it."""
        assert self._pipe is not None, "it has begun"
        digest, cause = b"", "it ended"
        try:
            digest = self._pipe.recv(DIGEST_BYTES)
        except OSError as error:
            cause = str(error)
        is_whole = len(digest) == DIGEST_BYTES
        if is_whole:
            self._digests += 1
        else:
            self._stop(cause)
        self._at_work.release()
        return digest.hex() if is_whole else None

    def close(self) -> None:
        """End the process; from now on everybody hashes by himself."""
        with self._at_work:
            self._closed = True
            self._stop("")

    def _is_ready(self) -> bool:
        """Whether the process can be asked; nobody waits for its start. Raises OSError."""
        if self._pipe is None:
            self._start()
        elif not self._greeted:
            with contextlib.suppress(BlockingIOError):
                if not self._pipe.recv(len(GREETING), socket.MSG_DONTWAIT):
                    raise ConnectionError("it did not start")
                self._greeted = True
        return self._greeted

    def _start(self) -> None:
        """Begin the process; one that has died just now is not begun again at once. Raises OSError."""
        now = time.monotonic()
        if self._closed or now - self._started_at < RESTART_S:
            return
        self._started_at = now
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pipe = ours
        with theirs:
            # a limit of the socket's own: a time-out of Python's would cost another system call each time
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", ANSWER_S, 0))
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "pacs.archive.hashing", str(self._descriptor), str(self._size)],
                stdin=theirs.fileno(),
                pass_fds=[self._descriptor],
                cwd="/",
                env={"PYTHONPATH": str(Path(pacs.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            )

    def _stop(self, cause: str) -> None:
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        self._greeted = False
        status = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            status = process.wait()
        if cause:
            self._deaths += 1
            log.warning("hasher_ended", cause=cause, status=status)


def shared_memory(size: int) -> Hasher | None:
    """A hasher over so many bytes; None where it would be of no use or cannot be had."""
    if len(os.sched_getaffinity(0)) == 1:
        return None
    with contextlib.suppress(OSError, ValueError):
        return Hasher(size)
    return None
