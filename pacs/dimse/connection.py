"""One TCP connection: reads through a reused buffer, sends in one piece, and lets a watchdog end it.

The socket stays blocking, so an idle peer costs one sleeping thread and no polling. This class is the seam behind which
TLS goes (`pacs.dimse.tls`): nobody else touches the socket.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import ssl
import threading
import time
from typing import Final

from pacs.dimse.pdu import HEADER

NEVER: Final = float("inf")
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class ConnectionEnded(Exception):
    """The peer closed, the network failed, or the watchdog ended the connection (the text says which)."""


class NotSecured(ConnectionEnded):
    """There is no TLS with the peer (the text says why)."""


class Connection:
    """A peer's connection. Reading belongs to one thread; `send`, `expire` and the watchdog's view to any.

    `limit_at` is the moment (monotonic seconds) at which what is awaited now must have come; within a message
    `in_message` is set instead, and the watchdog looks at the rate at which `received` (bytes) grows.
    """

    def __init__(self, stream: socket.socket, address: str, capacity: int) -> None:
        """`capacity`: size of the buffer in bytes, no less than the longest PDU with its header."""
        self.address = address
        self.limit_at = NEVER
        self.in_message = False
        self.waiting = False
        self.received = 0
        self.expired = ""
        self.encrypted = False
        self.certificate_sha256 = ""  # of the peer, where it showed one and a trusted authority signed it
        self._stream = stream
        # anonymous pages cost nothing until the first byte arrives, and go back to the system with the connection
        self._pages = mmap.mmap(-1, capacity)
        self._view = memoryview(self._pages)
        self._capacity = capacity
        self._start = self._end = 0
        self._send_lock = threading.Lock()

    def secure(self) -> None:
        """Shake hands where the connection is one over TLS. Raises NotSecured."""

    # Deadlines ---------------------------------------------------------------------------------------------------

    def expect_within(self, seconds: float) -> None:
        """Something whole must have come within `seconds`, however many bytes arrive meanwhile."""
        self.in_message = False
        self.limit_at = time.monotonic() + seconds

    def expect_message(self) -> None:
        """A message has begun: from now on the rate counts."""
        self.limit_at = NEVER
        self.in_message = True

    def expect_nothing(self) -> None:
        """The node is at work; the peer may be silent."""
        self.in_message = False
        self.limit_at = NEVER

    def expire(self, reason: str) -> None:
        """End the connection from any thread: whoever reads or writes it stops at once with `reason`."""
        self.expired = self.expired or reason
        with contextlib.suppress(OSError):
            _shut(self._stream, socket.SHUT_RDWR)

    # Reading -----------------------------------------------------------------------------------------------------

    @property
    def available(self) -> int:
        """Bytes that can be taken without waiting."""
        return self._end - self._start

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes, at most the buffer's capacity. Raises ConnectionEnded."""
        while self._end - self._start < count:
            self._fill()
        start = self._start
        self._start = start + count
        return bytes(self._view[start : start + count])

    def chunk(self, most: int) -> memoryview:
        """1 to `most` of the next bytes, valid until the next call. Raises ConnectionEnded."""
        if self._end == self._start:
            self._fill()
        start = self._start
        self._start = min(self._end, start + most)
        return self._view[start : self._start]

    def peek_header(self) -> tuple[int, int] | None:
        """Type and length of the PDU that begins here when its header has arrived."""
        if self._end - self._start < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._view, self._start)
        return int(kind), int(length)

    def poll(self) -> None:
        """Take in what has arrived, without waiting. Raises ConnectionEnded."""
        with contextlib.suppress(BlockingIOError):
            self._receive(socket.MSG_DONTWAIT)

    def _fill(self) -> None:
        self.waiting = True
        try:
            self._receive(0)
        finally:
            self.waiting = False

    def _receive(self, flags: int) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == self._capacity:
            if self._start == 0:
                return
            self._view[: self._end - self._start] = self._view[self._start : self._end]
            self._start, self._end = 0, self._end - self._start
        try:
            if _QUICKACK is not None:
                # not sticky: peers that leave Nagle on would wait 40 ms for our delayed acknowledgement
                self._stream.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            count = self._stream.recv_into(self._view[self._end :], 0, flags)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError as error:
            raise ConnectionEnded(self.expired or f"the network failed: {error}") from None
        if count == 0:
            raise ConnectionEnded(self.expired or "the peer closed the connection")
        self._end += count
        self.received += count

    # Sending and closing -----------------------------------------------------------------------------------------

    def send(self, data: bytes | bytearray, within_s: float) -> None:
        """Send all of `data`; the peer has to take it `within_s` seconds. Raises ConnectionEnded."""
        kept = (self.limit_at, self.in_message)
        self.expect_within(within_s)
        try:
            with self._send_lock:
                self._stream.sendall(data)
        except OSError as error:
            raise ConnectionEnded(self.expired or f"the peer takes no answer: {error}") from None
        finally:
            self.limit_at, self.in_message = kept

    def send_last(self, data: bytes) -> None:
        """Send `data` from any thread if nothing is being sent, without ever waiting for the peer."""
        if self._send_lock.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError):
                    self._stream.send(data, socket.MSG_DONTWAIT)
            finally:
                self._send_lock.release()

    def linger(self, seconds: float) -> None:
        """Say that nothing more is sent and wait for the peer to close, so that it gets our last PDU (PS3.8 Sta13)."""
        self.expect_within(seconds)
        with contextlib.suppress(OSError, ConnectionEnded):
            _shut(self._stream, socket.SHUT_WR)
            while True:
                self._start = self._end = 0
                self._fill()

    def close(self) -> None:
        """Give back the descriptor and the buffer."""
        with contextlib.suppress(OSError):
            self._stream.close()
        self._view.release()
        with contextlib.suppress(BufferError):  # a traceback may still hold a chunk
            self._pages.close()


def _shut(stream: socket.socket, how: int) -> None:
    """shutdown(2) and nothing else: that of an SSLSocket would let a thread that reads go on without TLS."""
    socket.socket.shutdown(stream, how)
