"""The one thread that ends connections which pass a deadline or trickle; no single byte renews a deadline."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from pacs.dimse.connection import Connection

RATE_WINDOW_S: Final = 30.0


@dataclass(slots=True)
class _Window:
    """Since when, and from how many bytes on, the rate of a message is looked at."""

    started_at: float
    received: int
    moved_at: float
    last_received: int


class Watchdog:
    """Looks at every connection a few times a second.

    A message must bring a byte every `stall_s` seconds and `rate_floor` bytes a second over each `window_s`; time in
    which the node itself was busy with what came before does not count.
    """

    def __init__(self, stall_s: float, rate_floor: int, window_s: float = RATE_WINDOW_S, period_s: float = 0.5) -> None:
        self._stall_s = stall_s
        self._rate_floor = rate_floor
        self._window_s = window_s
        self._period_s = period_s
        self._lock = threading.Lock()
        self._windows: dict[Connection, _Window | None] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dimse-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; returns when the thread has ended."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def watch(self, connection: Connection) -> None:
        """Look after `connection` from now on."""
        with self._lock:
            self._windows[connection] = None

    def forget(self, connection: Connection) -> None:
        """The connection has ended."""
        with self._lock:
            self._windows.pop(connection, None)

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            with self._lock:
                connections = list(self._windows.items())
            now = time.monotonic()
            for connection, window in connections:
                self._look(connection, window, now)

    def _look(self, connection: Connection, window: _Window | None, now: float) -> None:
        if now > connection.limit_at:
            connection.expire("the peer took too long")
        received = connection.received
        if not connection.in_message or not connection.waiting:
            self._keep(connection, None)
        elif window is None:
            self._keep(connection, _Window(now, received, now, received))
        elif received == window.last_received and now - window.moved_at > self._stall_s:
            connection.expire("the peer fell silent in the middle of a message")
        elif now - window.started_at >= self._window_s:
            if received - window.received < self._rate_floor * (now - window.started_at):
                connection.expire("the peer sends too slowly")
            self._keep(connection, _Window(now, received, now, received))
        elif received != window.last_received:
            window.moved_at, window.last_received = now, received

    def _keep(self, connection: Connection, window: _Window | None) -> None:
        with self._lock:
            if connection in self._windows:
                self._windows[connection] = window
