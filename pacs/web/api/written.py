"""Save what a reader measured, marked and set: /api/studies/{study}/measurements, /key-images, /presentation-states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import UID, Body, Operation, done, gives
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.written import Writer
from pacs.dicom.written.common import repeated_uid
from pacs.dicom.written.values import DisplayState, DrawnMeasurement, Marked
from pacs.model import Stored
from pacs.web.api.bodies import body_as
from pacs.web.dicomweb.answers import ROOT, checked_uid

BODY_BYTES_MAX = 4 << 20

RequestId = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        description="Anything of the client's own. The same body sent again with it, by the same account, is answered "
        "with the object that was made of the first: so may be repeated what had no answer. Without: a new object",
    ),
]


class NewMeasurements(msgspec.Struct, forbid_unknown_fields=True):
    """The body that saves measurements; the reports that it `replaces` stay, but are no longer the newest word."""

    measurements: list[DrawnMeasurement]
    replaces: list[Marked] = []
    request_id: RequestId = ""


class NewKeyImages(msgspec.Struct, forbid_unknown_fields=True):
    """The body that saves a selection of images; none: what was selected here before is taken back."""

    images: list[Marked]
    description: str = ""
    request_id: RequestId = ""


class NewPresentationState(msgspec.Struct, forbid_unknown_fields=True):
    """The body that saves how `images` are displayed, with `measurements` drawn on them, each with its label."""

    state: DisplayState
    images: list[Marked]
    measurements: list[DrawnMeasurement] = []
    request_id: RequestId = ""


_New = NewMeasurements | NewKeyImages | NewPresentationState


def routes(archive: Archive) -> list[Route]:
    """Everything that makes an object of what a reader did."""
    writer = Writer(archive)

    async def made(
        write: Callable[..., Stored], study: str, new: _New, principal: Principal, *values: object
    ) -> Response:
        if not new.request_id:
            return _made(await in_thread(write, study, *values, by=principal))
        uid = repeated_uid(f"{study} {type(new).__name__} {principal.name} {msgspec.json.encode(new).decode()}")
        do = partial(write, study, *values, sop_instance_uid=uid, by=principal)
        return _made(await in_thread(writer.once, study, uid, do))

    async def measurements(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewMeasurements)
        study = _study(request)
        return await made(writer.measurements, study, new, principal, new.measurements, new.replaces)

    async def key_images(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewKeyImages)
        study = _study(request)
        if not new.images:
            await in_thread(writer.no_key_images, study, by=principal)
            return Response(None, 204)
        return await made(writer.key_images, study, new, principal, new.images, new.description)

    async def presentation(request: Request, principal: Principal) -> Response:
        new = await body_as(request, NewPresentationState)
        study = _study(request)
        return await made(writer.presentation, study, new, principal, new.state, new.images, new.measurements)

    none = (done("no image is meant: what was selected here before is rejected by a note, and can be restored"),)
    forms = (
        ("measurements", measurements, NewMeasurements, "Save measurements as a structured report (TID 1500)", ()),
        ("key-images", key_images, NewKeyImages, "Save key images as a Key Object Selection Document", none),
        ("presentation-states", presentation, NewPresentationState, "Save how images are displayed (GSPS)", ()),
    )
    return [
        Route(
            ("POST",),
            f"/api/studies/{{study}}/{name}",
            endpoint,
            Action.STORE,
            study="study",
            body_bytes_max=BODY_BYTES_MAX,
            says=Operation(
                f"{words}; a new object unless `request_id` repeats one, durable when it is answered",
                (gives(_SAVED, "saved", 201, location="the object's metadata"), *also),
                body=Body(shape),
                refusals=(400, 404, 409, 410, 422, 503, 507),
            ),
        )
        for name, endpoint, shape, words, also in forms
    ]


_SAVED = {"study_instance_uid": UID, "series_instance_uid": UID, "sop_instance_uid": UID, "sop_class_uid": UID}


def _study(request: Request) -> str:
    return checked_uid(request.path_params["study"], "StudyInstanceUID")


def _made(stored: Stored) -> JSONResponse:
    said = {name: getattr(stored, name) for name in _SAVED}
    place = f"{ROOT}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
    return JSONResponse(said, 201, {"location": f"{place}/instances/{stored.sop_instance_uid}/metadata"})
