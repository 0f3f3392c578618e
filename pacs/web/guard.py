"""Around everything HTTP: which hosts, how slowly, from which pages, and what every answer says to the browser.

Pure ASGI: nothing is buffered, and errors from inside become answers here and nowhere else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacs.errors import MediaTypeRefused
from pacs.settings import WebSettings
from pacs.web.errors import HostRefused, RequestForged, RequestTooSlow, answer

log = structlog.get_logger()

Observe = Callable[[str, str, int, float], None]
"""Is told method, path pattern, status and seconds of every request."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_HEADER = "x-suret"
DRAINED_BYTES_MAX = 16 << 20
DRAINED_SECONDS_MAX = 5.0
REMEMBERED_HOSTS = 1024
_FORGED = "other_site"

CROSS_ORIGIN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
CROSS_ORIGIN_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "Range")
EXPOSED_HEADERS = (
    "Content-Disposition",
    "Content-Location",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
    "Warning",
    "X-Total-Count",
)
"""What pages of an allowed origin may use; cookies are not among it, so every request carries a token."""
CROSS_ORIGIN_KEPT_S = 600

_SCRIPTS = "script-src 'self' 'wasm-unsafe-eval'"
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        _SCRIPTS,
        "worker-src 'self' blob:",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "style-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)

OWN_SCRIPTS = "suret.scripts"
"""In the scope of a request: what else may run in the page that is answered, the hashes of its own scripts."""

SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
DATA_TYPES = (b"multipart/related", b"application/octet-stream", b"application/dicom")
DATA_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What no browser shows as a page is spared the headers of a page: each of them is checked again for every frame."""

HSTS = (b"strict-transport-security", b"max-age=31536000")
NO_STORE = (b"cache-control", b"no-store")


class Guard:
    """The outermost application. `observe` is told of every request that got an answer."""

    def __init__(self, app: ASGIApp, settings: WebSettings, observe: Observe) -> None:
        self._app = app
        self._settings = settings
        self._observe = observe
        names = {host.casefold() for host in settings.allowed_hosts} | {"localhost", settings.host.casefold()}
        if settings.public_url:
            names.add((urlsplit(settings.public_url).hostname or "").casefold())
        self._hosts = frozenset(names)
        self._entry: ASGIApp = self._http
        if settings.allowed_origins:
            self._entry = CORSMiddleware(
                self._http,
                allow_origins=settings.allowed_origins,
                allow_methods=CROSS_ORIGIN_METHODS,
                allow_headers=CROSS_ORIGIN_HEADERS,
                expose_headers=EXPOSED_HEADERS,
                max_age=CROSS_ORIGIN_KEPT_S,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "http":
            await self._entry(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, receive, send, self._settings)
        started = time.perf_counter()
        try:
            try:
                headers = Headers(scope=scope)
                self._check_host(headers)
                _check_site(scope["method"], headers)
                if headers.get("content-encoding", "identity") not in ("identity", ""):
                    raise MediaTypeRefused("a compressed body is not read", "send it without Content-Encoding")
                await self._app(scope, exchange.receive, exchange.send)
            except ClientDisconnect:
                return
            except Exception as error:
                response = answer(error, scope["path"])
                if exchange.status:  # too late for an answer: the server closes the connection, so the peer knows
                    return
                await exchange.drain()
                await response(scope, exchange.receive, exchange.send)
        finally:
            route = scope.get("suret.route", "")
            self._observe(scope["method"], route, exchange.status, time.perf_counter() - started)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = False

        async def watched(message: Message) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check_host(headers)
            self._check_origin(headers)
            await self._app(scope, receive, watched)
        except Exception as error:
            answer(error, scope["path"])  # for its log
            await send({"type": "websocket.close", "code": 1011 if accepted else 1008, "reason": ""})

    def _check_host(self, headers: Headers) -> None:
        """DNS rebinding needs a name; addresses and the names in the settings cannot be taken over."""
        name = _hostname(headers.get("host", ""))
        if name in self._hosts or _is_address(name):
            return
        raise HostRefused(
            f"this node does not answer to the name {name[:100]!r}",
            "use its address, or add the name to PACS_WEB__ALLOWED_HOSTS",
            "other_host",
        )

    def _check_origin(self, headers: Headers) -> None:
        """A socket opened by a page has to come from our own; scripts with a token have no origin."""
        origin = headers.get("origin")
        if origin is None:
            if headers.get("authorization", "").lower().startswith("bearer "):
                return
            raise RequestForged("the Origin header is missing", "open the socket from the viewer's own page", _FORGED)
        own = {headers.get("host", "").casefold(), urlsplit(self._settings.public_url).netloc.casefold()} - {""}
        if urlsplit(origin).netloc.casefold() not in own:
            raise RequestForged("the socket was opened by another site", "open it from the viewer's own page", _FORGED)


@dataclass(slots=True)
class _Exchange:
    """One request: what came, whether the answer began, and how long the client kept us waiting."""

    scope: Scope
    inner_receive: Receive
    inner_send: Send
    settings: WebSettings
    status: int = 0
    received: int = 0
    waited_s: float = 0.0
    body_ended: bool = False
    gave_up: bool = False

    async def receive(self) -> Message:
        """The next message; the client's own slowness is limited, ours is not its fault."""
        if self.body_ended:
            return await self.inner_receive()
        floor = self.settings.rate_floor_bytes_per_s
        allowed = self.settings.body_deadline_s + (self.received / floor if floor else 0)
        before = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, allowed - self.waited_s)):
                message = await self.inner_receive()
        except TimeoutError:
            self.gave_up = True
            raise RequestTooSlow(
                "the body of the request came too slowly", "check the connection, then send it again"
            ) from None
        self.waited_s += time.monotonic() - before
        self.received += len(message.get("body", b""))
        self.body_ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on, with the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = dict(message.get("headers", []))
            data = given.get(b"content-type", b"").startswith(DATA_TYPES)
            headers = [*message.get("headers", []), *(DATA_HEADERS if data else _of_page(self.scope.get(OWN_SCRIPTS)))]
            if self.scope["scheme"] == "https":
                headers.append(HSTS)
            if b"cache-control" not in given:
                headers.append(NO_STORE)
            if self._unread_body():
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self.inner_send(message)

    async def drain(self) -> None:
        """Read what the client is still sending, within bounds: who is reset while sending never sees the answer."""
        if not self._unread_body() or self.gave_up:
            return
        try:
            async with asyncio.timeout(DRAINED_SECONDS_MAX):
                while not self.body_ended and self.received < DRAINED_BYTES_MAX:
                    await self.receive()
        except (TimeoutError, RequestTooSlow):
            log.debug("request_body_not_drained", received=self.received)

    def _unread_body(self) -> bool:
        if self.body_ended:
            return False
        headers = dict(self.scope["headers"])
        return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


@lru_cache(16)
def _of_page(own_scripts: str | None) -> tuple[tuple[bytes, bytes], ...]:
    if not own_scripts:
        return SECURITY_HEADERS
    policy = CONTENT_SECURITY_POLICY.replace(_SCRIPTS, f"{_SCRIPTS} {own_scripts}")
    return ((SECURITY_HEADERS[0][0], policy.encode()), *SECURITY_HEADERS[1:])


def _check_site(method: str, headers: Headers) -> None:
    """A change asked with a cookie has to come from our own page: other pages cannot set our header."""
    if method in SAFE_METHODS or headers.get("authorization", "").lower().startswith("bearer "):
        return
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise RequestForged("the request came from another site's page", "use the viewer's own page", _FORGED)
    if headers.get(OWN_HEADER) != "1":
        raise RequestForged(
            "the header X-Suret is missing", "send X-Suret: 1, or a bearer token instead of a cookie", _FORGED
        )


@lru_cache(REMEMBERED_HOSTS)
def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").casefold()
    except ValueError:
        return ""


@lru_cache(REMEMBERED_HOSTS)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
