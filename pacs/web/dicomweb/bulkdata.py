"""Bulk data over WADO-RS (PS3.18 10.4.1.1.4 and .6): the value behind one BulkDataURI, all of them, or the pixel data.

Native pixel data are one value, compressed ones are given frame by frame (8.7.3.3); an encapsulated document comes in
its own media type to whoever does not ask for octets.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import in_thread
from pacs.access.operation import Answer, Operation
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.dicom.uids import transfer_syntax
from pacs.errors import NotAcceptable, NotFound, Unreadable
from pacs.model import StorageState, StoredInstance
from pacs.web.dicomweb.answers import ACCEPT, RANGE, accepted_by, entity_tag, known_to
from pacs.web.dicomweb.bodies import Pieces, Span, StoredBytes, StreamedAnswer, at_hand, ranged_answer
from pacs.web.dicomweb.frames import CACHE, FRAMES_SAID, PIXEL_TAGS, FrameForm, Frames, acceptable_forms
from pacs.web.dicomweb.media_types import OCTET_STREAM, MediaRange, parts_of
from pacs.web.dicomweb.multipart import Framing
from pacs.web.dicomweb.resources import Resources, instance_url

log = structlog.get_logger()

_DOCUMENT, _DOCUMENT_TYPE, _DOCUMENT_LENGTH = "00420011", "00420012", "00420015"
_DOCUMENT_TYPES = frozenset(
    {"application/pdf", "text/xml", "application/xml", "model/stl", "model/obj", "model/mtl", "image/jpeg", "video/mp4"}
)

Part = tuple[str, str, list[Span]]
"""Content-Type, Content-Location and content of one part."""


BULK_DATA = Operation(
    "All bulk data of the objects",
    (Answer(200, "each in a part", (parts_of(OCTET_STREAM),)),),
    (ACCEPT,),
    refusals=(304, 400, 406, 410, 422),
)
PIXEL_DATA = Operation(
    "The pixel data of the objects",
    (Answer(200, "each in a part", FRAMES_SAID.answers[0].media_types),),
    (ACCEPT,),
    refusals=(304, 400, 406, 410, 422),
)
BULK_DATUM = Operation(
    "The bulk data at an address that metadata told",
    (
        Answer(200, "the octets", (parts_of(OCTET_STREAM), OCTET_STREAM), headers={"ETag": "of this answer"}),
        Answer(206, "a range of them", (parts_of(OCTET_STREAM), OCTET_STREAM)),
    ),
    (ACCEPT, RANGE),
    refusals=(304, 400, 406, 410, 416, 422),
)


class BulkData:
    """The bulk data resources of one archive."""

    def __init__(self, archive: Archive, resources: Resources, stored_bytes: StoredBytes, frames: Frames) -> None:
        self._archive = archive
        self._resources = resources
        self._bytes = stored_bytes
        self._frames = frames

    async def one(self, request: Request, principal: Principal) -> Response:
        """The value behind a BulkDataURI."""
        path: str = request.path_params["path"]
        [stored] = await in_thread(self._resources.found(request, principal))
        url = instance_url(self._resources.service(request), stored)
        if _by_frame(stored, path):
            numbers = range(1, frame_table(stored).number_of_frames + 1)
            return await self._frames.answer(request, lambda: stored, numbers, url)
        accepts = accepted_by(request)
        etag = entity_tag(stored.shown_as, "bulk", path)
        document = await in_thread(self._document, stored, accepts) if path == _DOCUMENT else None
        if document is not None:
            media_type, value = document
            headers = _headers(entity_tag(etag, media_type))
            name = f"{stored.sop_instance_uid}.{media_type.rpartition('/')[2]}"
            headers["content-disposition"] = f'attachment; filename="{name}"'
            if known_to(request, headers["etag"]):
                return Response(None, 304, headers)
            return ranged_answer(request, at_hand(value), media_type=media_type, headers=headers)
        ranges = [entry for entry in accepts if entry.includes(OCTET_STREAM)]
        if not ranges:
            raise NotAcceptable("bulk data are given as octets only", f"accept {OCTET_STREAM}")
        spans = await in_thread(self._value, stored, path)
        headers = _headers(entity_tag(etag, ranges[0].multipart))
        if known_to(request, headers["etag"]):
            return Response(None, 304, headers)
        if not ranges[0].multipart:
            return ranged_answer(request, spans, media_type=OCTET_STREAM, headers=headers)
        framing = Framing(OCTET_STREAM, headers["etag"])
        head = framing.head({"Content-Type": OCTET_STREAM, "Content-Location": f"{url}/bulkdata/{path}"})
        body = [*at_hand(head), *spans, *at_hand(framing.tail)]
        return ranged_answer(request, body, media_type=framing.content_type, headers=headers)

    async def all(self, request: Request, principal: Principal) -> Response:
        """Every bulk data value of a study, series or instance."""
        instances = await in_thread(self._resources.found(request, principal))
        return await self.of(request, instances)

    async def pixels(self, request: Request, principal: Principal) -> Response:
        """The pixel data of a study, series or instance, without those of icons."""
        instances = await in_thread(self._resources.found(request, principal))
        return await self.of(request, instances, pixels_only=True)

    async def of(self, request: Request, instances: Sequence[StoredInstance], *, pixels_only: bool = False) -> Response:
        """The bulk data of `instances` in parts. Raises NotFound where they have none, NotAcceptable."""
        accepts = [entry for entry in accepted_by(request) if entry.multipart or entry.anything]
        sound = [stored for stored in instances if stored.storage is StorageState.STORED]
        if pixels_only:
            sound = [stored for stored in sound if stored.frame_table is not None]
        etag = entity_tag("bulk", pixels_only, accepts, *(stored.shown_as for stored in sound))
        headers = _headers(etag)
        service = self._resources.service(request)
        if len(sound) < len(instances) and not pixels_only:
            headers["warning"] = f'299 {service} "{len(instances) - len(sound)} damaged instances were left out"'
        if known_to(request, etag):
            return Response(None, 304, headers)
        parts = self._parts(sound, accepts, service, pixels_only)
        try:
            first = await anext(parts)  # what cannot be given at all is refused before the answer begins
        except StopAsyncIteration:
            raise NotFound(
                "there are no pixel data here" if pixels_only else "there are no bulk data here",
                "everything there is stands in the metadata",
            ) from None
        framing = Framing(first[0].partition(";")[0], etag)
        return StreamedAnswer(_framed(framing, first, parts), media_type=framing.content_type, headers=headers)

    async def _parts(
        self, instances: Sequence[StoredInstance], accepts: Sequence[MediaRange], service: str, pixels_only: bool
    ) -> AsyncGenerator[Part, None]:
        given = 0
        for position, stored in enumerate(instances):
            last = position == len(instances) - 1
            try:
                async for part in self._parts_of(stored, accepts, instance_url(service, stored), pixels_only):
                    given += 1
                    yield part
            except (NotAcceptable, Unreadable) as error:
                if given == 0 and last:
                    raise
                log.warning("bulk_data_left_out", sop_instance_uid=stored.sop_instance_uid, cause=error.message)

    async def _parts_of(
        self, stored: StoredInstance, accepts: Sequence[MediaRange], url: str, pixels_only: bool
    ) -> AsyncGenerator[Part, None]:
        for path in await in_thread(self._paths, stored, pixels_only):
            if _by_frame(stored, path):
                numbers = range(1, frame_table(stored).number_of_frames + 1)
                form, spans = await in_thread(self._first_frame, stored, accepts)
                yield form.content_type, f"{url}/frames/1", spans
                for number in numbers[1:]:
                    pieces = await in_thread(self._frames.frame, stored, number, form)
                    yield form.content_type, f"{url}/frames/{number}", at_hand(*pieces)
            elif any(entry.includes(OCTET_STREAM) for entry in accepts):
                yield OCTET_STREAM, f"{url}/bulkdata/{path}", await in_thread(self._value, stored, path)
            else:
                raise NotAcceptable("bulk data are given as octets only", f"accept {OCTET_STREAM}")

    def _first_frame(self, stored: StoredInstance, accepts: Sequence[MediaRange]) -> tuple[FrameForm, list[Span]]:
        refusal = None
        for form in acceptable_forms(tuple(accepts), stored.transfer_syntax_uid, 2):
            try:
                return form, at_hand(*self._frames.frame(stored, 1, form))
            except NotAcceptable as error:
                refusal = error
        assert refusal is not None, "there is a form, or none is acceptable"
        raise refusal

    def _paths(self, stored: StoredInstance, pixels_only: bool) -> list[str]:
        if not pixels_only:
            return list(_bulk_paths(self._archive.instance_metadata(stored)))
        return [path for path in self._archive.instance_metadata(stored) if _is_pixels(path)]

    def _value(self, stored: StoredInstance, path: str) -> list[Span]:
        if _is_pixels(path) and stored.frame_table is not None and frame_table(stored).frame_bits:
            return self._frames.pixel_spans(stored)
        return at_hand(self._archive.bulk_data(stored, path))

    def _document(self, stored: StoredInstance, accepts: Sequence[MediaRange]) -> tuple[str, bytes] | None:
        """The encapsulated document as what it is, where the client takes it so before it takes octets."""
        metadata = self._archive.instance_metadata(stored)
        media_type = str(_first(metadata, _DOCUMENT_TYPE) or "").lower()
        if media_type not in _DOCUMENT_TYPES:
            return None
        for entry in accepts:
            if entry.media_type == OCTET_STREAM or (entry.multipart and entry.includes(OCTET_STREAM)):
                return None
            if entry.includes(media_type):
                length = _first(metadata, _DOCUMENT_LENGTH)
                value = self._archive.bulk_data(stored, _DOCUMENT)
                return media_type, value[:length] if isinstance(length, int) and 0 < length < len(value) else value
        return None


def _headers(etag: str) -> dict[str, str]:
    return {"etag": etag, "cache-control": CACHE, "vary": "accept"}


def _is_pixels(path: str) -> bool:
    return re.fullmatch(r"[0-9A-F]{8}", path) is not None and int(path, 16) in PIXEL_TAGS


def _by_frame(stored: StoredInstance, path: str) -> bool:
    """Whether it is compressed pixel data, which are given frame by frame."""
    if not _is_pixels(path) or stored.frame_table is None:
        return False
    return bool(frame_table(stored).lengths) or not transfer_syntax(stored.transfer_syntax_uid).native


def _first(metadata: Mapping[str, Any], tag: str) -> Any:
    values = metadata.get(tag, {}).get("Value")
    return values[0] if values else None


def _bulk_paths(dataset: Mapping[str, Any]) -> Iterator[str]:
    for attribute in dataset.values():
        if "BulkDataURI" in attribute:
            yield attribute["BulkDataURI"].partition("/bulkdata/")[2]
        elif attribute["vr"] == "SQ":
            for item in attribute.get("Value", ()):
                yield from _bulk_paths(item)


async def _framed(framing: Framing, first: Part, parts: AsyncGenerator[Part, None]) -> Pieces:
    part: Part | None = first
    while part is not None:
        content_type, location, spans = part
        yield framing.head({"Content-Type": content_type, "Content-Location": location})
        for span in spans:
            async for piece in span.part(0, span.length):
                yield piece
        part = await anext(parts, None)
    yield framing.tail
