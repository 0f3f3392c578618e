"""Whole instances over WADO-RS (PS3.18 10.4.1.1.1-3): as stored, or in the transfer syntax that is asked for.

Implicit VR Little Endian and Explicit VR Big Endian never leave over the web (PS3.18 8.7.3); a compressed object is
taken apart only for clients that do not take it as it is, and none is compressed with loss.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import structlog

from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder, compressible, decodable
from pacs.dicom.part10 import file_meta
from pacs.dicom.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StoredInstance
from pacs.web.dicomweb.bodies import PIECE_BYTES, Piece, Span, StoredBytes, at_hand, taken
from pacs.web.dicomweb.media_types import ANY_SYNTAX, DICOM, ZIP, MediaRange

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class InstanceForm:
    """What the client gets: in parts or as the body, and the transfer syntax it named ("" none, ``*`` any)."""

    multipart: bool
    wanted: str


def acceptable_forms(
    accepts: Sequence[MediaRange], media_type: str, instances: Sequence[StoredInstance], *, single: bool
) -> list[InstanceForm]:
    """The forms the client accepts that all of `instances` can take, as DICOM or ZIP, the best first.

    `single` allows one instance as the body itself, which the standard knows for the instance resource only. Raises
    NotAcceptable.
    """
    whole = media_type == ZIP
    found = [
        InstanceForm(not whole and (entry.multipart or entry.anything), entry.transfer_syntax)
        for entry in accepts
        if entry.includes(media_type) and (entry.multipart or entry.anything or single or whole)
        if all(target_of(stored, entry.transfer_syntax) for stored in instances)
    ]
    if not found:
        raise not_acceptable()
    return found


def not_acceptable() -> NotAcceptable:
    """No form of these objects that the client takes."""
    return NotAcceptable(
        "there is no acceptable form of these objects", f'accept multipart/related; type="{DICOM}"; transfer-syntax=*'
    )


def all_as_stored(instances: Sequence[StoredInstance], form: InstanceForm) -> bool:
    """Whether every one of `instances` goes out byte for byte as it is stored."""
    return not any(
        stored.changes or target_of(stored, form.wanted) != stored.transfer_syntax_uid for stored in instances
    )


def as_stored_type(stored: StoredInstance) -> str:
    """The Content-Type of an instance that goes out as it is stored."""
    return f"{DICOM}; transfer-syntax={stored.transfer_syntax_uid}"


def target_of(stored: StoredInstance, wanted: str) -> str:
    """The transfer syntax in which `stored` goes out to a client that named `wanted` ("" none, ``*`` any); "" where it
    cannot go out to it."""
    uid = stored.transfer_syntax_uid
    syntax = transfer_syntax(uid)
    unfit = syntax.implicit or uid == EXPLICIT_VR_BIG_ENDIAN
    if wanted == ANY_SYNTAX or (wanted == uid and not unfit):
        return EXPLICIT_VR_LITTLE_ENDIAN if unfit else uid
    if wanted not in ("", EXPLICIT_VR_LITTLE_ENDIAN):
        return wanted if compressible(uid, wanted) else ""
    if syntax.native or stored.pixel_element_offset is None:
        return EXPLICIT_VR_LITTLE_ENDIAN
    if decodable(uid) and stored.frame_table is not None:
        return EXPLICIT_VR_LITTLE_ENDIAN
    # Where no syntax was named, pixels held in lossy form only may stay in it (PS3.18 8.7.3.4).
    return uid if not wanted else ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One instance ready to be sent: its transfer syntax, its pieces, and its body as spans where their length is
    known."""

    transfer_syntax_uid: str
    pieces: Iterator[Piece]
    spans: tuple[Span, ...] = ()

    @property
    def length(self) -> int | None:
        """Bytes, where their number is known."""
        return sum(span.length for span in self.spans) if self.spans else None

    @property
    def content_type(self) -> str:
        """The Content-Type of the instance."""
        return f"{DICOM}; transfer-syntax={self.transfer_syntax_uid}"


class Instances:
    """Makes stored instances ready to be sent. Blocks."""

    def __init__(self, archive: Archive, stored_bytes: StoredBytes, transcoder: Transcoder) -> None:
        self._archive = archive
        self._bytes = stored_bytes
        self._transcoder = transcoder

    def outgoing(self, stored: StoredInstance, form: InstanceForm, *, strict: bool = True) -> Outgoing:
        """`stored` in `form`. Raises Unreadable, Busy, NotAcceptable, StoreFailed.

        Where its pixels cannot be made so, and no syntax was named or the answer has begun already (not `strict`), it
        goes out as near to it as can be, under the name of what it is then.
        """
        target = target_of(stored, form.wanted)
        assert target, "the form was chosen for these instances"
        if target == stored.transfer_syntax_uid:
            return self._verbatim(stored)
        try:
            pieces = self._transcoder.dataset(stored, target)
        except (Unreadable, NotAcceptable) as error:
            if form.wanted and strict:
                raise
            log.warning("instance_not_transcoded", sop_instance_uid=stored.sop_instance_uid, cause=error.message)
            if transfer_syntax(stored.transfer_syntax_uid).native and target != EXPLICIT_VR_LITTLE_ENDIAN:
                return self.outgoing(stored, replace(form, wanted=EXPLICIT_VR_LITTLE_ENDIAN))
            return self._verbatim(stored)
        meta = file_meta(stored.sop_class_uid, stored.sop_instance_uid, target)
        return Outgoing(target, itertools.chain((meta,), pieces))

    def _verbatim(self, stored: StoredInstance) -> Outgoing:
        self._bytes.check_there(stored)  # what is damaged or gone is refused before the answer begins
        if stored.changes:
            return self._corrected(stored)
        span = self._bytes.span(stored, 0, stored.size)
        return Outgoing(stored.transfer_syntax_uid, self._bytes.pieces(stored, 0, stored.size), (span,))

    def _corrected(self, stored: StoredInstance) -> Outgoing:
        """In its own syntax, with what corrections make of it."""
        meta = self._bytes.read(stored, 0, stored.dataset_offset)
        if transfer_syntax(stored.transfer_syntax_uid).deflated:
            made = self._transcoder.dataset(stored, stored.transfer_syntax_uid)
            return Outgoing(stored.transfer_syntax_uid, itertools.chain((meta,), made))
        dataset = self._archive.as_it_goes_out(stored).dataset

        def pieces(start: int, end: int) -> Iterator[Piece]:
            for at in range(start, end, PIECE_BYTES):
                yield bytes(dataset[at : min(at + PIECE_BYTES, end)])

        span = Span(len(dataset), lambda start, end: taken(pieces(start, end)))
        whole = itertools.chain((meta,), pieces(0, len(dataset)))
        return Outgoing(stored.transfer_syntax_uid, whole, (*at_hand(meta), span))
