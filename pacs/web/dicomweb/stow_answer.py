"""The answer to a store (PS3.18 10.5.3, I.2): what became of each instance, in JSON or XML, and the status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs.access.operation import DATA_SET, Answer
from pacs.dicom.native_model import native_dicom_model
from pacs.errors import (
    ArrivalRefused,
    Busy,
    ChangeNotTaken,
    DoesNotMatch,
    InstanceTooLarge,
    MediaTypeRefused,
    NotAuthorised,
    NotUnderstood,
    OutOfResources,
    StoreFailed,
)
from pacs.model import Stored
from pacs.web.dicomweb.answers import VARY, accepted_by, json_answer
from pacs.web.dicomweb.media_types import DICOM_JSON, DICOM_XML, JSON
from pacs.web.dicomweb.multipart import MultipartBroken
from pacs.web.errors import PASSING, RETRY_AFTER_S

PROCESSING_FAILURE = 0x0110
CANNOT_UNDERSTAND = 0xC000
ANSWERS = tuple(
    Answer(status, words, (DICOM_JSON, DICOM_XML), DATA_SET)
    for words, statuses in (
        ("everything is stored", (200,)),
        ("some is stored; the answer says what is not, and why", (202,)),
        ("nothing is stored; the answer says why", (400, 403, 409, 413, 415, 503, 507)),
    )
    for status in statuses
)
"""Every answer that `answer` gives, as the OpenAPI document tells them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that was not stored; the UIDs are empty where the part did not get as far as telling them."""

    reason: int
    error: type[Exception]
    words: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


def failure_of(error: Exception, sop_class_uid: str = "", sop_instance_uid: str = "") -> Failure:
    """What `error` says of an instance; one that is nobody's word is told as a failure of the node."""
    identity = (sop_class_uid, sop_instance_uid)
    if isinstance(error, ArrivalRefused):
        return Failure(error.status, type(error), str(error), *identity)
    if isinstance(error, MediaTypeRefused):
        return Failure(CANNOT_UNDERSTAND, type(error), str(error), *identity)
    if isinstance(error, Busy):
        return Failure(PROCESSING_FAILURE, StoreFailed, str(error), *identity)
    return Failure(PROCESSING_FAILURE, type(error), "the node failed at it; send it again", *identity)


def answer(request: Request, results: Sequence[Stored | Failure], service: str) -> Response:
    """What became of `results`, in the form that the client prefers. Raises MultipartBroken where there are none."""
    return given(request, *told(results, service))


def given(request: Request, status: int, body: dict[str, Any]) -> Response:
    """The answer in the form that the client prefers."""
    if _wants_xml(request):
        response = Response(native_dicom_model(body), status, {"vary": VARY}, DICOM_XML)
    else:
        response = json_answer(body, status=status)
    if status in PASSING:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


def told(results: Sequence[Stored | Failure], service: str) -> tuple[int, dict[str, Any]]:
    """The status of PS3.18 Table 10.5.3-1 and the body of Table I.1-1; sequences only where they have items."""
    if not results:
        raise MultipartBroken("there is no instance in the body", "send each instance as a part application/dicom")
    stored = [result for result in results if isinstance(result, Stored)]
    failures = [result for result in results if isinstance(result, Failure)]
    studies = {result.study_instance_uid for result in stored}
    url = {"vr": "UR", "Value": [f"{service}/studies/{studies.pop()}"]} if len(studies) == 1 else {"vr": "UR"}
    body: dict[str, Any] = {"00081190": url}
    known = [failure for failure in failures if failure.sop_instance_uid]
    unknown = [failure for failure in failures if not failure.sop_instance_uid]
    for tag, items in (
        ("00081198", [_reason(failure) | _identity(failure) for failure in known]),
        ("00081199", [_identity(result) | _url(result, service) for result in stored]),
        ("0008119A", [_reason(failure) for failure in unknown]),
    ):
        if items:
            body[tag] = {"vr": "SQ", "Value": items}
    return _status(stored, failures), body


def _wants_xml(request: Request) -> bool:
    """JSON is what everybody gets who does not prefer XML: the body has been taken, so nothing is not acceptable."""
    for entry in accepted_by(request):
        if entry.media_type == DICOM_XML:
            return True
        if entry.includes(DICOM_JSON) or entry.includes(JSON):
            return False
    return False


def _status(stored: list[Stored], failures: list[Failure]) -> int:
    if stored:
        return 202 if failures else 200
    causes = {failure.error for failure in failures}
    for status, kinds in _NOTHING_STORED:
        if causes <= kinds:
            return status
    return 409


_NOTHING_STORED = (
    (507, frozenset({OutOfResources})),
    (503, frozenset({OutOfResources, StoreFailed, ChangeNotTaken})),
    (413, frozenset({InstanceTooLarge})),
    (403, frozenset({NotAuthorised})),
    (415, frozenset({MediaTypeRefused})),
    (409, frozenset({DoesNotMatch})),
    (400, frozenset({NotUnderstood, MultipartBroken})),
)
"""Where nothing was stored for one kind of reason, the status that says which."""


def _identity(result: Stored | Failure) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [result.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [result.sop_instance_uid]},
    }


def _reason(failure: Failure) -> dict[str, Any]:
    return {
        "00000902": {"vr": "LO", "Value": [failure.words]},
        "00081197": {"vr": "US", "Value": [failure.reason]},
    }


def _url(result: Stored, service: str) -> dict[str, Any]:
    path = f"studies/{result.study_instance_uid}/series/{result.series_instance_uid}"
    return {"00081190": {"vr": "UR", "Value": [f"{service}/{path}/instances/{result.sop_instance_uid}"]}}
