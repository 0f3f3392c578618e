"""Video to be looked at (PS3.18 8.7.4): the stored stream as what it is, by ranges, so that a browser seeks.

Nothing is decoded or remuxed: a stream that is no MP4 is given under the type that it has.
"""

from __future__ import annotations

from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from pacs.archive.retrieve import frame_table
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.video import TRANSPORT_PACKET_BYTES, is_mp4
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StoredInstance
from pacs.web.dicomweb.answers import accepted_by, entity_tag, known_to
from pacs.web.dicomweb.bodies import StoredBytes, ranged_answer
from pacs.web.dicomweb.frames import CACHE
from pacs.web.dicomweb.media_types import COMPRESSED

MP4, MPEG, TRANSPORT_STREAM = "video/mp4", "video/mpeg", "video/mp2t"
_BARE = MappingProxyType({MP4: "video/h264", MPEG: MPEG, "video/h265": "video/h265"})
"""The type of a stream in no container, by that of its transfer syntax."""

VIDEO_TYPES = (MP4, MPEG, TRANSPORT_STREAM, "video/h264", "video/h265")


def is_video(stored: StoredInstance) -> bool:
    """Whether the frames of the object are one stream."""
    return stored.frame_table is not None and transfer_syntax(stored.transfer_syntax_uid).video


def video_answer(stored_bytes: StoredBytes, request: Request, stored: StoredInstance) -> Response:
    """The stream, or the range of it that is asked for. Raises NotAcceptable, Unreadable, StoreFailed."""
    pieces = [(stored.dataset_offset + offset, length) for offset, length in frame_table(stored).ranges(1)]
    if not pieces:
        raise Unreadable("the video is empty", "send the object again", "damaged")
    offset, length = pieces[0]
    media_type = _media_type(
        stored_bytes.read(stored, offset, min(length, TRANSPORT_PACKET_BYTES + 1)), stored.transfer_syntax_uid
    )
    if not any(entry.includes(media_type) and not entry.multipart for entry in accepted_by(request)):
        raise NotAcceptable(f"this video is stored as {media_type} and given so alone", f"accept {media_type}")
    etag = entity_tag(stored.dataset_sha256, "video")
    headers = {"etag": etag, "cache-control": CACHE, "vary": "accept"}
    if known_to(request, etag):
        return Response(None, 304, headers)
    stored_bytes.check_there(stored)
    spans = [stored_bytes.span(stored, offset, length) for offset, length in pieces]
    return ranged_answer(request, spans, media_type=media_type, headers=headers)


def _media_type(head: bytes, transfer_syntax_uid: str) -> str:
    if is_mp4(head):
        return MP4
    if head[:1] == b"\x47" and head[TRANSPORT_PACKET_BYTES : TRANSPORT_PACKET_BYTES + 1] in (b"\x47", b""):
        return TRANSPORT_STREAM
    return _BARE[COMPRESSED[transfer_syntax_uid]]
