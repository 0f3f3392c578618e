"""uvicorn in a thread of its own, with the deadlines and limits it lacks: slow headers, stalled readers, crowds."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pacs.errors import NodeFailed
from pacs.settings import WebSettings

log = structlog.get_logger()

HEADER_DEADLINE_S = 15.0
KEEP_ALIVE_S = 75
BACKLOG = 512
CONNECTIONS_MAX = 1024
CONNECTIONS_PER_ADDRESS_MAX = 256
WEBSOCKET_BYTES_MAX = 64 * 1024
PING_S = 20.0
START_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection, and one address, may take of the server: seconds, bytes, connections."""

    header_deadline_s: float = HEADER_DEADLINE_S
    header_bytes_max: int = 32 * 1024
    stall_deadline_s: float = 60.0
    connections_max: int = CONNECTIONS_MAX
    connections_per_address_max: int = CONNECTIONS_PER_ADDRESS_MAX
    exempt_addresses: frozenset[str] = frozenset()


class _HeadersTooLarge(Exception):
    pass


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's connection with absolute deadlines. `limits` and `addresses` are set on a subclass for each server."""

    limits: ConnectionLimits
    addresses: Counter[str]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, or close it when its address has too many."""
        super().connection_made(transport)
        self._header_bytes = 0
        self._headers_too_large = False
        self._header_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._address: str | None = self.client[0] if self.client else ""
        self.addresses[self._address] += 1
        crowded = (
            self.addresses[self._address] > self.limits.connections_per_address_max
            and self._address not in self.limits.exempt_addresses
        )
        if crowded or self.addresses.total() > self.limits.connections_max:
            log.warning("web_connection_refused", address=self._address, connections=self.addresses.total())
            transport.abort()
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._release()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; the first byte of every request starts its clock."""
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]
        if self._header_timer is None and idle:
            self._await_headers()
        if self._header_timer is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_timer is not None and self._header_bytes > self.limits.header_bytes_max:
            self._headers_too_large = True
            self.send_400_response("")

    def on_url(self, url: bytes) -> None:
        """Count what uvicorn would collect without end."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count what uvicorn would collect without end."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_message_begin(self) -> None:
        """A new request."""
        self._counted = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The deadline of the headers is met."""
        self._stop_header_timer()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on the WebSocket protocol has the connection."""
        self._release()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Also the answer to headers that are too large."""
        if self.transport.is_closing():
            return
        if not self._headers_too_large:
            super().send_400_response(msg)
            return
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()

    def pause_writing(self) -> None:
        """The client does not read; it has until the deadline to go on."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.limits.stall_deadline_s, self._stalled)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_stall_timer()
        super().resume_writing()

    def _count(self, size: int) -> None:
        self._counted += size
        if self._counted > self.limits.header_bytes_max:
            self._headers_too_large = True
            raise _HeadersTooLarge  # the parser stops, and uvicorn answers through send_400_response

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(self.limits.header_deadline_s, self._stalled)

    def _stalled(self) -> None:
        self.transport.abort()

    def _release(self) -> None:
        self._stop_header_timer()
        self._stop_stall_timer()
        if self._address is not None:
            self.addresses[self._address] -= 1
            if not self.addresses[self._address]:
                del self.addresses[self._address]
            self._address = None

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


class WebServer:
    """The HTTP listener of `app`. Binding happens at once, so a taken port is an error of the constructor.

    Raises NodeFailed.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings, limits: ConnectionLimits | None = None) -> None:
        self._socket = _bound(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        chosen = limits or ConnectionLimits(
            header_bytes_max=settings.header_bytes_max,
            stall_deadline_s=settings.body_deadline_s,
            exempt_addresses=frozenset(settings.trusted_proxies),
        )
        protocol = type("Protocol", (GuardedProtocol,), {"limits": chosen, "addresses": Counter()})
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=protocol,
            ws="websockets-sansio",
            ws_max_size=WEBSOCKET_BYTES_MAX,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._config = config
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._ended = threading.Event()

    def start(self) -> None:
        """Return when requests are answered. Raises NodeFailed."""
        self._thread.start()
        pause = threading.Event()
        waited = 0.0
        while not self._server.started:
            if self._ended.is_set() or waited > START_TIMEOUT_S:
                raise NodeFailed("the web server did not start", "see the log above for the reason")
            pause.wait(0.01)
            waited += 0.01
        log.info("web_listening", host=self._socket.getsockname()[0], port=self.port)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take no new connections, let running requests finish within `timeout_s`, then end them."""
        if not self._thread.is_alive():
            self._socket.close()
            return
        self._config.timeout_graceful_shutdown = max(1, int(timeout_s))
        self._server.should_exit = True
        self._thread.join(timeout_s + 2)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(2)

    @property
    def alive(self) -> bool:
        """Whether the thread of the server runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            log.exception("web_server_ended")
        finally:
            self._ended.set()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)  # a second node on the same port is told now, not at its first request
    except OSError as error:
        listener.close()
        raise NodeFailed(
            f"the web server cannot listen on {host}:{port}: {error.strerror or error}",
            "stop what uses it, or choose PACS_WEB__HOST and PACS_WEB__PORT",
        ) from error
    return listener
