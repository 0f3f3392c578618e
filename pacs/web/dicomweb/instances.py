"""Whole instances over WADO-RS (PS3.18 10.4.1.1.1-3): as stored, or in Explicit VR Little Endian where that is asked.

Implicit VR Little Endian and Explicit VR Big Endian never leave over the web (PS3.18 8.7.3); a compressed object is
taken apart only for clients that do not take it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from pacs.access.gate import in_thread
from pacs.archive.retrieve import frame_table
from pacs.archive.transcode import VALUE_BYTES_MAX, around_pixels, decodable, pixel_head
from pacs.dicom.convert import explicit_little_endian
from pacs.dicom.part10 import file_meta
from pacs.dicom.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StoredInstance
from pacs.render.workers import DecodedFrame
from pacs.web.dicomweb.bodies import Piece, Pieces, StoredBytes, taken
from pacs.web.dicomweb.frames import Frames
from pacs.web.dicomweb.media_types import ANY_SYNTAX, DICOM, MediaRange

log = structlog.get_logger()


class Way(Enum):
    """What happens to an instance on its way out."""

    VERBATIM = auto()
    CONVERT = auto()
    DECODE = auto()


@dataclass(frozen=True, slots=True)
class InstanceForm:
    """What the client gets: in parts or as the body, and the transfer syntax it named ("" none, ``*`` any)."""

    multipart: bool
    wanted: str


def chosen_form(accepts: Sequence[MediaRange], instances: Sequence[StoredInstance], *, single: bool) -> InstanceForm:
    """The best form the client accepts that all of `instances` can take. Raises NotAcceptable.

    `single` allows one instance as the body itself, which the standard knows for the instance resource only.
    """
    for entry in accepts:
        if not entry.includes(DICOM) or not (entry.multipart or entry.anything or single):
            continue
        if all(_way(stored, entry.transfer_syntax) is not None for stored in instances):
            return InstanceForm(entry.multipart or entry.anything, entry.transfer_syntax)
    raise NotAcceptable(
        "there is no acceptable form of these objects", f'accept multipart/related; type="{DICOM}"; transfer-syntax=*'
    )


def all_as_stored(instances: Sequence[StoredInstance], form: InstanceForm) -> bool:
    """Whether every one of `instances` goes out byte for byte as it is stored."""
    return all(_way(stored, form.wanted) is Way.VERBATIM for stored in instances)


def as_stored_type(stored: StoredInstance) -> str:
    """The Content-Type of an instance that goes out as it is stored."""
    return f"{DICOM}; transfer-syntax={stored.transfer_syntax_uid}"


def _way(stored: StoredInstance, wanted: str) -> Way | None:
    uid = stored.transfer_syntax_uid
    syntax = transfer_syntax(uid)
    unfit = syntax.implicit or uid == EXPLICIT_VR_BIG_ENDIAN
    if wanted == ANY_SYNTAX or (wanted == uid and not unfit):
        return Way.CONVERT if unfit else Way.VERBATIM
    if wanted not in ("", EXPLICIT_VR_LITTLE_ENDIAN):
        return None
    if uid == EXPLICIT_VR_LITTLE_ENDIAN:
        return Way.VERBATIM
    if not syntax.encapsulated or stored.pixel_element_offset is None:
        return Way.CONVERT
    if decodable(uid) and stored.frame_table is not None:
        return Way.DECODE
    # Where no syntax was named, pixels held in lossy form only may stay in it (PS3.18 8.7.3.4).
    return Way.VERBATIM if not wanted else None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One instance ready to be sent: its transfer syntax, its pieces, and their bytes where the number is known."""

    transfer_syntax_uid: str
    pieces: Pieces
    length: int | None

    @property
    def content_type(self) -> str:
        """The Content-Type of the instance."""
        return f"{DICOM}; transfer-syntax={self.transfer_syntax_uid}"


class Instances:
    """Makes stored instances ready to be sent."""

    def __init__(self, stored_bytes: StoredBytes, frames: Frames) -> None:
        self._bytes = stored_bytes
        self._frames = frames

    async def outgoing(self, stored: StoredInstance, form: InstanceForm) -> Outgoing:
        """`stored` in `form`. Raises Unreadable, Busy, NotAcceptable."""
        way = _way(stored, form.wanted)
        assert way is not None, "the form was chosen for these instances"
        if way is Way.CONVERT:
            return await self._converted(stored)
        if way is Way.DECODE:
            try:
                return await self._decoded(stored)
            except (Unreadable, NotAcceptable) as error:
                if form.wanted:
                    raise
                log.warning("instance_not_decoded", sop_instance_uid=stored.sop_instance_uid, cause=error.message)
        # What is damaged or gone is refused before the answer begins.
        pieces = await in_thread(self._bytes.stream, stored, 0, stored.size)
        return Outgoing(stored.transfer_syntax_uid, pieces, stored.size)

    async def _converted(self, stored: StoredInstance) -> Outgoing:
        dataset = await in_thread(self._bytes.dataset, stored)
        syntax = transfer_syntax(stored.transfer_syntax_uid)
        # An encapsulated syntax without pixel data is Explicit VR Little Endian already.
        uid = EXPLICIT_VR_LITTLE_ENDIAN if syntax.encapsulated else stored.transfer_syntax_uid
        pieces = _chained([_meta(stored)], explicit_little_endian(dataset, uid))
        return Outgoing(EXPLICIT_VR_LITTLE_ENDIAN, taken(pieces), None)

    async def _decoded(self, stored: StoredInstance) -> Outgoing:
        """Every frame decoded, one at a time; the first now, so that what cannot be decoded is known in time."""
        frames = frame_table(stored).number_of_frames
        first = await in_thread(self._frames.decoded, stored, 1)
        length = len(first.data) * frames
        if length > VALUE_BYTES_MAX:
            raise NotAcceptable(
                "the decoded pixels are too large for one value", "accept transfer-syntax=*, or ask for frames"
            )
        header, behind = await in_thread(around_pixels, self._bytes.dataset(stored), stored, first)
        before = _meta(stored) + header + pixel_head(first, length)
        padding = b"\0" * (length & 1)
        total = len(before) + length + len(padding) + len(behind)
        return Outgoing(
            EXPLICIT_VR_LITTLE_ENDIAN, self._decoded_pieces(stored, frames, first, before, padding + behind), total
        )

    async def _decoded_pieces(
        self, stored: StoredInstance, frames: int, first: DecodedFrame, before: bytes, behind: bytes
    ) -> Pieces:
        yield before
        yield first.data
        for number in range(2, frames + 1):
            frame = await in_thread(self._frames.decoded, stored, number)
            if len(frame.data) != len(first.data):
                raise Unreadable("the frames decode to different sizes", "retrieve the object with transfer-syntax=*")
            yield frame.data
        yield behind


def _meta(stored: StoredInstance) -> bytes:
    return file_meta(stored.sop_class_uid, stored.sop_instance_uid, EXPLICIT_VR_LITTLE_ENDIAN)


def _chained(first: Sequence[Piece], rest: Iterator[Piece]) -> Iterator[Piece]:
    yield from first
    yield from rest
