"""WADO-RS (PS3.18 10.4): instances, metadata, frames, bulk data and pictures of what is stored."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.uids import transfer_syntax
from pacs.errors import NotAcceptable, Unreadable
from pacs.index.criteria import Criterion, OneOf, Query
from pacs.model import StorageState, StoredInstance
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import ROOT, accepted_by, checked_uid, entity_tags, json_type, service_url
from pacs.web.dicomweb.bodies import Piece, Pieces, StoredBytes, StreamedAnswer, framed, given, taken
from pacs.web.dicomweb.frames import CACHE, PIXEL_TAGS, Frames, frame_numbers
from pacs.web.dicomweb.instances import InstanceForm, Instances, Outgoing, all_as_stored, as_stored_type, chosen_form
from pacs.web.dicomweb.media_types import DICOM, OCTET_STREAM
from pacs.web.dicomweb.multipart import Framing
from pacs.web.dicomweb.pictures import Pictures
from pacs.web.dicomweb.recent import Recent
from pacs.web.dicomweb.rendered import Rendered

STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
FRAMES = INSTANCE + "/frames/{frames}"

WARM_S, WARM_SERIES_MAX = 60.0, 4096

RANGES_OF_PATH = (("study", "StudyInstanceUID"), ("series", "SeriesInstanceUID"), ("instance", "SOPInstanceUID"))

Answer = Callable[[Request, Principal], Awaitable[Response]]


class Wado:
    """The retrieve transactions over one archive."""

    def __init__(self, archive: Archive, workers: DecodeWorkers, settings: WebSettings, accesses: Accesses) -> None:
        self._archive = archive
        self._settings = settings
        self._accesses = accesses
        self._bytes = StoredBytes(archive)
        self._frames = Frames(archive, self._bytes, workers)
        self._instances = Instances(self._bytes, self._frames)
        pictures = Pictures(archive, self._frames, workers)
        self._rendered = Rendered(archive, pictures, self._found, lambda request: service_url(request, settings))
        self._warm = Recent(WARM_S, WARM_SERIES_MAX)

    def routes(self) -> list[Route]:
        """Every retrieve resource (PS3.18 Table 10.4.1-1 and following)."""
        table: tuple[tuple[str, Answer], ...] = (
            (STUDY, self.objects),
            (SERIES, self.objects),
            (INSTANCE, self.objects),
            (STUDY + "/metadata", self.study_metadata),
            (SERIES + "/metadata", self.series_metadata),
            (INSTANCE + "/metadata", self.instance_metadata),
            (FRAMES, self.frames),
            (INSTANCE + "/bulkdata/{path:path}", self.bulk_data),
            (STUDY + "/rendered", self._rendered.many),
            (SERIES + "/rendered", self._rendered.many),
            (INSTANCE + "/rendered", self._rendered.one),
            (FRAMES + "/rendered", self._rendered.one),
            (STUDY + "/thumbnail", self._rendered.thumbnail),
            (SERIES + "/thumbnail", self._rendered.thumbnail),
            (INSTANCE + "/thumbnail", self._rendered.thumbnail),
            (FRAMES + "/thumbnail", self._rendered.thumbnail),
        )
        return [Route(("GET",), ROOT + path, answer, Action.RETRIEVE, study="study") for path, answer in table]

    # Objects ---------------------------------------------------------------------------------------------------

    async def objects(self, request: Request, principal: Principal) -> Response:
        """A study, series or instance as DICOM files. What is damaged is left out, with 206 and a warning."""
        instances = await in_thread(self._found(request, principal))
        sound = [stored for stored in instances if stored.storage is StorageState.STORED]
        if not sound:
            raise Unreadable("what is stored here is damaged", "send it again from its source: that repairs it")
        form = chosen_form(accepted_by(request), sound, single="instance" in request.path_params)
        headers = {"cache-control": CACHE, "vary": "accept"}
        damaged = len(instances) - len(sound)
        service = service_url(request, self._settings)
        if damaged:
            headers["warning"] = f'299 {service} "{damaged} damaged instances were left out"'
        if form.multipart and all_as_stored(sound, form):
            return await self._as_stored(sound, headers, service, 206 if damaged else 200)
        first = await self._instances.outgoing(sound[0], form)
        if not form.multipart:
            headers["content-disposition"] = f'attachment; filename="{sound[0].sop_instance_uid}.dcm"'
            return StreamedAnswer(first.pieces, media_type=first.content_type, length=first.length, headers=headers)
        framing = Framing(DICOM)
        return StreamedAnswer(
            self._object_parts(sound, form, first, framing, service),
            media_type=framing.content_type,
            headers=headers,
            status=206 if damaged else 200,
        )

    async def _as_stored(
        self, instances: Sequence[StoredInstance], headers: dict[str, str], service: str, status: int
    ) -> Response:
        """Files that go out byte for byte: their length is known, and they are read ahead of the socket."""
        await in_thread(self._bytes.check_there, instances[0])
        framing = Framing(DICOM)
        heads = [
            framing.head({"Content-Type": as_stored_type(stored), "Content-Location": _instance_url(service, stored)})
            for stored in instances
        ]

        def pieces() -> Iterator[Piece]:
            for head, stored in zip(heads, instances, strict=True):
                yield head
                yield from self._bytes.pieces(stored, 0, stored.size)
            yield framing.tail

        length = sum(map(len, heads)) + sum(stored.size for stored in instances) + len(framing.tail)
        return StreamedAnswer(
            taken(pieces()), media_type=framing.content_type, length=length, headers=headers, status=status
        )

    async def _object_parts(
        self, instances: Sequence[StoredInstance], form: InstanceForm, first: Outgoing, framing: Framing, service: str
    ) -> Pieces:
        for position, stored in enumerate(instances):
            outgoing = first if position == 0 else await self._instances.outgoing(stored, form)
            url = _instance_url(service, stored)
            yield framing.head({"Content-Type": outgoing.content_type, "Content-Location": url})
            async for piece in outgoing.pieces:
                yield piece
        yield framing.tail

    # Metadata --------------------------------------------------------------------------------------------------

    async def series_metadata(self, request: Request, principal: Principal) -> Response:
        """Every instance of a series as DICOM JSON, stored compressed."""
        media_type = json_type(request)
        study, series = _uids(request)
        self._accesses.read(principal, study)
        found = await in_thread(self._archive.series_metadata, study, series)
        return await self._metadata_answer(request, media_type, found.etag, found.gzip_json, found.unreadable)

    async def instance_metadata(self, request: Request, principal: Principal) -> Response:
        """One instance as DICOM JSON."""
        media_type = json_type(request)
        find = self._found(request, principal)

        def made() -> tuple[str, bytes]:
            [stored] = find()
            content = msgspec.json.encode([self._archive.instance_metadata(stored)])
            return f'"{stored.dataset_sha256[:32]}-m"', gzip.compress(content, 1, mtime=0)

        tag, content = await in_thread(made)
        return await self._metadata_answer(request, media_type, tag, content)

    async def study_metadata(self, request: Request, principal: Principal) -> Response:
        """Every instance of a study as DICOM JSON: the arrays of its series, one after the other."""
        media_type = json_type(request)
        [study] = _uids(request)
        self._accesses.read(principal, study)

        def made() -> tuple[str, bytes, int]:
            query = Query(Level.SERIES, (Criterion(BY_KEYWORD["StudyInstanceUID"], OneOf((study,))),))
            series = [row["SeriesInstanceUID"] for row in self._archive.find(query)]
            if not series:
                raise self._archive.missing(study)
            parts = [self._archive.series_metadata(study, uid) for uid in series]
            tags = hashlib.sha256(" ".join(part.etag for part in parts).encode()).hexdigest()[:32]
            unreadable = sum(part.unreadable for part in parts)
            return f'"{tags}"', _arrays_joined(part.gzip_json for part in parts), unreadable

        return await self._metadata_answer(request, media_type, *await in_thread(made))

    async def _metadata_answer(
        self, request: Request, media_type: str, tag: str, gzip_json: bytes, unreadable: int = 0
    ) -> Response:
        headers = {"etag": tag, "cache-control": CACHE, "vary": "accept, accept-encoding"}
        if unreadable:
            service = service_url(request, self._settings)
            headers["warning"] = f'299 {service} "{unreadable} instances cannot be read; only their UIDs are given"'
        if tag in entity_tags(request.headers.get("if-none-match", "")):
            return Response(None, 304, headers)
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(gzip_json, 200, {**headers, "content-encoding": "gzip"}, media_type)
        return Response(await in_thread(gzip.decompress, gzip_json), 200, headers, media_type)

    # Frames and bulk data --------------------------------------------------------------------------------------

    async def frames(self, request: Request, principal: Principal) -> Response:
        """The frames of a list, as stored or decoded."""
        numbers = frame_numbers(request.path_params["frames"])
        find = self._found(request, principal)
        uids = _uids(request)
        url = service_url(request, self._settings) + _instance_path(request)
        # The first answer from a series brings the index's pages into memory, in a thread; the others find them there.
        at_hand = self._archive.instance_at_once(*uids) if self._warm.seen((uids[0], uids[1])) else None
        return await self._frames.answer(request, lambda: find()[0], numbers, url, at_hand)

    async def bulk_data(self, request: Request, principal: Principal) -> Response:
        """The value behind a BulkDataURI; pixel data are given as frames, native ones as one value."""
        path: str = request.path_params["path"]
        [stored] = await in_thread(self._found(request, principal))
        ranges = [entry for entry in accepted_by(request) if entry.includes(OCTET_STREAM)]
        pixels = re.fullmatch(r"[0-9A-F]{8}", path) is not None and int(path, 16) in PIXEL_TAGS
        table = frame_table(stored) if pixels and stored.frame_table is not None else None
        if table is not None and (table.lengths or not transfer_syntax(stored.transfer_syntax_uid).native):
            numbers = range(1, table.number_of_frames + 1)
            url = service_url(request, self._settings) + _instance_path(request)
            return await self._frames.answer(request, lambda: stored, numbers, url)
        if not ranges:
            raise NotAcceptable("bulk data are given as octets only", f"accept {OCTET_STREAM}")
        if table is not None and table.frame_bits:
            pieces, length = await in_thread(self._frames.pixel_bytes, stored)
        else:
            value = await in_thread(self._archive.bulk_data, stored, path)
            pieces, length = given(value), len(value)
        headers = {"etag": f'"{stored.dataset_sha256[:32]}-b"', "cache-control": CACHE, "vary": "accept"}
        if not ranges[0].multipart:
            return StreamedAnswer(pieces, media_type=OCTET_STREAM, length=length, headers=headers)
        framing = Framing(OCTET_STREAM)
        location = f"{_instance_url(service_url(request, self._settings), stored)}/bulkdata/{path}"
        head = framing.head({"Content-Type": OCTET_STREAM, "Content-Location": location})
        length += len(head) + len(framing.tail)
        body = framed(head, pieces, framing.tail)
        return StreamedAnswer(body, media_type=framing.content_type, length=length, headers=headers)

    # Common ----------------------------------------------------------------------------------------------------

    def _found(self, request: Request, principal: Principal) -> Callable[[], list[StoredInstance]]:
        """A call, for a thread, that gives the live instances the path names. Raises NotFound, QueryRefused."""
        uids = _uids(request)
        self._accesses.read(principal, uids[0])
        return partial(self._archive.instances, *uids)


def _uids(request: Request) -> list[str]:
    return [
        checked_uid(request.path_params[name], keyword)
        for name, keyword in RANGES_OF_PATH
        if name in request.path_params
    ]


def _instance_url(service: str, stored: StoredInstance) -> str:
    return (
        f"{service}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}"
    )


def _instance_path(request: Request) -> str:
    return "/studies/{study}/series/{series}/instances/{instance}".format(**request.path_params)


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
