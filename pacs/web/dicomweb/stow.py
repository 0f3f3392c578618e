"""STOW-RS (PS3.18 10.5): every part of the body goes into the archive as it comes, and has a result of its own."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import DATA_SET, Answer, Body, Operation
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.ingest import Reception
from pacs.dicom.part10 import read_file_meta
from pacs.errors import (
    ArrivalRefused,
    DoesNotMatch,
    InstanceTooLarge,
    MediaTypeRefused,
    NotAuthorised,
    NotPermitted,
    NotUnderstood,
    OutOfResources,
    StoreFailed,
    SuretError,
)
from pacs.model import Stored
from pacs.settings import WebSettings
from pacs.web.dicomweb.answers import ROOT, checked_uid, json_answer, service_url
from pacs.web.dicomweb.media_types import DICOM, DICOM_JSON, MULTIPART, parsed, parts_of
from pacs.web.dicomweb.multipart import MultipartBroken, MultipartReader, PartBegins, PartData, PartEnds
from pacs.web.errors import PASSING, RETRY_AFTER_S

log = structlog.get_logger()

PROTOCOL = "STOW-RS"
FED_AT_ONCE_BYTES = 256 * 1024
PROCESSING_FAILURE = 0x0110
CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that was not stored; the UIDs are empty where the part did not get as far as telling them."""

    reason: int
    error: type[Exception]
    words: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


@dataclass(slots=True)
class Delivery:
    """One request's parts on their way into the archive. Blocks.

    Used by one thread at a time, except that `close` may come from another one while the request is cut off.
    """

    archive: Archive
    principal: Principal
    study_instance_uid: str
    reader: MultipartReader | None
    results: list[Stored | Failure] = field(default_factory=list)
    _reception: Reception | None = None
    _failure: tuple[int, type[Exception], str] | None = None
    _head: bytearray = field(default_factory=bytearray)
    _identity: tuple[str, str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def feed(self, data: bytes) -> None:
        """The next bytes of the body. Raises MultipartBroken when nothing was delivered before."""
        with self._lock:
            if not self._closed:
                self._feed(data)

    def _feed(self, data: bytes) -> None:
        if self.reader is None:
            self._data(memoryview(data))
            return
        try:
            for event in self.reader.feed(data):
                match event:
                    case PartBegins(headers):
                        self._begin(headers.get("content-type", DICOM))
                    case PartData(octets):
                        self._data(octets)
                    case PartEnds():
                        self._end()
        except MultipartBroken as broken:
            self._break_off(broken)

    def begin_single(self) -> None:
        """The whole body is one file."""
        with self._lock:
            if not self._closed:
                self._begin(DICOM)

    def finish(self) -> None:
        """The body has ended. Raises MultipartBroken when nothing was delivered before."""
        with self._lock:
            if not self._closed:
                self._finish()

    def _finish(self) -> None:
        if self.reader is None:
            self._end()
            return
        try:
            self.reader.close()
        except MultipartBroken as broken:
            self._break_off(broken)

    def close(self) -> None:
        """Leave nothing of a part that did not come to its end, and take nothing more."""
        with self._lock:
            self._closed = True
            self._discard()

    def _discard(self) -> None:
        if self._reception is not None:
            self._reception.discard()
            self._reception = None

    def _begin(self, content_type: str) -> None:
        self._failure, self._identity = None, None
        self._head.clear()
        found = parsed(content_type)
        if found is None or found[0] != DICOM:
            words = f"a part of type {content_type[:100]!r} is not stored; send application/dicom"
            self._fail(CANNOT_UNDERSTAND, MediaTypeRefused, words)
            return
        try:
            self._reception = self.archive.receive_part10(
                self.principal, protocol=PROTOCOL, study_instance_uid=self.study_instance_uid
            )
        except ArrivalRefused as refused:
            self._fail(refused.status, type(refused), str(refused))

    def _data(self, octets: memoryview) -> None:
        if self._identity is None:
            self._identify(octets)
        if self._reception is None:
            return
        try:
            self._reception.write(octets)
        except ArrivalRefused as refused:
            self._fail(refused.status, type(refused), str(refused))

    def _identify(self, octets: memoryview) -> None:
        """Who the part is, for the answer when it fails; the archive reads it for itself."""
        self._head += octets
        try:
            meta = read_file_meta(bytes(self._head))
        except SuretError:
            self._identity = ("", "")
        else:
            if meta is not None:
                self._identity = (meta.sop_class_uid, meta.sop_instance_uid)
        if self._identity is not None:
            self._head.clear()

    def _end(self) -> None:
        reception, self._reception = self._reception, None
        if reception is not None:
            try:
                with reception:
                    self.results.append(reception.commit())
                return
            except ArrivalRefused as refused:
                self._fail(refused.status, type(refused), str(refused))
            except Exception as error:
                log.error("stow_part_failed", error=type(error).__name__)
                self._fail(PROCESSING_FAILURE, type(error), "the node failed at it; send it again")
        if self._failure is not None:  # told at the end of the part: by then it is known who it was
            self.results.append(Failure(*self._failure, *(self._identity or ("", ""))))

    def _fail(self, reason: int, error: type[Exception], words: str) -> None:
        self._discard()
        self._failure = self._failure or (reason, error, words)

    def _break_off(self, broken: MultipartBroken) -> None:
        self._discard()
        if not self.results:
            raise broken
        self.results.append(Failure(CANNOT_UNDERSTAND, MultipartBroken, str(broken), *(self._identity or ("", ""))))


_SAYS = Operation(
    "Store",
    (
        Answer(200, "everything is stored", (DICOM_JSON,), DATA_SET),
        Answer(202, "some is stored; the answer says what is not, and why", (DICOM_JSON,), DATA_SET),
        *(
            Answer(status, "nothing is stored; the answer says why", (DICOM_JSON,), DATA_SET)
            for status in (400, 403, 409, 413, 415, 503, 507)
        ),
    ),
    body=Body(None, (parts_of(DICOM), DICOM)),
)


def routes(archive: Archive, settings: WebSettings) -> list[Route]:
    """POST /studies and /studies/{study}."""

    async def store(request: Request, principal: Principal) -> Response:
        study = request.path_params.get("study", "")
        if study:
            checked_uid(study, "StudyInstanceUID")
        elif principal.study_instance_uids is not None:
            study = _only_study(principal)
        delivery = Delivery(archive, principal, study, _reader(request))
        try:
            if delivery.reader is None:
                await in_thread(delivery.begin_single)
            async for data in _body(request):
                await in_thread(delivery.feed, data)
            await in_thread(delivery.finish)
        finally:
            await in_thread(delivery.close)
        return _answer(delivery.results, service_url(request, settings))

    return [
        Route(("POST",), f"{ROOT}/studies", store, Action.STORE, body_bytes_max=None, says=_SAYS),
        Route(
            ("POST",), f"{ROOT}/studies/{{study}}", store, Action.STORE, study="study", body_bytes_max=None, says=_SAYS
        ),
    ]


def _only_study(principal: Principal) -> str:
    """The study a restricted caller may add to; the archive compares each instance with it. Raises NotPermitted."""
    studies = principal.study_instance_uids or frozenset()
    if len(studies) != 1:
        raise NotPermitted("this caller may not store into any study", "name the study in the address")
    return next(iter(studies))


def _reader(request: Request) -> MultipartReader | None:
    """How to read the body; None for a single file. Raises MediaTypeRefused, MultipartBroken."""
    content_type = request.headers.get("content-type", "")
    found = parsed(content_type)
    if found is not None:
        media_type, parameters = found
        if media_type == DICOM:
            return None
        if media_type == MULTIPART and parameters.get("type", DICOM).lower() == DICOM:
            return MultipartReader(parameters.get("boundary", ""))
    raise MediaTypeRefused(
        f"a body of type {content_type[:100]!r} is not read",
        'send multipart/related; type="application/dicom", or one file as application/dicom',
    )


async def _body(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces worth a thread's while. Raises ClientDisconnect."""
    waiting: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        data = message.get("body", b"")
        waiting.append(data)
        size += len(data)
        ended = not message.get("more_body", False)
        if size >= FED_AT_ONCE_BYTES or ended:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
        if ended:
            return


def _answer(results: list[Stored | Failure], service: str) -> Response:
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
    response = json_answer(body, status=_status(stored, failures))
    if response.status_code in PASSING:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


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
    (503, frozenset({OutOfResources, StoreFailed})),
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
