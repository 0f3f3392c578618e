"""A process of our own beside the node, which works on memory that it shares with it: begun, watched, begun again.

Nothing depends on one: where it is absent, has died or does not answer, whoever wanted it does the work himself. It
ends with the node, however that ends, as its end of the pipe is then closed.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

import structlog

from pacs.accompany import GREETING

log = structlog.get_logger()

RESTART_S: Final = 60.0


class Companion:
    """The process that runs `module` with the descriptor and size of `memory` as arguments and the other end of `pipe`
    as standard input. For one thread at a time.
    """

    def __init__(
        self, name: str, module: str, size: int, environment: Mapping[str, str], answer_s: int | None = None
    ) -> None:
        """`size`: bytes of the memory. Reading the pipe waits for `answer_s` at most, not at all where that is None."""
        self.pipe: socket.socket | None = None
        self.is_greeted = False
        self.deaths = 0
        self._ended = f"{name}_ended"
        self._module = module
        self._size = size
        self._environment = dict(environment)
        self._answer_s = answer_s
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")
        self._name = name
        self._descriptor = -1
        self._memory = memoryview(b"")

    @property
    def memory(self) -> memoryview:
        """What is shared, from the first use on. Raises OSError, ValueError where that cannot be had."""
        if self._descriptor < 0:
            descriptor = os.memfd_create(self._name, os.MFD_CLOEXEC)
            try:
                os.ftruncate(descriptor, self._size)
                self._memory = memoryview(mmap.mmap(descriptor, self._size))
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        return self._memory

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process is not None else None

    def is_ready(self) -> bool:
        """Whether it can be asked; it is begun where it is not there, and nobody waits for that. One that has died just
        now is not begun again at once. Raises OSError, ValueError where it cannot be begun, or has not come up.
        """
        if self.pipe is None:
            self._start()
        elif not self.is_greeted:
            with contextlib.suppress(BlockingIOError):
                if self.pipe.recv(len(GREETING), socket.MSG_DONTWAIT) != GREETING:
                    raise ConnectionError("it did not start")
                self.is_greeted = True
        return self.is_greeted

    def stop(self, cause: str) -> None:
        """End it; with a `cause` it counts as a death, and is logged."""
        process, self._process = self._process, None
        pipe, self.pipe = self.pipe, None
        self.is_greeted = False
        status = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            status = process.wait()
        if cause:
            self.deaths += 1
            log.warning(self._ended, cause=cause, status=status)

    def close(self) -> None:
        """End it for good; what is in the memory stays."""
        self._started_at = float("inf")
        self.stop("")
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _start(self) -> None:
        now = time.monotonic()
        if now - self._started_at < RESTART_S:
            return
        self._started_at = now
        _ = self.memory  # there is one from now on
        self.pipe, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            if self._answer_s is None:
                self.pipe.setblocking(False)
            else:
                # a limit of the socket's own: a time-out of Python's would cost another system call each time
                limit = struct.pack("ll", self._answer_s, 0)
                self.pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", self._module, str(self._descriptor), str(self._size)],
                stdin=theirs.fileno(),
                pass_fds=[self._descriptor],
                cwd="/",
                env=self._environment,
            )
