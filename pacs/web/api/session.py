"""Signing in and out with a password, and changing it: /api/session."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.accounts import AccountRefused, Accounts, SignInRefused
from pacs.access.gate import Caller, Route, address_of, caller_of, cookie_name, in_thread
from pacs.access.grants import Action, may
from pacs.access.operation import Body, Json, Operation, done, gives
from pacs.access.passwords import PasswordRefused
from pacs.access.principals import Principal, PrincipalKind, Role
from pacs.access.sessions import COOKIE, OwnSession, Sessions
from pacs.errors import NotPermitted
from pacs.settings import WebSettings
from pacs.web.api.bodies import body_as, plain

ADDRESSES_MAX = 10_000
WINDOW_S = 60.0


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a sign-in."""

    name: str
    password: str


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a change of one's own password."""

    current: str
    new: str


_SESSION = Json(
    {
        "type": "object",
        "properties": {
            "user": {
                "type": ["object", "null"],
                "properties": {"name": {"type": "string"}, "roles": {"type": "array", "items": {"enum": list(Role)}}},
                "required": ["name", "roles"],
            },
            "exports": {"type": "boolean"},
            "version": {"type": "string"},
            "must_change_password": {"type": "boolean"},
            "offline": {
                "type": "object",
                "description": "how long a viewer may show its copies of recent studies while the node is out of reach",
                "properties": {
                    "unused_s": {"type": "integer", "description": "without anybody using them; 0: none are kept"},
                    "longest_s": {"type": "integer", "description": "after the node's last word"},
                },
                "required": ["unused_s", "longest_s"],
            },
        },
        "required": ["user"],
    },
    "Session",
)


class FailedAttempts:
    """How often signing in failed from an address within the last minute."""

    def __init__(self, attempts_max: int) -> None:
        self._attempts_max = attempts_max
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, address: str) -> float:
        """Count an attempt as failed until it has succeeded. Raises SignInRefused when there were too many."""
        now = time.monotonic()
        with self._lock:
            failures = [at for at in self._failures.get(address, []) if now - at < WINDOW_S]
            if len(failures) >= self._attempts_max:
                seconds = int(WINDOW_S - (now - failures[0])) + 1
                raise SignInRefused("too many attempts from this address", f"try again in {seconds} s", seconds)
            self._failures[address] = [*failures, now]
            self._failures.move_to_end(address)
            if len(self._failures) > ADDRESSES_MAX:
                self._failures.popitem(last=False)
        return now

    def succeeded(self, address: str, attempt: float) -> None:
        """Take back what `begin` gave."""
        with self._lock:
            failures = self._failures.get(address, [])
            if attempt in failures:
                failures.remove(attempt)


def routes(accounts: Accounts, sessions: Sessions, settings: WebSettings, version: str) -> list[Route]:
    """The routes of the session."""
    attempts = FailedAttempts(settings.sign_in_attempts_per_minute)
    longest_s = int(settings.offline_hours * 3600)
    offline = {"unused_s": min(settings.session_idle_s, longest_s), "longest_s": longest_s}

    def described(principal: Principal, must_change_password: bool) -> dict[str, Any]:
        user = {"name": principal.name, "roles": sorted(principal.roles)}
        exports = may(principal, Action.EXPORT)
        body: dict[str, Any] = {"user": user, "exports": exports, "version": version, "offline": offline}
        return body | ({"must_change_password": True} if must_change_password else {})

    async def show(request: Request, principal: Principal) -> Response:
        if principal.kind is PrincipalKind.ANONYMOUS:
            return JSONResponse({"user": None})
        if not may(principal, Action.OWN_SESSION):
            raise NotPermitted("this caller has no account", "ask with an account's token")
        return JSONResponse(described(principal, caller_of(request).must_change_password))

    async def sign_in(request: Request, principal: Principal) -> Response:
        credentials = await body_as(request, Credentials)
        address = address_of(request)
        attempt = attempts.begin(address)
        account = await in_thread(accounts.sign_in, credentials.name, credentials.password, address)
        attempts.succeeded(address, attempt)
        secret = await in_thread(sessions.open, account, replaces=request.cookies.get(cookie_name(request), ""))
        response = JSONResponse(described(account.principal(PrincipalKind.USER), account.must_change_password))
        _set_cookie(request, response, secret, int(sessions.longest.total_seconds()))
        return response

    async def sign_out(request: Request, principal: Principal) -> Response:
        caller = _by_session(request)
        await in_thread(sessions.end, caller.session, principal)
        response = Response(None, 204, {"clear-site-data": '"cache"'})
        _set_cookie(request, response, "", 0)
        return response

    async def change_password(request: Request, principal: Principal) -> Response:
        caller = _by_session(request)
        change = await body_as(request, PasswordChange)
        address = address_of(request)
        attempt = attempts.begin(address)
        try:
            await in_thread(
                accounts.change_password,
                principal.name,
                change.current,
                change.new,
                address=address,
                keep_session=caller.session,
            )
        except (AccountRefused, PasswordRefused):
            attempts.succeeded(address, attempt)  # the new password is no guess at the current one
            raise
        except SignInRefused as refused:
            if refused.retry_after_s:
                raise
            raise AccountRefused("the current password is wrong", "check it and try again", "current_wrong") from None
        finally:
            sessions.forget()
        attempts.succeeded(address, attempt)
        return Response(None, 204)

    async def own_sessions(request: Request, principal: Principal) -> Response:
        found = await in_thread(sessions.of, principal.name, caller_of(request).session)
        return JSONResponse({"sessions": [plain(one) for one in found]})

    async def end_others(request: Request, principal: Principal) -> Response:
        caller = _by_session(request)
        return JSONResponse({"ended": await in_thread(sessions.end_all, principal.name, principal, but=caller.session)})

    return [
        Route(
            ("GET",),
            "/api/sessions",
            own_sessions,
            Action.OWN_SESSION,
            says=Operation("One's own sessions, here and on other devices", (gives({"sessions": [OwnSession]}),)),
        ),
        Route(
            ("DELETE",),
            "/api/sessions",
            end_others,
            Action.OWN_SESSION,
            says=Operation("Sign out everywhere but here", (gives({"ended": int}, "how many there were"),)),
        ),
        Route(
            ("GET",),
            "/api/session",
            show,
            Action.SIGN_IN,
            says=Operation(
                "Who the caller is", (gives(_SESSION),), words="user alone, and null, where nobody is", refusals=(403,)
            ),
        ),
        Route(
            ("POST",),
            "/api/session",
            sign_in,
            Action.SIGN_IN,
            body_bytes_max=16 * 1024,
            says=Operation(
                "Sign in with a password",
                (gives(_SESSION, "signed in", set_cookie="the session"),),
                body=Body(Credentials),
                refusals=(401, 429),
            ),
        ),
        Route(
            ("DELETE",), "/api/session", sign_out, Action.OWN_SESSION, says=Operation("Sign out", (done("signed out"),))
        ),
        Route(
            ("POST",),
            "/api/session/password",
            change_password,
            Action.OWN_SESSION,
            body_bytes_max=16 * 1024,
            says=Operation("Change one's own password", (done(),), body=Body(PasswordChange), refusals=(429,)),
        ),
    ]


def _by_session(request: Request) -> Caller:
    caller = caller_of(request)
    if not caller.session:
        raise NotPermitted("a token has no session", "do this in the viewer")
    return caller


def _set_cookie(request: Request, response: Response, secret: str, seconds: int) -> None:
    name = cookie_name(request)
    response.set_cookie(
        name, secret, max_age=seconds, path="/", secure=name == COOKIE, httponly=True, samesite="strict"
    )
