"""What is scheduled for the modalities, for information systems without HL7: /api/modality-worklist, as DICOM JSON."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import DATA_SET, Body, Operation, done, gives_dicom
from pacs.access.principals import Principal
from pacs.archive.scheduled import START, STEP_SEQUENCE, ScheduledSteps, identity
from pacs.dicom.keys import Keys
from pacs.web.api.bodies import document_of
from pacs.web.api.queries import KEYS, PAGING, part, understood
from pacs.web.dicomweb.answers import json_answer, json_type
from pacs.web.dicomweb.media_types import DICOM_JSON, JSON

PATH: Final = "/api/modality-worklist"

_OF_THE_STEP: Final = frozenset(
    {"00080060", "00321070", "00400001", "00400002", "00400003", "00400004", "00400005", "00400006", "00400007"}
    | {"00400009", "00400010", "00400011", "00400012", "00400020"}
)
"""Attributes that are inside the item of a step and asked for without it."""


_ENTRY: Final = Body(DATA_SET, (DICOM_JSON, JSON))
_LISTING: Final = Operation(
    "What is scheduled", (gives_dicom([DATA_SET]),), PAGING, refusals=(400, 406), any_parameters=KEYS
)


def routes(steps: ScheduledSteps) -> list[Route]:
    """List, add, show, change and remove entries; an entry is addressed by study and step."""

    async def listing(request: Request, principal: Principal) -> Response:
        media_type = json_type(request)
        keys, limit, offset = understood(request.query_params, STEP_SEQUENCE, _OF_THE_STEP)
        found = await in_thread(lambda: part(steps.matching(keys, Keys(keys, (START,))), limit, offset))
        return json_answer(found, media_type=media_type)

    async def add(request: Request, principal: Principal) -> Response:
        media_type = json_type(request)
        entries = await in_thread(steps.add, await document_of(request), by=principal)
        response = json_answer(entries, media_type=media_type, status=201)
        study, step = identity(entries[0])
        response.headers["location"] = f"{PATH}/{study}/{quote(step, safe='')}"
        return response

    async def show(request: Request, principal: Principal) -> Response:
        media_type = json_type(request)
        return json_answer(await in_thread(steps.get, *_of(request)), media_type=media_type)

    async def change(request: Request, principal: Principal) -> Response:
        media_type = json_type(request)
        entry = await in_thread(steps.change, *_of(request), await document_of(request), by=principal)
        return json_answer(entry, media_type=media_type)

    async def remove(request: Request, principal: Principal) -> Response:
        await in_thread(steps.remove, *_of(request), by=principal)
        return Response(None, 204)

    entry = f"{PATH}/{{study}}/{{step:path}}"
    return [
        Route(("GET",), PATH, listing, Action.WORKLIST, says=_LISTING),
        Route(
            ("POST",),
            PATH,
            add,
            Action.WORKLIST,
            says=Operation(
                "Schedule: one order, with all its steps",
                (gives_dicom([DATA_SET], "one entry a step", 201, location="of the first"),),
                body=_ENTRY,
                refusals=(406, 409),
            ),
        ),
        Route(
            ("GET",),
            entry,
            show,
            Action.WORKLIST,
            study="study",
            says=Operation("One entry", (gives_dicom(DATA_SET),), refusals=(406,)),
        ),
        Route(
            ("PUT",),
            entry,
            change,
            Action.WORKLIST,
            study="study",
            says=Operation("Change an entry", (gives_dicom(DATA_SET),), body=_ENTRY, refusals=(406,)),
        ),
        Route(
            ("DELETE",),
            entry,
            remove,
            Action.WORKLIST,
            study="study",
            says=Operation("Remove an entry", (done(),)),
        ),
    ]


def _of(request: Request) -> tuple[str, str]:
    return request.path_params["study"], request.path_params["step"]
