"""Delete, reject, restore and erase: DELETE on the DICOMweb resources, /api/deletions, /api/rejections."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Operation, Parameter, done, gives, whole
from pacs.access.principals import Principal
from pacs.archive.deletion import Deletions
from pacs.archive.out_of_sight import Deletion
from pacs.dicom.rejection import MEANINGS, RejectionCode
from pacs.errors import QueryRefused
from pacs.web.api.bodies import body_as, plain
from pacs.web.api.queries import whole_number
from pacs.web.dicomweb.answers import ROOT, checked_uid

LIMIT_DEFAULT = 100
DAY = timedelta(days=1)


class NewRejection(msgspec.Struct, forbid_unknown_fields=True):
    """The body that rejects a study, a series or an instance; `code` is one of PS3.16 CID 7011."""

    study_instance_uid: str
    code: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    reason: str = ""


def routes(deletions: Deletions) -> list[Route]:
    """Everything that takes objects out of sight and brings them back."""

    async def delete(request: Request, principal: Principal) -> Response:
        path = request.path_params
        named = [checked_uid(path[name], name) for name in ("study", "series", "instance") if name in path]
        reason = request.query_params.get("reason", "")
        made = await in_thread(deletions.delete, *named, by=principal, reason=reason)
        return Response(None, 204, {"location": f"/api/deletions/{made.id}"})

    async def reject(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewRejection)
        if new.code not in set(RejectionCode):
            known = ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())
            raise QueryRefused(f"code {new.code[:32]!r} is no title of a rejection note", f"use one of {known}")
        for uid in (new.study_instance_uid, new.series_instance_uid, new.sop_instance_uid):
            if uid:
                checked_uid(uid, "the UID")
        made = await in_thread(
            deletions.reject,
            RejectionCode(new.code),
            new.study_instance_uid,
            new.series_instance_uid,
            new.sop_instance_uid,
            by=principal,
            reason=new.reason,
        )
        return JSONResponse(_shown(made), 201, {"location": f"/api/deletions/{made.id}"})

    async def show(request: Request, principal: Principal) -> Response:
        parameters = request.query_params
        found = await in_thread(
            deletions.listing,
            by=principal,
            study_instance_uid=parameters.get("study", ""),
            only_open=parameters.get("all", "") != "true",
            limit=whole_number("limit", parameters.get("limit", str(LIMIT_DEFAULT)), digits_max=5),
        )
        undo, rejected = deletions.retention.undo, deletions.retention.rejected
        return JSONResponse(
            {
                "deletions": [_shown(one) for one in found],
                "undo_days": undo / DAY,
                "rejected_days": None if rejected is None else rejected / DAY,
            }
        )

    async def restore(request: Request, principal: Principal) -> Response:
        return JSONResponse(_shown(await in_thread(deletions.restore, request.path_params["id"], by=principal)))

    async def erase(request: Request, principal: Principal) -> Response:
        return JSONResponse(_shown(await in_thread(deletions.erase, request.path_params["id"], by=principal)))

    study = f"{ROOT}/studies/{{study}}"
    return [
        *[
            Route(
                ("DELETE",),
                path,
                delete,
                Action.DELETE,
                study="study",
                says=Operation(
                    "Delete; it can be restored for a while",
                    (done("out of sight", location="the deletion"),),
                    (Parameter("reason", "why, for the record"),),
                    refusals=(400, 410),
                ),
            )
            for path in (study, f"{study}/series/{{series}}", f"{study}/series/{{series}}/instances/{{instance}}")
        ],
        Route(
            ("POST",),
            "/api/rejections",
            reject,
            Action.REJECT,
            says=Operation(
                "Reject with a note (IHE IOCM)",
                (gives(Deletion, "out of sight", 201, location="the deletion"),),
                body=Body(NewRejection),
                refusals=(404, 410),
            ),
        ),
        Route(
            ("GET",),
            "/api/deletions",
            show,
            Action.REJECT,
            says=Operation(
                "What was deleted and rejected",
                (
                    gives(
                        {"deletions": list[Deletion], "undo_days": float, "rejected_days": float | None},
                        "the newest first; how long what is deleted, and rejected, now is kept (null: until erased)",
                    ),
                ),
                (
                    Parameter("study", "of one study"),
                    Parameter("all", "true: those too which were restored or erased"),
                    Parameter("limit", "how many", whole(0, 99_999, LIMIT_DEFAULT)),
                ),
                refusals=(400,),
            ),
        ),
        Route(
            ("POST",),
            "/api/deletions/{id}/restore",
            restore,
            Action.REJECT,
            says=Operation("Bring back what was deleted", (gives(Deletion),), refusals=(404, 409, 410)),
        ),
        Route(
            ("POST",),
            "/api/deletions/{id}/erase",
            erase,
            Action.DELETE,
            says=Operation("Erase for good what was deleted", (gives(Deletion),), refusals=(404, 409, 410)),
        ),
    ]


def _shown(deletion: Deletion) -> dict[str, Any]:
    shown: dict[str, Any] = plain(deletion)
    return shown
