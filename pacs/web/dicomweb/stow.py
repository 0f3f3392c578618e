"""STOW-RS (PS3.18 10.5): every part of the body goes into the archive as it comes, and has a result of its own."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Operation
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.ingest import Reception
from pacs.dicom.part10 import read_file_meta
from pacs.errors import ArrivalRefused, MediaTypeRefused, NotPermitted, SuretError
from pacs.model import Stored
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from pacs.web.dicomweb.answers import ROOT, checked_uid, service_url
from pacs.web.dicomweb.media_types import DICOM, DICOM_JSON, DICOM_XML, MULTIPART, parsed, parts_of
from pacs.web.dicomweb.multipart import MultipartBroken, MultipartReader, PartBegins, PartData, PartEnds
from pacs.web.dicomweb.stow_answer import ANSWERS, CANNOT_UNDERSTAND, PROCESSING_FAILURE, Failure, answer
from pacs.web.dicomweb.stow_metadata import MetadataDelivery

log = structlog.get_logger()

PROTOCOL = "STOW-RS"
FED_AT_ONCE_BYTES = 256 * 1024


@dataclass(slots=True)
class Delivery:
    """One request's parts on their way into the archive. Blocks.

    Used by one thread at a time, except that `close` may come from another one while the request is cut off.
    """

    archive: Archive
    principal: Principal
    study_instance_uid: str
    reader: MultipartReader | None
    protocol: str = PROTOCOL
    results: list[Stored | Failure] = field(default_factory=list)
    _reception: Reception | None = None
    _failure: tuple[int, type[Exception], str] | None = None
    _head: bytearray = field(default_factory=bytearray)
    _identity: tuple[str, str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False
    _begun: bool = False

    def feed(self, data: bytes) -> None:
        """The next bytes of the body. Raises MultipartBroken when nothing was delivered before."""
        with self._lock:
            if not self._closed:
                self._feed(data)

    def _feed(self, data: bytes) -> None:
        if self.reader is None:
            self._begin_single()
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

    def _begin_single(self) -> None:
        """The whole body is one file."""
        if not self._begun:
            self._begun = True
            self._begin(DICOM)

    def finish(self) -> None:
        """The body has ended. Raises MultipartBroken when nothing was delivered before."""
        with self._lock:
            if not self._closed:
                self._finish()

    def _finish(self) -> None:
        if self.reader is None:
            self._begin_single()
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
                self.principal, protocol=self.protocol, study_instance_uid=self.study_instance_uid
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
    ANSWERS,
    body=Body(None, (parts_of(DICOM), DICOM, parts_of(DICOM_JSON), parts_of(DICOM_XML), DICOM_JSON)),
)


def routes(archive: Archive, workers: DecodeWorkers, settings: WebSettings) -> list[Route]:
    """POST /studies and /studies/{study}."""

    async def store(request: Request, principal: Principal) -> Response:
        study = request.path_params.get("study", "")
        if study:
            checked_uid(study, "StudyInstanceUID")
        elif principal.study_instance_uids is not None:
            study = only_study(principal)
        form = body_form(request.headers.get("content-type", ""))
        service = service_url(request, settings)
        delivery = form.delivery(archive, workers, principal, study, f"{service}/studies/", PROTOCOL)
        try:
            async for data in pieces_of(request):
                await in_thread(delivery.feed, data)
            await in_thread(delivery.finish)
        finally:
            await in_thread(delivery.close)
        return answer(request, delivery.results, service)

    return [
        Route(("POST",), f"{ROOT}/studies", store, Action.STORE, body_bytes_max=None, says=_SAYS),
        Route(
            ("POST",), f"{ROOT}/studies/{{study}}", store, Action.STORE, study="study", body_bytes_max=None, says=_SAYS
        ),
    ]


def only_study(principal: Principal) -> str:
    """The study a restricted caller may add to; the archive compares each instance with it. Raises NotPermitted."""
    studies = principal.study_instance_uids or frozenset()
    if len(studies) != 1:
        raise NotPermitted("this caller may not store into any study", "name the study in the address")
    return next(iter(studies))


@dataclass(frozen=True, slots=True)
class BodyForm:
    """How a body is read: `media_type` is that of its instances or metadata, `boundary` None where it is one alone."""

    media_type: str
    boundary: str | None

    def delivery(
        self, archive: Archive, workers: DecodeWorkers, principal: Principal, study: str, base: str, protocol: str
    ) -> Delivery | MetadataDelivery:
        """What takes the body; `base` is what relative addresses in it are below. Raises MultipartBroken."""
        reader = None if self.boundary is None else MultipartReader(self.boundary)
        if self.media_type == DICOM:
            return Delivery(archive, principal, study, reader, protocol)
        return MetadataDelivery(archive, workers.unpack, principal, study, protocol, base, self.media_type, reader)


def body_form(content_type: str) -> BodyForm:
    """The form of a body of this type. Raises MediaTypeRefused."""
    found = parsed(content_type)
    if found is not None:
        media_type, parameters = found
        if media_type in _BODIES:
            return BodyForm(media_type, None)
        inner = parameters.get("type", DICOM).lower()
        if media_type == MULTIPART and inner in _BODIES:
            return BodyForm(inner, parameters.get("boundary", ""))
    raise MediaTypeRefused(
        f"a body of type {content_type[:100]!r} is not read",
        'send multipart/related with type="application/dicom", "application/dicom+json" or "application/dicom+xml", '
        "or one file as application/dicom",
    )


_BODIES = frozenset({DICOM, DICOM_JSON, DICOM_XML})


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
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
