"""The gate: only routes pass it, callers are recognised once, and the answer never tells what is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as ForeignRoute

from pacs.access.accounts import Accounts
from pacs.access.gate import BodyTooLarge, Gate, MethodRefused, Route, SignInNeeded, caller_of
from pacs.access.grants import Action
from pacs.access.principals import OPERATOR, Principal, Role
from pacs.access.sessions import COOKIE, COOKIE_PLAIN, Sessions
from pacs.errors import NotFound, NotPermitted
from pacs.index.engine import Index

PASSWORD = "Correct-horse-battery-1"


@pytest.fixture
def accounts(index: Index, clock: Any) -> Accounts:
    return Accounts(index, clock, PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def sessions(index: Index, clock: Any) -> Sessions:
    return Sessions(index, clock, idle=timedelta(minutes=30), longest=timedelta(hours=12))


async def who(request: Request, principal: Principal) -> Response:
    return PlainTextResponse(f"{principal.kind} {principal.name}")


async def echo(request: Request, principal: Principal) -> Response:
    return PlainTextResponse(await request.body())


async def described(request: Request, principal: Principal) -> Response:
    caller = caller_of(request)
    return PlainTextResponse(f"{bool(caller.session)} {request.path_params}")


ROUTES = (
    Route(("GET",), "/open", who, Action.PUBLIC),
    Route(("GET",), "/own", who, Action.OWN_SESSION),
    Route(("GET",), "/studies/{study}", described, Action.RETRIEVE, study="study"),
    Route(("POST",), "/tasks/{task}", who, Action.ANSWER_TASK, task="task"),
    Route(("GET",), "/peers", who, Action.MANAGE_PEERS),
    Route(("POST",), "/echo", echo, Action.PUBLIC, body_bytes_max=10),
    Route(("POST",), "/stream", echo, Action.PUBLIC, body_bytes_max=None),
    Route(("DELETE",), "/echo", who, Action.PUBLIC),
)


@pytest.fixture
def gate(accounts: Accounts, sessions: Sessions) -> Gate:
    return Gate(ROUTES, accounts, sessions)


class Answer:
    """What one request got."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


async def ask(
    gate: Gate,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: tuple[bytes, ...] = (b"",),
    scheme: str = "http",
) -> Answer:
    messages: Iterator[Any] = iter(
        {"type": "http.request", "body": part, "more_body": number < len(body) - 1} for number, part in enumerate(body)
    )

    async def receive() -> Any:
        return next(messages)

    answer = Answer()
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": scheme,
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": ("10.0.0.9", 5000),
    }
    await gate(scope, receive, answer.send)
    return answer


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_nothing_but_a_route_can_be_mounted(accounts: Accounts, sessions: Sessions) -> None:
    with pytest.raises(TypeError):
        Gate([ForeignRoute("/back-door", lambda request: Response())], accounts, sessions)  # type: ignore[list-item]


def test_callers_by_token_and_by_cookie(gate: Gate, accounts: Accounts, sessions: Sessions) -> None:
    token = accounts.token("scanner")
    aigul = accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    secret = sessions.open(aigul)
    assert run(ask(gate, "GET", "/open")).body == b"anonymous anonymous"
    assert run(ask(gate, "GET", "/open", bearer(token))).body == b"token scanner"
    assert run(ask(gate, "GET", "/open", {"Cookie": f"{COOKIE_PLAIN}={secret}"})).body == b"user aigul"
    assert run(ask(gate, "GET", "/open", {"Cookie": f"{COOKIE}={secret}"}, scheme="https")).body == b"user aigul"
    # A cookie that was not set over TLS counts for nothing there, and the token goes before the cookie.
    over_tls = run(ask(gate, "GET", "/open", {"Cookie": f"{COOKIE_PLAIN}={secret}"}, scheme="https"))
    assert over_tls.body == b"anonymous anonymous"
    both = run(ask(gate, "GET", "/open", {"Cookie": f"{COOKIE_PLAIN}={secret}", **bearer(token)}))
    assert both.body == b"token scanner"


@pytest.mark.parametrize("path", ["/own", "/peers", "/studies/1.2"])
def test_nobody_is_asked_to_sign_in(gate: Gate, path: str) -> None:
    with pytest.raises(SignInNeeded):
        run(ask(gate, "GET", path))
    with pytest.raises(SignInNeeded):
        run(ask(gate, "GET", path, {"Cookie": f"{COOKIE_PLAIN}=x"}))


@pytest.mark.parametrize("header", ["Bearer ", "Bearer nonsense", "bearer suret_" + "x" * 43])
def test_a_wrong_token_is_never_nobody(gate: Gate, header: str) -> None:
    with pytest.raises(SignInNeeded):
        run(ask(gate, "GET", "/open", {"Authorization": header}))


def test_roles_decide(gate: Gate, accounts: Accounts) -> None:
    admin, clinician = accounts.token("a", Role.ADMIN), accounts.token("c", Role.CLINICIAN)
    assert run(ask(gate, "GET", "/peers", bearer(admin))).status == 200
    with pytest.raises(NotPermitted):
        run(ask(gate, "GET", "/peers", bearer(clinician)))
    assert run(ask(gate, "GET", "/studies/1.2", bearer(clinician))).body == b"False {'study': '1.2'}"


def test_another_study_or_task_is_not_there(gate: Gate, accounts: Accounts, clock: Any) -> None:
    token = bearer(accounts.task_token("1.2", "01A", clock.now + timedelta(hours=1)))
    assert run(ask(gate, "GET", "/studies/1.2", token)).status == 200
    assert run(ask(gate, "POST", "/tasks/01A", token)).status == 200
    for method, path in (("GET", "/studies/1.2.3"), ("POST", "/tasks/01B")):
        with pytest.raises(NotFound):
            run(ask(gate, method, path, token))
    with pytest.raises(NotPermitted):
        run(ask(gate, "POST", "/tasks/01A", bearer(accounts.token("a", Role.ADMIN))))


def test_an_unchanged_one_time_password_opens_nothing_else(gate: Gate, accounts: Accounts, sessions: Sessions) -> None:
    made = accounts.ensure_administrator("")
    assert made is not None
    cookie = {"Cookie": f"{COOKIE_PLAIN}={sessions.open(accounts.sign_in('admin', made))}"}
    assert run(ask(gate, "GET", "/own", cookie)).status == 200
    with pytest.raises(NotPermitted):
        run(ask(gate, "GET", "/peers", cookie))


def test_paths_and_methods(gate: Gate) -> None:
    assert run(ask(gate, "HEAD", "/open")).status == 200
    assert run(ask(gate, "GET", "/open/")).status == 200
    for path in ("/", "/opened", "/studies/1/2"):
        with pytest.raises(NotFound):
            run(ask(gate, "GET", path))
    with pytest.raises(MethodRefused) as refused:
        run(ask(gate, "PUT", "/echo"))
    assert refused.value.allowed == ("POST", "DELETE")


def test_bodies_are_limited_while_they_come(gate: Gate) -> None:
    assert run(ask(gate, "POST", "/echo", body=(b"12345", b"67890"))).body == b"1234567890"
    with pytest.raises(BodyTooLarge):
        run(ask(gate, "POST", "/echo", body=(b"12345", b"678901")))
    with pytest.raises(BodyTooLarge):
        run(ask(gate, "POST", "/echo", {"Content-Length": "11"}))
    assert len(run(ask(gate, "POST", "/stream", body=(b"x" * 100,) * 50)).body) == 5000
