"""What the modalities say they do, for information systems and people: /api/performed-procedure-steps, to be read."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import DATA_SET, Operation, gives_dicom
from pacs.access.principals import Principal
from pacs.archive.performed import NO_SUCH_INSTANCE, STEPS, PerformedSteps
from pacs.dicom.keys import Keys
from pacs.errors import NotFound, OperationRefused
from pacs.web.api.queries import KEYS, PAGING, part, understood
from pacs.web.dicomweb.answers import json_answer, json_type

PATH: Final = "/api/performed-procedure-steps"

_OF_THE_SCHEDULED_STEP: Final = frozenset(
    {"0020000D", "00080050", "00400007", "00400009", "00401001", "00321060", "00402016", "00402017"}
)
"""Attributes that are inside the item of what was scheduled and asked for without it."""


def routes(steps: PerformedSteps) -> list[Route]:
    """List and show; steps are made and changed by the modalities alone."""

    async def listing(request: Request, principal: Principal) -> Response:
        media_type = json_type(request)
        keys, limit, offset = understood(request.query_params, STEPS, _OF_THE_SCHEDULED_STEP)
        found = await in_thread(lambda: part(steps.matching(keys, Keys(keys)), limit, offset))
        return json_answer(found, media_type=media_type)

    async def show(request: Request, principal: Principal) -> Response:
        media_type = json_type(request)
        return json_answer(await in_thread(_one, steps, request.path_params["uid"]), media_type=media_type)

    return [
        Route(
            ("GET",),
            PATH,
            listing,
            Action.WORKLIST,
            says=Operation(
                "What the modalities say they do",
                (gives_dicom([DATA_SET]),),
                PAGING,
                refusals=(400, 406),
                any_parameters=KEYS,
            ),
        ),
        Route(
            ("GET",),
            f"{PATH}/{{uid}}",
            show,
            Action.WORKLIST,
            says=Operation("One performed procedure step", (gives_dicom(DATA_SET),), refusals=(404, 406)),
        ),
    ]


def _one(steps: PerformedSteps, uid: str) -> dict[str, Any]:
    try:
        return steps.named(uid)
    except OperationRefused as refused:
        if refused.status != NO_SUCH_INSTANCE:
            raise
        raise NotFound(f"no performed procedure step {uid[:64]}", f"{PATH} lists them") from None
