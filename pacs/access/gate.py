"""The one door of HTTP: every request is a `Route`, its caller becomes a principal, and `may` decides.

The web and the leaves describe their routes with `Route`; nothing else can be mounted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from pacs.access.accounts import Accounts
from pacs.access.grants import Action, may
from pacs.access.operation import Operation
from pacs.access.principals import ANONYMOUS, Principal
from pacs.access.sessions import COOKIE, COOKIE_PLAIN, Sessions
from pacs.errors import NotFound, NotPermitted, SuretError

P = ParamSpec("P")
T = TypeVar("T")

Endpoint = Callable[[Request, Principal], Awaitable[Response]]
WebSocketEndpoint = Callable[[WebSocket, Principal], Awaitable[None]]

BODY_BYTES_MAX = 1 << 20
THREADS = 32

_OPEN_TO_UNCHANGED_PASSWORD = frozenset({Action.PUBLIC, Action.SIGN_IN, Action.OWN_SESSION})

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="web")


class SignInNeeded(SuretError):
    """The caller is nobody the node knows (HTTP 401)."""


class BodyTooLarge(SuretError):
    """The body of the request is larger than the route takes (HTTP 413)."""


class MethodRefused(SuretError):
    """There is such a path, but not for this method (HTTP 405)."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("this path does not take that method", f"use {' or '.join(allowed)}")
        self.allowed = tuple(allowed)


@dataclass(frozen=True, slots=True)
class Route:
    """One thing the node does over HTTP.

    `path` has parameters in braces (``/dicom-web/studies/{study}``); `study` and `task` name those that hold the Study
    Instance UID and the AI task the access decision is about. A body is at most `body_bytes_max`, None for an endpoint
    that reads it as a stream under limits of its own. With `websocket` the endpoint gets the socket, not yet accepted.
    `says` is what the OpenAPI document tells of it.
    """

    methods: tuple[str, ...]
    path: str
    endpoint: Endpoint | WebSocketEndpoint
    action: Action
    study: str = ""
    task: str = ""
    body_bytes_max: int | None = BODY_BYTES_MAX
    websocket: bool = False
    says: Operation | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who carries the request, and by which session where it is one."""

    principal: Principal
    session: str = ""
    must_change_password: bool = False


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what blocks in one of a bounded number of threads; the event loop goes on."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(function, *args, **kwargs))


def caller_of(connection: HTTPConnection) -> Caller:
    """The caller the gate recognised for this request."""
    caller = connection.scope["suret.caller"]
    assert isinstance(caller, Caller)
    return caller


def address_of(connection: HTTPConnection) -> str:
    """The network address the request came from; empty where the transport has none."""
    return connection.client.host if connection.client else ""


def cookie_name(connection: HTTPConnection) -> str:
    """The name of the session's cookie: only over TLS can it be Secure, which the `__Host-` prefix asks for."""
    return COOKIE if connection.scope["scheme"] in ("https", "wss") else COOKIE_PLAIN


_Pattern = tuple[re.Pattern[str], dict[str, Any], Route]

DEPTH_MAX = 32
REST_OF_PATH = ":path}"


class Gate:
    """An ASGI application over `routes`, tried in their order. Raises TypeError for anything that is not a `Route`.

    Below `forgiving`, a path, slashes that are doubled or stand at the end are read over: clients join addresses so.
    """

    def __init__(
        self, routes: Sequence[Route], accounts: Accounts, sessions: Sessions, *, forgiving: str = "/"
    ) -> None:
        self._forgiving = f"{forgiving.rstrip('/')}/"
        for route in routes:
            if not isinstance(route, Route):
                raise TypeError(f"{route!r} is not a pacs.access.gate.Route")
        self.routes = tuple(routes)
        self._accounts = accounts
        self._sessions = sessions
        self._patterns: list[_Pattern] = []
        self._by_depth: dict[int, list[_Pattern]] = {}
        for route in self.routes:
            pattern, _, convertors = compile_path(route.path)
            self._patterns.append((pattern, convertors, route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises SuretError before anything is sent; the guard above turns it into an answer."""
        route, parameters = self._match(scope)
        scope["path_params"] = parameters
        scope["suret.route"] = route.path
        connection = HTTPConnection(scope)
        caller = await self._recognise(connection)
        scope["suret.caller"] = caller
        self._admit(route, caller, parameters)
        if route.websocket:
            await route.endpoint(WebSocket(scope, receive, send), caller.principal)  # type: ignore[arg-type]
            return
        request = Request(scope, _limited(receive, route.body_bytes_max, connection))
        response = await route.endpoint(request, caller.principal)  # type: ignore[arg-type]
        assert response is not None, f"the endpoint of {route.path} gave no response"
        await response(scope, receive, send)

    def _match(self, scope: Scope) -> tuple[Route, dict[str, Any]]:
        path, method = self._tidied(scope["path"]), scope.get("method", "")
        websocket = scope["type"] == "websocket"
        allowed: list[str] = []
        for pattern, convertors, route in self._of_depth(path.count("/")):
            found = pattern.match(path) if route.websocket is websocket else None
            if found is None:
                continue
            if allowed and route.path.startswith("/{"):  # what takes any address hides no other one's methods
                break
            if websocket or method in route.methods or (method == "HEAD" and "GET" in route.methods):
                return route, {name: convertors[name].convert(text) for name, text in found.groupdict().items()}
            methods = [name for given in route.methods for name in ((given, "HEAD") if given == "GET" else (given,))]
            allowed += [name for name in methods if name not in allowed]
        if allowed:
            raise MethodRefused(allowed)
        raise NotFound("there is nothing at this address")

    def _tidied(self, path: str) -> str:
        if ("//" in path or path[-1:] == "/") and path.startswith(self._forgiving) and path != self._forgiving:
            return re.sub("/+", "/", path).rstrip("/")
        return path

    def _of_depth(self, slashes: int) -> list[_Pattern]:
        """What a path with so many slashes may match: no parameter holds one but for the rest of a path."""
        found = self._by_depth.get(slashes)
        if found is None:
            found = [entry for entry in self._patterns if _may_have(entry[2].path, slashes)]
            if slashes <= DEPTH_MAX:
                self._by_depth[slashes] = found
        return found

    async def _recognise(self, connection: HTTPConnection) -> Caller:
        address = address_of(connection)
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            token = credentials.strip()
            principal = self._accounts.authenticate_token(token, address, wait=False) or await in_thread(
                self._accounts.authenticate_token, token, address
            )
            if principal is None:
                raise SignInNeeded("the token is not known, or no longer good", "make one with `pacs user token`")
            return Caller(principal)
        secret = connection.cookies.get(cookie_name(connection), "")
        session = None
        if secret:
            session = self._sessions.authenticate(secret, address, wait=False) or await in_thread(
                self._sessions.authenticate, secret, address
            )
        if session is None:
            return Caller(ANONYMOUS.at(address))
        return Caller(session.principal, secret, session.must_change_password)

    def _admit(self, route: Route, caller: Caller, parameters: dict[str, Any]) -> None:
        study = parameters[route.study] if route.study else None
        task = parameters[route.task] if route.task else None
        if not may(caller.principal, route.action):
            if caller.principal.kind is ANONYMOUS.kind:
                raise SignInNeeded("sign in first", "scripts carry a bearer token made with `pacs user token`")
            raise NotPermitted("this account may not do that", "ask an administrator for an account that may")
        if caller.must_change_password and route.action not in _OPEN_TO_UNCHANGED_PASSWORD:
            raise NotPermitted(
                "the password has to be changed first", "sign in and choose a new password", "password_due"
            )
        # Another study or task is answered as one that is not there (never 403, which would tell that it is).
        if not may(caller.principal, route.action, study, task):
            raise NotFound("there is no such study or task", "check the identifier")


def _may_have(path: str, slashes: int) -> bool:
    own = path.count("/")
    return own == slashes or (own < slashes and REST_OF_PATH in path)


def _limited(receive: Receive, bytes_max: int | None, connection: HTTPConnection) -> Receive:
    if bytes_max is None:
        return receive
    announced = connection.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > bytes_max:
        raise _too_large(bytes_max)
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise _too_large(bytes_max)
        return message

    return counted


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge("the body of the request is too large", f"at most {bytes_max} bytes are taken here")
