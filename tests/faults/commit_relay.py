"""A relay in front of PostgreSQL that knows COMMIT when it passes, and cuts the connection around it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

COMMIT = b"COMMIT\0"
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Cut:
    """What happens to one COMMIT. The server gets it when `forwarded`, `late_s` after the client lost the connection;
    the client gets `answer_bytes` of the answer. `strike` is called before anything else."""

    forwarded: bool = True
    answer_bytes: int = 0
    late_s: float = -1
    strike: Callable[[], None] | None = None
    cut: bool = True


class CommitRelay:
    """Listens on 127.0.0.1 and relays to a server's port; ``with CommitRelay(port) as relay: connect(relay.port)``."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._lock = threading.Lock()
        self._armed: Cut | None = None
        self.cuts = 0
        self.away = False
        """Whether whoever connects finds nobody."""

    def arm(self, cut: Cut) -> None:
        """Do this to the next COMMIT."""
        with self._lock:
            self._armed = cut

    @property
    def armed(self) -> bool:
        """Whether the cut still waits for its COMMIT."""
        with self._lock:
            return self._armed is not None

    @property
    def port(self) -> int:
        """Where clients find the relay."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connected, args=(client,), daemon=True).start()

    def _connected(self, client: socket.socket) -> None:
        if self.away:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port), timeout=_PATIENCE_S)
        except OSError:
            client.close()
            return
        pair = _Pair(client, server)
        threading.Thread(target=pair.answers, daemon=True).start()
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                cut = self._taken() if COMMIT in data else None
                if cut is None:
                    server.sendall(data)
                elif not self._done(cut, pair, data):
                    break
        pair.close()

    def _taken(self) -> Cut | None:
        with self._lock:
            cut, self._armed = self._armed, None
            self.cuts += cut is not None
            return cut

    def _done(self, cut: Cut, pair: _Pair, data: bytes) -> bool:
        """Do `cut`; whether the connection goes on."""
        if cut.strike is not None:
            cut.strike()
        if not cut.cut:
            pair.server.sendall(data)
            return True
        pair.allow(cut.answer_bytes if cut.late_s < 0 else 0)
        if cut.late_s >= 0:
            _shut(pair.client)
            time.sleep(cut.late_s)
        if cut.forwarded:
            pair.server.sendall(data)
            pair.answered.wait(_PATIENCE_S)
        return False


class _Pair:
    """A client's connection and the one to the server behind it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.answered = threading.Event()
        self._allowed: int | None = None

    def allow(self, answer_bytes: int) -> None:
        """From now on let only so many bytes of the answer through."""
        self._allowed = answer_bytes

    def answers(self) -> None:
        """Relay what the server says until one side ends."""
        with contextlib.suppress(OSError):
            while data := self.server.recv(1 << 16):
                if self._allowed is None:
                    self.client.sendall(data)
                    continue
                with contextlib.suppress(OSError):
                    self.client.sendall(data[: self._allowed])
                self.answered.set()
        self.answered.set()
        _shut(self.client)

    def close(self) -> None:
        """End both sides."""
        for side in (self.client, self.server):
            _shut(side)
            side.close()


def _shut(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
