"""A relay in front of an HTTP server that does to chosen requests what networks and servers do on a bad day."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_TIMEOUT_S = 60


@dataclass(slots=True)
class Exchange:
    """One request on its way through; a fault changes it, or asks the server and changes the answer."""

    method: str
    target: str
    headers: Message
    body: bytes
    server: tuple[str, int]
    status: int = 0
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""
    send_bytes: int | None = None
    """How much of the answer's body the client gets before the connection ends; None: all; -1: not even a head."""

    def ask(self) -> None:
        """Put the request to the server and keep its answer."""
        connection = http.client.HTTPConnection(*self.server, timeout=_TIMEOUT_S)
        try:
            connection.putrequest(self.method, self.target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                # The body is here already: nobody waits for "100 Continue" any more.
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            connection.endheaders(self.body)
            got = connection.getresponse()
            self.status, self.answer = got.status, got.read()
            self.answer_headers = [
                (name, value)
                for name, value in got.getheaders()
                if name.lower() not in ("connection", "transfer-encoding", "content-length")
            ]
            length = got.getheader("Content-Length") if self.method == "HEAD" else str(len(self.answer))
            self.answer_headers.append(("Content-Length", length or "0"))
        finally:
            connection.close()

    def say(self, status: int, body: str = "") -> None:
        """Answer in the server's place."""
        self.status, self.answer = status, body.encode()
        self.answer_headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(self.answer)))]


Fault = Callable[[Exchange], None]


def lose_answer(exchange: Exchange) -> None:
    """The server does what was asked, and the connection ends before its answer."""
    exchange.ask()
    exchange.send_bytes = -1


def damage_request(exchange: Exchange) -> None:
    """A bit in the middle of the body turns over on the way to the server."""
    body = bytearray(exchange.body)
    body[len(body) // 2] ^= 1
    exchange.body = bytes(body)
    exchange.ask()


def cut_answer(exchange: Exchange) -> None:
    """The connection ends in the middle of the answer's body."""
    exchange.ask()
    exchange.send_bytes = len(exchange.answer) // 2


def refuse(status: int, code: str) -> Fault:
    """The server refuses with this status and S3 error code, and has done nothing."""

    def fault(exchange: Exchange) -> None:
        exchange.say(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>")

    return fault


class Relay:
    """Listens on 127.0.0.1 and relays to `server_url`; ``with Relay(url) as relay: client(relay.url)``."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server = (parts.hostname or "", parts.port or 80)
        self._faults: list[tuple[str, str, Fault, int]] = []
        self._lock = threading.Lock()
        self.seen: list[str] = []
        """Method and target of each request, in order of arrival."""

    def on(self, method: str, fault: Fault, *, times: int = 1, containing: str = "") -> None:
        """Do `fault` to the next `times` requests of that method whose target contains the text."""
        with self._lock:
            self._faults.append((method, containing, fault, times))

    def clear(self) -> None:
        """Forget the faults that have not been done: the bad day is over."""
        with self._lock:
            self._faults.clear()

    @property
    def url(self) -> str:
        """Where clients find the relay."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> Self:
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = _TIMEOUT_S

            def relay(self) -> None:
                relay._pass_on(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = relay  # noqa: N815 - http.server's names

            def log_message(self, *arguments: object) -> None:
                """Silent."""

        self._listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self._listener.block_on_close = False
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._thread.join(_TIMEOUT_S)
        self._listener.server_close()

    def _pass_on(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        exchange = Exchange(handler.command, handler.path, handler.headers, body, self._server)
        self._fault_for(exchange)(exchange)
        if exchange.send_bytes != -1:
            handler.send_response_only(exchange.status)
            for name, value in exchange.answer_headers:
                handler.send_header(name, value)
            handler.end_headers()
            if exchange.method != "HEAD":
                handler.wfile.write(exchange.answer[: exchange.send_bytes])
        handler.close_connection = exchange.send_bytes is not None

    def _fault_for(self, exchange: Exchange) -> Fault:
        with self._lock:
            self.seen.append(f"{exchange.method} {exchange.target}")
            for place, (method, containing, fault, times) in enumerate(self._faults):
                if method == exchange.method and containing in exchange.target:
                    if times > 1:
                        self._faults[place] = (method, containing, fault, times - 1)
                    else:
                        del self._faults[place]
                    return fault
        return Exchange.ask
