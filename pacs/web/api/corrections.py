"""Correct attributes, merge patients, move a study, undo it: /api/corrections, /api/merges, /api/moves."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Operation, Parameter, gives, whole
from pacs.access.principals import Principal
from pacs.archive.correction import Correction, Corrections
from pacs.archive.meant import PatientKey
from pacs.web.api.bodies import body_as, plain
from pacs.web.api.queries import whole_number
from pacs.web.dicomweb.answers import checked_uid

LIMIT_DEFAULT = 100


class NewCorrection(msgspec.Struct, forbid_unknown_fields=True):
    """The body that corrects `attributes`, keyword to value, of an image, a series, a study or a patient."""

    attributes: dict[str, str]
    reason: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""


class Who(msgspec.Struct, forbid_unknown_fields=True):
    """A patient: by ID and issuer; who has no ID, by a study."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    study_instance_uid: str = ""


class NewMerge(msgspec.Struct, forbid_unknown_fields=True):
    """The body that gives every study of `patient` to the patient `into`."""

    patient: Who
    into: Who
    reason: str


class NewMove(msgspec.Struct, forbid_unknown_fields=True):
    """The body that gives a study to another patient; `attributes` tell of one who is not known yet."""

    study_instance_uid: str
    into: Who
    reason: str
    attributes: dict[str, str] = {}


def routes(corrections: Corrections) -> list[Route]:
    """Everything that has the archive show other values than the objects have."""

    async def correct(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewCorrection)
        _checked(new.study_instance_uid, new.series_instance_uid, new.sop_instance_uid)
        made = await in_thread(
            corrections.correct,
            new.attributes,
            by=principal,
            reason=new.reason,
            study_instance_uid=new.study_instance_uid,
            series_instance_uid=new.series_instance_uid,
            sop_instance_uid=new.sop_instance_uid,
            patient_id=new.patient_id,
            issuer_of_patient_id=new.issuer_of_patient_id,
        )
        return _made(made)

    async def merge(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewMerge)
        made = await in_thread(corrections.merge, _key(new.patient), _key(new.into), by=principal, reason=new.reason)
        return _made(made)

    async def move(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewMove)
        _checked(new.study_instance_uid)
        made = await in_thread(
            corrections.move,
            new.study_instance_uid,
            _key(new.into),
            by=principal,
            reason=new.reason,
            attributes=new.attributes,
        )
        return _made(made)

    async def show(request: Request, principal: Principal) -> Response:
        parameters = request.query_params
        found = await in_thread(
            corrections.listing,
            by=principal,
            study_instance_uid=parameters.get("study", ""),
            patient_id=parameters.get("patient", ""),
            only_open=parameters.get("all", "") != "true",
            limit=whole_number("limit", parameters.get("limit", str(LIMIT_DEFAULT)), digits_max=5),
        )
        return JSONResponse({"corrections": [_shown(one) for one in found]})

    async def undo(request: Request, principal: Principal) -> Response:
        return JSONResponse(_shown(await in_thread(corrections.undo, request.path_params["id"], by=principal)))

    made = gives(Correction, "made", 201, location="the correction")
    return [
        Route(
            ("POST",),
            "/api/corrections",
            correct,
            Action.CORRECT,
            says=Operation(
                "Correct attributes of a patient, a study, a series or an image; what is stored stays as it is",
                (made,),
                body=Body(NewCorrection),
                refusals=(400, 404, 409, 410),
            ),
        ),
        Route(
            ("GET",),
            "/api/corrections",
            show,
            Action.CORRECT,
            says=Operation(
                "What is corrected, the newest first",
                (gives({"corrections": list[Correction]}),),
                (
                    Parameter("study", "only what this study shows"),
                    Parameter("patient", "only of the patient with this ID"),
                    Parameter("all", "true: also what is undone"),
                    Parameter("limit", "how many at most", whole(0, 99_999, LIMIT_DEFAULT)),
                ),
                refusals=(400,),
            ),
        ),
        Route(
            ("POST",),
            "/api/corrections/{id}/undo",
            undo,
            Action.CORRECT,
            says=Operation("Undo a correction, a merge or a move", (gives(Correction),), refusals=(404, 409, 410)),
        ),
        Route(
            ("POST",),
            "/api/merges",
            merge,
            Action.MERGE,
            says=Operation(
                "Give every study of one patient, also those that come later, to another",
                (made,),
                body=Body(NewMerge),
                refusals=(400, 404, 409, 410),
            ),
        ),
        Route(
            ("POST",),
            "/api/moves",
            move,
            Action.CORRECT,
            says=Operation(
                "Give a study to another patient", (made,), body=Body(NewMove), refusals=(400, 404, 409, 410)
            ),
        ),
    ]


def _key(who: Who) -> PatientKey:
    _checked(who.study_instance_uid)
    return PatientKey(who.patient_id, who.issuer_of_patient_id, who.study_instance_uid)


def _checked(*uids: str) -> None:
    for uid in uids:
        if uid:
            checked_uid(uid, "the UID")


def _made(correction: Correction) -> JSONResponse:
    return JSONResponse(_shown(correction), 201, {"location": f"/api/corrections/{correction.id}"})


def _shown(correction: Correction) -> dict[str, Any]:
    shown: dict[str, Any] = plain(correction)
    return shown
