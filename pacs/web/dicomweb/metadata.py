"""Metadata over WADO-RS (PS3.18 10.4.1.1.2): DICOM JSON as one array, or the Native DICOM Model in XML, in parts."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import in_thread
from pacs.access.operation import DATA_SET, Answer, Operation
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.metadata import SeriesMetadata
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.native_model import native_dicom_model
from pacs.index.criteria import Criterion, OneOf, Query
from pacs.web.dicomweb.answers import ACCEPT, ROOT, entity_tag, known_to, model_type
from pacs.web.dicomweb.bodies import Piece, StreamedAnswer, taken
from pacs.web.dicomweb.frames import CACHE
from pacs.web.dicomweb.media_types import DICOM_JSON, DICOM_XML, JSON, parts_of
from pacs.web.dicomweb.multipart import Framing
from pacs.web.dicomweb.resources import Resources

ADDRESSED_BYTES_MAX = 32 << 20
METADATA = Operation(
    "Every attribute of the objects but their bulk data, which have addresses",
    (
        Answer(
            200, "a data set an object", (DICOM_JSON, JSON, parts_of(DICOM_XML)), [DATA_SET], {"ETag": "of this answer"}
        ),
    ),
    (ACCEPT,),
    refusals=(304, 400, 406, 410, 422),
)


class Metadata:
    """The metadata resources of one archive."""

    def __init__(self, archive: Archive, resources: Resources) -> None:
        self._archive = archive
        self._resources = resources
        self._addressed = Addressed()
        archive.forgetting.tell(lambda erased: self._addressed.forget())

    async def series(self, request: Request, principal: Principal) -> Response:
        """Every instance of a series, from the document that is kept of it."""
        study, series = self._resources.uids(request, principal)
        return await self._answer(request, lambda: self._archive.series_metadata(study, series))

    async def instance(self, request: Request, principal: Principal) -> Response:
        """One instance."""
        find = self._resources.found(request, principal)

        def made() -> SeriesMetadata:
            [stored] = find()
            content = msgspec.json.encode([self._archive.instance_metadata(stored)])
            return SeriesMetadata(f'"{stored.shown_as[:32]}-m"', gzip.compress(content, 1, mtime=0))

        return await self._answer(request, made)

    async def study(self, request: Request, principal: Principal) -> Response:
        """Every instance of a study: the arrays of its series, one after the other."""
        [study] = self._resources.uids(request, principal)

        def made() -> SeriesMetadata:
            query = Query(Level.SERIES, (Criterion(BY_KEYWORD["StudyInstanceUID"], OneOf((study,))),))
            series = [row["SeriesInstanceUID"] for row in self._archive.find(query)]
            if not series:
                raise self._archive.missing(study)
            parts = [self._archive.series_metadata(study, uid) for uid in series]
            unreadable = sum(part.unreadable for part in parts)
            etag = entity_tag(*(part.etag for part in parts))
            return SeriesMetadata(etag, _arrays_joined(part.gzip_json for part in parts), unreadable)

        return await self._answer(request, made)

    async def _answer(self, request: Request, make: Callable[[], SeriesMetadata]) -> Response:
        media_type = model_type(request)
        found = await in_thread(make)
        etag = found.etag if media_type != DICOM_XML else f'{found.etag[:-1]}-x"'
        headers = {"etag": etag, "cache-control": CACHE, "vary": "accept, accept-encoding"}
        service = self._resources.service(request)
        if found.unreadable:
            text = f"{found.unreadable} instances cannot be read; only their UIDs are given"
            headers["warning"] = f'299 {service} "{text}"'
        if known_to(request, etag):
            return Response(None, 304, headers)
        content = await in_thread(self._addressed.of, found, service)
        if media_type == DICOM_XML:
            framing = Framing(DICOM_XML, etag)
            pieces = taken(_documents(content, framing, service))
            return StreamedAnswer(pieces, media_type=framing.content_type, headers=headers)
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(content, 200, {**headers, "content-encoding": "gzip"}, media_type)
        return Response(await in_thread(gzip.decompress, content), 200, headers, media_type)


class Addressed:
    """Metadata whose BulkDataURIs begin with the address under which the client reaches the service.

    What the archive keeps is the same for all; but a page of another origin takes a relative address for one of its
    own, and other clients for none. The last answers are kept, `bytes_max` of them: a series asked for again costs no
    more.
    """

    def __init__(self, bytes_max: int = ADDRESSED_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._forgotten = 0
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Keep nothing of what was: something was erased."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0
            self._forgotten += 1

    def of(self, found: SeriesMetadata, service: str) -> bytes:
        """The metadata for clients of `service`, compressed as before."""
        key = (found.etag, service)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            forgotten = self._forgotten
        # a quotation mark inside a value is escaped, so this is nowhere but where an address begins
        relative, absolute = (b'"BulkDataURI":"' + msgspec.json.encode(root + "/")[1:-1] for root in (ROOT, service))
        made = gzip.compress(gzip.decompress(found.gzip_json).replace(relative, absolute), 1, mtime=0)
        with self._lock:
            if forgotten == self._forgotten and key not in self._kept:
                self._kept[key] = made
                self._bytes += len(made)
            while self._bytes > self._bytes_max:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return made


def _documents(gzip_json: bytes, framing: Framing, service: str) -> Iterator[Piece]:
    for raw in msgspec.json.decode(gzip.decompress(gzip_json), type=list[msgspec.Raw]):
        one: Mapping[str, Mapping[str, Any]] = msgspec.json.decode(raw)
        study, series, instance = (one.get(tag, {}).get("Value", [""])[0] for tag in _IDENTITY)
        location = f"{service}/studies/{study}/series/{series}/instances/{instance}/metadata"
        yield framing.head({"Content-Type": DICOM_XML, "Content-Location": location})
        yield native_dicom_model(one)
    yield framing.tail


_IDENTITY = ("0020000D", "0020000E", "00080018")


def _takes_gzip(accept_encoding: str) -> bool:
    for entry in accept_encoding.split(","):
        coding, _, quality = entry.strip().lower().partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _arrays_joined(gzip_arrays: Iterable[bytes]) -> bytes:
    """Compressed JSON arrays as one, holding one of them in memory at a time."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    out = [compressor.compress(b"[")]
    separator = b""
    for content in gzip_arrays:
        inner = gzip.decompress(content).strip()[1:-1]
        if inner:
            out.append(compressor.compress(separator + inner))
            separator = b","
    out.append(compressor.compress(b"]") + compressor.flush())
    return b"".join(out)
