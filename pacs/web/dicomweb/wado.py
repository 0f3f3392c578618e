"""WADO-RS (PS3.18 10.4): instances, metadata, frames, bulk data and pictures of what is stored."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from pacs.access import operation
from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Operation
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StorageState, StoredInstance
from pacs.render.workers import DecodeWorkers
from pacs.settings import Settings
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import ACCEPT, RANGE, ROOT, accepted_by, entity_tag, known_to
from pacs.web.dicomweb.bodies import (
    Piece,
    StoredBytes,
    StreamedAnswer,
    at_hand,
    is_ranged,
    ranged_answer,
    taken,
)
from pacs.web.dicomweb.bulkdata import BULK_DATA, BULK_DATUM, PIXEL_DATA, BulkData
from pacs.web.dicomweb.frames import CACHE, FRAMES_SAID, Frames, frame_numbers
from pacs.web.dicomweb.instances import (
    InstanceForm,
    Instances,
    Outgoing,
    acceptable_forms,
    all_as_stored,
    as_stored_type,
    not_acceptable,
    target_of,
)
from pacs.web.dicomweb.media_types import DICOM, OCTET_STREAM, ZIP, MediaRange, parts_of
from pacs.web.dicomweb.metadata import METADATA, Metadata
from pacs.web.dicomweb.multipart import Framing
from pacs.web.dicomweb.pictures import Pictures
from pacs.web.dicomweb.rendered import FIRST_PICTURE, RENDERED, RENDERED_MANY, SMALL, Rendered
from pacs.web.dicomweb.resources import FRAMES, INSTANCE, SERIES, STUDY, Resources, instance_path, instance_url
from pacs.web.dicomweb.volumes import PLANE, PROJECTION, Volumes
from pacs.web.dicomweb.wado_uri import WadoUri
from pacs.web.dicomweb.zipped import Zipped

Answer = Callable[[Request, Principal], Awaitable[Response]]

_FILES = (parts_of(DICOM), DICOM, parts_of(OCTET_STREAM), ZIP)
_OBJECTS = Operation(
    "Retrieve the objects: as files, one ZIP file with a DICOMDIR, or their bulk data",
    (
        operation.Answer(200, "the objects", _FILES, headers={"ETag": "of this answer"}),
        operation.Answer(206, "a range of it, or all but what is damaged (a Warning says so)", _FILES),
    ),
    (ACCEPT, RANGE),
    refusals=(304, 400, 406, 410, 416, 422),
)


class Wado:
    """The retrieve transactions over one archive."""

    def __init__(self, archive: Archive, workers: DecodeWorkers, settings: Settings, accesses: Accesses) -> None:
        self._archive = archive
        self._resources = Resources(archive, settings.web, accesses)
        self._bytes = StoredBytes(archive)
        transcoder = Transcoder(archive, workers.decode, workers.encode)
        self._frames = Frames(archive, self._bytes, transcoder)
        self._instances = Instances(archive, self._bytes, transcoder)
        self._zipped = Zipped(archive, self._instances)
        self._metadata = Metadata(archive, self._resources)
        self._bulk = BulkData(archive, self._resources, self._bytes, self._frames)
        pictures = Pictures(archive, self._frames, workers)
        self._volumes = Volumes(archive, workers, self._resources.found)
        self._rendered = Rendered(archive, pictures, self._bytes, self._resources)
        self._uri = WadoUri(archive, self._instances, pictures, accesses)

    def routes(self) -> list[Route]:
        """Every retrieve resource (PS3.18 Table 10.4.1-1 and following)."""
        bulk, rendered, volumes = self._bulk, self._rendered, self._volumes
        table: tuple[tuple[str, Answer, Operation], ...] = (
            *((level, self.objects, _OBJECTS) for level in (STUDY, SERIES, INSTANCE)),
            (STUDY + "/metadata", self._metadata.study, METADATA),
            (SERIES + "/metadata", self._metadata.series, METADATA),
            (INSTANCE + "/metadata", self._metadata.instance, METADATA),
            (FRAMES, self.frames, FRAMES_SAID),
            *((level + "/bulkdata", bulk.all, BULK_DATA) for level in (STUDY, SERIES, INSTANCE)),
            *((level + "/pixeldata", bulk.pixels, PIXEL_DATA) for level in (STUDY, SERIES, INSTANCE)),
            (INSTANCE + "/bulkdata/{path:path}", bulk.one, BULK_DATUM),
            (STUDY + "/rendered", rendered.many, RENDERED_MANY),
            (SERIES + "/rendered", rendered.many, RENDERED_MANY),
            (INSTANCE + "/rendered", rendered.one, RENDERED),
            *((SERIES + name, volumes.mpr, PLANE) for name in ("/renderedmpr", "/renderedMPR")),
            *((SERIES + name, volumes.projection, PROJECTION) for name in ("/rendered3d", "/rendered3D")),
            (FRAMES + "/rendered", rendered.one, RENDERED),
            *((level + "/thumbnail", rendered.thumbnail, SMALL) for level in (STUDY, SERIES, INSTANCE, FRAMES)),
        )
        routes = [
            Route(("GET",), ROOT + path, answer, Action.RETRIEVE, study="study", says=says)
            for path, answer, says in table
        ]
        opening = Route(
            ("GET",),
            "/api/studies/{study}/first-picture",
            rendered.first,
            Action.RETRIEVE,
            study="study",
            says=FIRST_PICTURE,
        )
        return [*routes, opening, *self._uri.routes()]

    # Objects ---------------------------------------------------------------------------------------------------

    async def objects(self, request: Request, principal: Principal) -> Response:
        """A study, series or instance: as DICOM files, their bulk data, or one ZIP file, as the client likes best.

        What is damaged is left out, with 206 and a warning.
        """
        instances = await in_thread(self._resources.found(request, principal))
        sound = [stored for stored in instances if stored.storage is StorageState.STORED]
        if not sound:
            hint = "send it again from its source: that repairs it"
            raise Unreadable("what is stored here is damaged", hint, "damaged")
        headers = {"cache-control": CACHE, "vary": "accept"}
        damaged = len(instances) - len(sound)
        if damaged:
            service = self._resources.service(request)
            headers["warning"] = f'299 {service} "{damaged} damaged instances were left out"'
        refusal = not_acceptable()
        for kind, group in itertools.groupby(accepted_by(request), key=_kind):
            try:
                if kind == OCTET_STREAM:
                    return await self._bulk.of(request, sound)
                if kind:
                    return await self._files(request, kind, tuple(group), sound, headers, 206 if damaged else 200)
            except NotAcceptable as error:
                refusal = error
        raise refusal

    async def _files(
        self,
        request: Request,
        kind: str,
        accepts: Sequence[MediaRange],
        sound: Sequence[StoredInstance],
        headers: dict[str, str],
        status: int,
    ) -> Response:
        refusal = None
        for form in acceptable_forms(accepts, kind, sound, single="instance" in request.path_params):
            targets = (target_of(stored, form.wanted) for stored in sound)
            etag = entity_tag(kind, form, *targets, *(f"{one.object_key} {one.shown_as}" for one in sound))
            headers["etag"] = etag
            if known_to(request, etag):
                return Response(None, 304, headers)
            if form.multipart and all_as_stored(sound, form):
                return await self._as_stored(request, sound, headers, status)
            try:
                first = await in_thread(self._instances.outgoing, sound[0], form)
            except NotAcceptable as error:
                refusal = error
                continue
            if kind == ZIP:
                name = request.path_params.get("instance") or request.path_params.get("series")
                headers["content-disposition"] = f'attachment; filename="{name or sound[0].study_instance_uid}.zip"'
                pieces = self._zipped.pieces(sound, form, first, self._archive.clock())
                return StreamedAnswer(taken(pieces), media_type=ZIP, headers=headers, status=status)
            if not form.multipart:
                headers["content-disposition"] = f'attachment; filename="{sound[0].sop_instance_uid}.dcm"'
                return self._single(request, first, headers)
            framing = Framing(DICOM, etag)
            parts = self._object_parts(sound, form, first, framing, self._resources.service(request))
            return StreamedAnswer(taken(parts), media_type=framing.content_type, headers=headers, status=status)
        raise refusal or not_acceptable()

    def _single(self, request: Request, first: Outgoing, headers: dict[str, str]) -> Response:
        if first.spans and is_ranged(request):
            return ranged_answer(request, first.spans, media_type=first.content_type, headers=headers)
        if first.length is not None:
            headers["accept-ranges"] = "bytes"
        return StreamedAnswer(taken(first.pieces), media_type=first.content_type, length=first.length, headers=headers)

    async def _as_stored(
        self, request: Request, instances: Sequence[StoredInstance], headers: dict[str, str], status: int
    ) -> Response:
        """Files that go out byte for byte: their length is known, and they are read ahead of the socket."""
        await in_thread(self._bytes.check_there, instances[0])
        framing = Framing(DICOM, headers["etag"])
        service = self._resources.service(request)
        heads = [
            framing.head({"Content-Type": as_stored_type(stored), "Content-Location": instance_url(service, stored)})
            for stored in instances
        ]
        if is_ranged(request):
            spans = [
                span
                for head, stored in zip(heads, instances, strict=True)
                for span in (*at_hand(head), self._bytes.span(stored, 0, stored.size))
            ]
            spans += at_hand(framing.tail)
            return ranged_answer(request, spans, media_type=framing.content_type, headers=headers, status=status)

        parts: list[bytes | StoredInstance] = []
        for head, stored in zip(heads, instances, strict=True):
            parts += (head, stored)
        parts.append(framing.tail)
        length = sum(map(len, heads)) + sum(stored.size for stored in instances) + len(framing.tail)
        headers["accept-ranges"] = "bytes"
        return StreamedAnswer(
            self._bytes.joined(parts), media_type=framing.content_type, length=length, headers=headers, status=status
        )

    def _object_parts(
        self, instances: Sequence[StoredInstance], form: InstanceForm, first: Outgoing, framing: Framing, service: str
    ) -> Iterator[Piece]:
        for position, stored in enumerate(instances):
            outgoing = first if position == 0 else self._instances.outgoing(stored, form, strict=False)
            url = instance_url(service, stored)
            yield framing.head({"Content-Type": outgoing.content_type, "Content-Location": url})
            yield from outgoing.pieces
        yield framing.tail

    # Frames ----------------------------------------------------------------------------------------------------

    async def frames(self, request: Request, principal: Principal) -> Response:
        """The frames of a list, as stored or in another form."""
        again = self._frames.answer_again(request)
        if again is not None:
            self._resources.looked_at(principal, request.path_params["study"])
            return again
        numbers = frame_numbers(request.path_params["frames"])
        study, series, instance = self._resources.uids(request, principal)
        url = self._resources.service(request) + instance_path(request)
        found = self._resources.found_at_once(study, series, instance)

        def find() -> StoredInstance:
            return self._archive.instances(study, series, instance)[0]

        return await self._frames.answer(request, find, numbers, url, found)


def _kind(entry: MediaRange) -> str:
    """What an entry of Accept asks a study, series or instance as; "" where it is none of it."""
    if entry.media_type == ZIP and not entry.multipart:
        return ZIP
    if entry.media_type == OCTET_STREAM and entry.multipart:
        return OCTET_STREAM
    return DICOM if entry.includes(DICOM) else ""
