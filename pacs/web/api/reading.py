"""Whether a study is unread, being read or read: /api/studies/{study}/reading."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Json, Operation, gives
from pacs.access.principals import Principal
from pacs.archive.reading import ReadingDeed, Readings, ReadingState
from pacs.web.api.bodies import body_as
from pacs.web.dicomweb.answers import checked_uid

_PATH = "/api/studies/{study}/reading"
_MOMENT_OR_NOTHING = Json({"type": ["string", "null"], "format": "date-time"})
READING_STATE = Json(
    {
        "type": "object",
        "properties": {
            "state": {"type": "string", "enum": ["unread", "reading", "read"]},
            "by": {"type": "string"},
            "at": _MOMENT_OR_NOTHING.schema,
            "until": _MOMENT_OR_NOTHING.schema,
        },
        "required": ["state", "by", "at", "until"],
        "additionalProperties": False,
    },
    "ReadingState",
)
_SHOW = Operation("Whether a study is unread, being read or read, by whom and since when", (gives(READING_STATE),))


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader does; `seen` is whose reading they knew of, where the deed waited for a connection."""

    deed: ReadingDeed
    seen: str | None = None


_DO = Operation(
    "Hold a study as its reader, release it, mark it read or unread",
    (gives(READING_STATE, "what it is now; with `hold` another's hold where there is one"),),
    body=Body(Reading),
    refusals=(400, 409),
    words="a hold ends by itself; it is renewed by holding again, once a minute; with `seen` (an account, nothing for "
    "nobody) the answer is 409 where anybody else than that and the asker reads it or has read it",
)


def routes(readings: Readings) -> list[Route]:
    """Ask and tell."""

    async def show(request: Request, principal: Principal) -> Response:
        uid = checked_uid(request.path_params["study"], "study")
        return JSONResponse(shown(await in_thread(readings.of, uid)))

    async def do(request: Request, principal: Principal) -> Response:
        uid = checked_uid(request.path_params["study"], "study")
        body = await body_as(request, Reading)
        return JSONResponse(shown(await in_thread(readings.do, principal, uid, body.deed, body.seen)))

    return [
        Route(("GET",), _PATH, show, Action.QUERY, study="study", says=_SHOW),
        Route(("POST",), _PATH, do, Action.REPORT, study="study", says=_DO),
    ]


def shown(state: ReadingState) -> dict[str, Any]:
    """As JSON."""
    return {"state": state.state, "by": state.by, "at": _text(state.at), "until": _text(state.until)}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
