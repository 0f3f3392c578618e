"""Whether a study may not be of whom it says: /api/studies/{study}/doubt."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Json, Operation, gives
from pacs.access.principals import Principal
from pacs.archive.patients import SURE, TOLD, Doubt, doubts
from pacs.index.engine import Index
from pacs.web.dicomweb.answers import checked_uid

_PATH = "/api/studies/{study}/doubt"
DOUBT = Json(
    {
        "type": "object",
        "properties": {
            "others": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in TOLD},
                    "required": list(TOLD),
                    "additionalProperties": False,
                },
            },
            "objects": {"type": "integer"},
        },
        "required": ["others", "objects"],
        "additionalProperties": False,
    },
    "Doubt",
)
_SHOW = Operation(
    "Who else is under the study's Patient ID and cannot be the same person, and how many of its objects name somebody "
    "else",
    (gives(DOUBT),),
)


def routes(index: Index) -> list[Route]:
    """Ask."""

    async def show(request: Request, principal: Principal) -> Response:
        uid = checked_uid(request.path_params["study"], "study")
        found = await in_thread(_doubts_of, index, uid, principal.study_instance_uids)
        return JSONResponse(shown(found))

    return [Route(("GET",), _PATH, show, Action.QUERY, study="study", says=_SHOW)]


def _doubts_of(index: Index, study_instance_uid: str, allowed: frozenset[str] | None) -> Doubt:
    with index.read() as connection:
        return doubts(connection, [study_instance_uid], allowed).get(study_instance_uid, SURE)


def shown(doubt: Doubt) -> dict[str, Any]:
    """As JSON."""
    return {"others": [dict(zip(TOLD, other, strict=True)) for other in doubt.others], "objects": doubt.objects}
