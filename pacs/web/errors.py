"""Which HTTP status each error of the product becomes, in one table, and the one JSON form of all of them."""

from __future__ import annotations

import secrets
import traceback
from types import MappingProxyType
from typing import Any

import structlog
from starlette.responses import JSONResponse, Response

from pacs.access.accounts import AccountRefused, AccountUnknown, SignInRefused
from pacs.access.gate import BodyTooLarge, MethodRefused, SignInNeeded
from pacs.access.passwords import PasswordRefused
from pacs.errors import (
    AlreadyThere,
    ArrivalRefused,
    AttributesRefused,
    Busy,
    Gone,
    InstanceTooLarge,
    MediaTypeRefused,
    NotAcceptable,
    NotAuthorised,
    NotFound,
    NotPermitted,
    OperationRefused,
    OutOfResources,
    QueryRefused,
    SettingsInvalid,
    StateConflict,
    StoreFailed,
    SuretError,
    TooManyOpen,
    TransferSyntaxRefused,
    Unreadable,
)
from pacs.troubles import trouble_of
from pacs.web.dicomweb.multipart import MultipartBroken

log = structlog.get_logger()

RETRY_AFTER_S = 5
PASSING = frozenset({429, 503, 507})
"""Statuses of what passes: the same again may succeed."""

FRAMES_LOGGED = 8


class HostRefused(SuretError):
    """The Host header names something this node is not (HTTP 421)."""


class RequestForged(SuretError):
    """The request may come from another site's page (HTTP 403)."""


class RequestTooSlow(SuretError):
    """The body comes slower than the node waits (HTTP 408)."""


STATUS = MappingProxyType(
    {
        QueryRefused: 400,
        AttributesRefused: 400,
        MultipartBroken: 400,
        AccountRefused: 400,
        PasswordRefused: 400,
        SettingsInvalid: 400,
        SignInNeeded: 401,
        SignInRefused: 401,
        NotAuthorised: 403,
        NotPermitted: 403,
        RequestForged: 403,
        NotFound: 404,
        AccountUnknown: 404,
        MethodRefused: 405,
        NotAcceptable: 406,
        RequestTooSlow: 408,
        ArrivalRefused: 409,
        AlreadyThere: 409,
        OperationRefused: 409,
        StateConflict: 409,
        Gone: 410,
        BodyTooLarge: 413,
        InstanceTooLarge: 413,
        MediaTypeRefused: 415,
        TransferSyntaxRefused: 415,
        HostRefused: 421,
        Unreadable: 422,
        TooManyOpen: 429,
        Busy: 503,
        StoreFailed: 503,
        SuretError: 500,
        OutOfResources: 507,
    }
)
"""The nearest class in an error's line of descent counts."""


def status_of(error: SuretError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, SignInRefused) and error.retry_after_s:
        return 429
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(error: Exception, path: str) -> Response:
    """The answer to a request that failed: ``{"error", "hint"}``, and ``code`` and ``fields`` where the error has them.

    Anything unforeseen is logged under a number.
    """
    if isinstance(error, SuretError):
        status = status_of(error)
        headers = _headers(error, status)
        if status >= 500:
            log.warning("request_failed", path=path, status=status, error=error.message)
        body: dict[str, Any] = {"error": error.message, "hint": error.hint}
        body |= ({"code": error.code} if error.code else {}) | ({"fields": dict(error.fields)} if error.fields else {})
        return JSONResponse(body, status, headers)
    trouble = trouble_of(error)
    if trouble is not None:
        log.error("request_failed", path=path, trouble=trouble.code, error=type(error).__name__)
        return answer(trouble.refused(), path)
    number = secrets.token_hex(4)
    # Its text and its variables may be a patient's: only its kind and the lines it came through are logged.
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
    where = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    log.error("request_broke", path=path, number=number, error=type(error).__name__, where=where)
    hint = f"try again; if it goes on, give the administrator this number of the log: {number}"
    return JSONResponse({"error": "the node failed at this request", "hint": hint}, 500)


def _headers(error: SuretError, status: int) -> dict[str, str]:
    if isinstance(error, SignInRefused) and error.retry_after_s:
        return {"retry-after": str(error.retry_after_s)}
    if isinstance(error, MethodRefused):
        return {"allow": ", ".join(error.allowed)}
    if status in PASSING:
        return {"retry-after": str(RETRY_AFTER_S)}
    return {"www-authenticate": "Bearer"} if status == 401 else {}
