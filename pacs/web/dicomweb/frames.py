"""Frames over WADO-RS (PS3.18 10.4.1.1.5, 8.7.3): which form a client gets, and the bytes of each frame in it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import in_thread
from pacs.access.operation import Answer, Operation
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_ranges, frame_table, refuse_damaged
from pacs.archive.transcode import Transcoder, compressible, decodable
from pacs.dicom.convert import explicit_little_endian
from pacs.dicom.elements import ELEMENT, SEQUENCE, SEQUENCE_END, scan
from pacs.dicom.frames import FrameTable
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import NotAcceptable, QueryRefused, Unreadable
from pacs.model import StorageState, StoredInstance
from pacs.render.values import ENCODABLE, JPEG_BASELINE
from pacs.render.workers import RenderJob
from pacs.web.dicomweb.answers import ACCEPT, RANGE, accepted_by, entity_tag, known_to
from pacs.web.dicomweb.bodies import (
    AnswerAtHand,
    Piece,
    Pieces,
    RawHeaders,
    Span,
    StoredBytes,
    StreamedAnswer,
    at_hand,
    ranged_answer,
    raw_headers,
)
from pacs.web.dicomweb.media_types import ANY_SYNTAX, COMPRESSED, DEFAULT_SYNTAX, OCTET_STREAM, MediaRange, parts_of
from pacs.web.dicomweb.multipart import Framing
from pacs.web.dicomweb.recent import Unchanged

FRAMES_MAX = 10_000
AT_ONCE_BYTES_MAX = 4 << 20  # what may be copied on the event loop, in a millisecond
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
FORMS_REMEMBERED = 512
READY_MAX = 4096
CACHE = "private, no-cache"  # kept by the browser, asked for again each time: an object may have been replaced

_CONDITIONS = frozenset({b"if-none-match", b"range", b"if-range"})
_LIST = re.compile(r"\d{1,9}(,\d{1,9})*")


Accepts = tuple[MediaRange, ...]
"""What a client accepts, best first."""


class Effort(IntEnum):
    """What it takes to give a frame in a form, and what it costs the picture."""

    AS_STORED = 0
    DECODED = 1
    ENCODED = 2
    LOSSY = 3


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How frames are given: media type and syntax of a frame, what that takes, in parts or as the body."""

    media_type: str
    transfer_syntax_uid: str
    effort: Effort
    multipart: bool

    @property
    def content_type(self) -> str:
        """The Content-Type of one frame."""
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax_uid}"


def frame_numbers(text: str) -> list[int]:
    """The numbers of a frame list, from 1. Raises QueryRefused."""
    if not _LIST.fullmatch(text):
        raise QueryRefused(f"{text[:64]!r} is no list of frames", "give numbers from 1, separated by commas")
    numbers = [int(part) for part in text.split(",")]
    if len(numbers) > FRAMES_MAX:
        raise QueryRefused(f"{len(numbers)} frames are too many", f"ask for at most {FRAMES_MAX} at a time")
    return numbers


def acceptable_forms(accepts: Accepts, transfer_syntax_uid: str, frames: int) -> tuple[FrameForm, ...]:
    """The forms the client accepts, the best first (PS3.18 8.7.3.4, 8.7.8): by quality, then the one of least effort.

    Whether a compressed one can be made of these pixels, its encoder tells. Raises NotAcceptable where there is none.
    """
    found = _acceptable(accepts, transfer_syntax_uid, frames > 1)
    if not found:
        raise _not_acceptable(transfer_syntax_uid)
    return found


@lru_cache(FORMS_REMEMBERED)
def _acceptable(accepts: Accepts, transfer_syntax_uid: str, several: bool) -> tuple[FrameForm, ...]:
    found: list[FrameForm] = []
    for _, entries in itertools.groupby(accepts, key=lambda entry: (entry.in_url, entry.quality)):
        groups = [list(_forms(entry, transfer_syntax_uid, several)) for entry in entries]
        found += itertools.chain(*sorted(filter(None, groups), key=lambda group: group[0].effort))
    return tuple(found)


def _not_acceptable(transfer_syntax_uid: str) -> NotAcceptable:
    return NotAcceptable(
        f"there is no acceptable form of frames stored in {transfer_syntax(transfer_syntax_uid).name}",
        f'accept multipart/related; type="{OCTET_STREAM}"; transfer-syntax=*',
    )


def _forms(entry: MediaRange, stored: str, several: bool) -> Iterator[FrameForm]:
    multipart = entry.multipart or entry.anything
    if not multipart and several:
        return
    if entry.includes(OCTET_STREAM):
        effort = _effort(stored, entry.transfer_syntax or EXPLICIT_VR_LITTLE_ENDIAN)
        if effort is not None:
            uid = entry.transfer_syntax or EXPLICIT_VR_LITTLE_ENDIAN
            if uid == ANY_SYNTAX:
                uid = EXPLICIT_VR_LITTLE_ENDIAN if transfer_syntax(stored).native else stored
            yield FrameForm(OCTET_STREAM, uid, effort, multipart)
    own = COMPRESSED.get(stored)
    named = entry.media_type if entry.media_type in DEFAULT_SYNTAX else ""
    if own is not None and entry.includes(own):
        # video has no other form, so the level that a media type alone would mean is not insisted on
        default = ANY_SYNTAX if transfer_syntax(stored).video or not named else DEFAULT_SYNTAX[own]
        wanted = entry.transfer_syntax or default
        if wanted in (ANY_SYNTAX, stored):
            yield FrameForm(own, stored, Effort.AS_STORED, multipart)
            return
    target = entry.transfer_syntax.replace(ANY_SYNTAX, "") or DEFAULT_SYNTAX.get(named, "")
    if named and COMPRESSED.get(target) == named and compressible(stored, target, lossy=True):
        yield FrameForm(named, target, _encoding(target), multipart)


def _effort(stored: str, wanted: str) -> Effort | None:
    """To give frames stored in the one syntax as octets of the other; None where that cannot be."""
    native = transfer_syntax(stored).native
    if wanted in (ANY_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN if native else stored):
        return Effort.AS_STORED
    if wanted == EXPLICIT_VR_LITTLE_ENDIAN and decodable(stored):
        return Effort.DECODED
    return _encoding(wanted) if compressible(stored, wanted, lossy=True) else None


def _encoding(transfer_syntax_uid: str) -> Effort:
    return Effort.LOSSY if transfer_syntax_uid == JPEG_BASELINE else Effort.ENCODED


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An answer before it begins; `first` None: the client has it already."""

    stored: StoredInstance
    form: FrameForm
    etag: str
    first: list[Piece] | None


@dataclass(frozen=True, slots=True)
class _ReadyFrame:
    """The answer with one frame as it lies in storage, of which only the bytes are still to be read."""

    stored: StoredInstance  # without its frame table, which may be long
    offset: int
    length: int
    before: bytes
    after: bytes
    etag: str
    media_type: str
    raw_headers: RawHeaders


_FRAME_TYPES = (OCTET_STREAM, *sorted({COMPRESSED[uid] for uid in ENCODABLE}))
FRAMES_SAID = Operation(
    "Frames: as they are stored, or in another transfer syntax",
    (
        Answer(200, "the frames", (*map(parts_of, _FRAME_TYPES), OCTET_STREAM), headers={"ETag": "of this answer"}),
        Answer(206, "a range of it", (*map(parts_of, _FRAME_TYPES), OCTET_STREAM)),
    ),
    (ACCEPT, RANGE),
    refusals=(304, 400, 406, 410, 416, 422),
)
"""Of single frames and of pixel data."""


class Frames:
    """The frames of stored instances. Its methods block unless they are coroutines."""

    def __init__(self, archive: Archive, stored_bytes: StoredBytes, transcoder: Transcoder) -> None:
        self._archive = archive
        self._bytes = stored_bytes
        self._transcoder = transcoder
        self._ready: Unchanged[_ReadyFrame] = Unchanged(lambda: archive.index.commits, READY_MAX)

    async def answer(
        self,
        request: Request,
        find: Callable[[], StoredInstance],
        numbers: Sequence[int],
        url: str,
        found: StoredInstance | None = None,
    ) -> Response:
        """Frames `numbers` of what `find` gives, unless it is `found` already; `url` is that of the instance.

        Raises NotFound, NotAcceptable, Unreadable, Busy.
        """
        accepts = accepted_by(request)

        def prepare(stored: StoredInstance) -> _Prepared:
            table = frame_table(stored)
            for number in numbers:  # all of them before the answer begins
                table.check(number)
            refusal = None
            for form in acceptable_forms(accepts, stored.transfer_syntax_uid, len(numbers)):
                etag = entity_tag(stored.dataset_sha256, form.content_type, form.multipart, *numbers)
                if known_to(request, etag):
                    return _Prepared(stored, form, etag, None)
                try:
                    return _Prepared(stored, form, etag, self.frame(stored, numbers[0], form))
                except NotAcceptable as error:  # the next best, then
                    refusal = error
            raise refusal or _not_acceptable(stored.transfer_syntax_uid)

        if found is not None:
            at_once = self._answer_at_once(request, found, numbers, accepts, url)
            if at_once is not None:
                return at_once
        prepared = await in_thread(lambda: prepare(found or find()))
        stored, form, etag, first = prepared.stored, prepared.form, prepared.etag, prepared.first
        if first is None:
            return Response(None, 304, _headers(etag))
        headers = _headers(etag)
        if not form.multipart:
            return ranged_answer(request, at_hand(*first), media_type=form.content_type, headers=headers)
        framing = Framing(form.media_type, etag)
        heads = [_head(framing, form, url, number) for number in numbers]
        if len(numbers) == 1:
            spans = at_hand(heads[0], *first, framing.tail)
        elif _as_it_lies(stored, form):
            spans = self._spans(stored, numbers, heads, framing.tail)
        else:
            parts = self._parts(stored, numbers, form, heads, first, framing.tail)
            return StreamedAnswer(parts, media_type=framing.content_type, headers=headers)
        return ranged_answer(request, spans, media_type=framing.content_type, headers=headers)

    def answer_again(self, request: Request) -> Response | None:
        """The answer to what was asked in the same words since the index last changed, given by the event loop."""
        asked = _asked(request)
        ready = self._ready.get(asked) if asked is not None else None
        return None if ready is None else self._read(ready)

    def _answer_at_once(
        self,
        request: Request,
        stored: StoredInstance,
        numbers: Sequence[int],
        accepts: tuple[MediaRange, ...],
        url: str,
    ) -> Response | None:
        """One frame as it lies in storage, given by the event loop; None where it has to be waited or worked for."""
        ready = _ready_frame(stored, numbers, accepts, url)
        if ready is None:
            return None
        if known_to(request, ready.etag):
            return Response(None, 304, _headers(ready.etag))
        asked = _asked(request)
        if asked is not None:
            self._ready.put(asked, ready)
            return self._read(ready)
        piece = self._bytes.piece_at_once(ready.stored, ready.offset, ready.length, ready.before, ready.after)
        if piece is None:
            return None
        return ranged_answer(request, at_hand(piece), media_type=ready.media_type, headers=_headers(ready.etag))

    def _read(self, ready: _ReadyFrame) -> Response | None:
        piece = self._bytes.piece_at_once(ready.stored, ready.offset, ready.length, ready.before, ready.after)
        return None if piece is None else AnswerAtHand([piece], ready.raw_headers)

    def _spans(self, stored: StoredInstance, numbers: Sequence[int], heads: Sequence[bytes], tail: bytes) -> list[Span]:
        spans: list[Span] = []
        for number, head in zip(numbers, heads, strict=True):
            spans += at_hand(head)
            for offset, length in frame_ranges(stored, number):
                spans.append(self._bytes.span(stored, stored.dataset_offset + offset, length))
        return [*spans, *at_hand(tail)]

    async def _parts(
        self,
        stored: StoredInstance,
        numbers: Sequence[int],
        form: FrameForm,
        heads: Sequence[bytes],
        first: Sequence[Piece],
        tail: bytes,
    ) -> Pieces:
        for position, (number, head) in enumerate(zip(numbers, heads, strict=True)):
            pieces = first if position == 0 else await in_thread(self.frame, stored, number, form)
            yield head
            for piece in pieces:
                yield piece
        yield tail

    def frame(self, stored: StoredInstance, number: int, form: FrameForm) -> list[Piece]:
        """The bytes of one frame in `form`. Raises NotFound, Unreadable, Busy."""
        if form.effort is not Effort.AS_STORED:
            return [self.derived(stored, number, form.transfer_syntax_uid)]
        syntax = transfer_syntax(stored.transfer_syntax_uid)
        table = frame_table(stored)
        if table.frame_bits % 8:
            return [_aligned(self._archive.frame(stored, number), table, number)]
        if syntax.big_endian:
            return [self._swapped(stored, table, number)]
        if syntax.deflated:
            return [self._archive.frame(stored, number)]
        return [
            self._bytes.piece(stored, stored.dataset_offset + offset, length)
            for offset, length in frame_ranges(stored, number)
        ]

    def derived(self, stored: StoredInstance, number: int, transfer_syntax_uid: str) -> bytes:
        """One frame decoded, or encoded in another syntax: once for all who ask at the same time, and kept.

        Raises NotFound, Unreadable, NotAcceptable, Busy.
        """
        refuse_damaged(stored)

        def make() -> bytes:
            if transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN:
                return self._transcoder.frame(stored, number).data
            return self._transcoder.encoded(stored, number, transfer_syntax_uid).data

        return self._archive.derived_frames.get(
            stored.sop_instance_uid, stored.dataset_sha256, number, transfer_syntax_uid, make
        )

    def job(self, stored: StoredInstance, number: int) -> RenderJob:
        """What a decode worker needs of one frame."""
        return self._transcoder.job(stored, number)

    def header_job(self, stored: StoredInstance, number: int) -> RenderJob:
        """What a decode worker needs to describe one frame. Raises Unreadable, StoreFailed."""
        return RenderJob(
            self._archive.header(stored), stored.transfer_syntax_uid, b"", number, pixel_data_vr=stored.pixel_data_vr
        )

    def as_it_lies(self, stored: StoredInstance, number: int) -> memoryview:
        """The bytes of one native frame of whole bytes. Raises NotFound, Unreadable, StoreFailed."""
        [(offset, length)] = frame_ranges(stored, number)
        return self._bytes.piece(stored, stored.dataset_offset + offset, length)

    def as_it_lies_at_once(self, stored: StoredInstance, number: int) -> memoryview | None:
        """The same without waiting for anything, for the event loop; None where that cannot be done."""
        [(offset, length)] = frame_ranges(stored, number)
        return self._bytes.piece_at_once(stored, stored.dataset_offset + offset, length)

    def read_at_once(self, stored: StoredInstance, number: int, memory: memoryview) -> bool:
        """The same into somebody's own memory of that length; whether it could be done."""
        [(offset, _)] = frame_ranges(stored, number)
        return self._archive.read_at_once(stored, stored.dataset_offset + offset, memory)

    def pixel_spans(self, stored: StoredInstance) -> list[Span]:
        """All native frames as one value, little endian (PS3.18 8.7.3.3.1). Raises Unreadable."""
        table = frame_table(stored)
        syntax = transfer_syntax(stored.transfer_syntax_uid)
        length = (table.frame_bits * table.number_of_frames + 7) // 8
        if syntax.big_endian or syntax.deflated:
            dataset, start = self._little_endian(stored)
            return at_hand(memoryview(dataset)[start : start + length])
        self._bytes.check_there(stored)
        return [self._bytes.span(stored, stored.dataset_offset + table.offset, length)]

    def _swapped(self, stored: StoredInstance, table: FrameTable, number: int) -> Piece:
        [(offset, length)] = table.ranges(number)
        dataset, start = self._little_endian(stored)
        begin = start + offset - table.offset
        return memoryview(dataset)[begin : begin + length]

    def _little_endian(self, stored: StoredInstance) -> tuple[bytes, int]:
        """The data set in Explicit VR Little Endian and where the value of its pixel data begins."""
        dataset = b"".join(explicit_little_endian(self._bytes.dataset(stored), stored.transfer_syntax_uid))
        depth = 0
        for kind, tag, _, _, value, _ in scan(dataset, transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)):
            depth += (kind == SEQUENCE) - (kind == SEQUENCE_END)
            if kind == ELEMENT and tag in PIXEL_TAGS and not depth:
                return dataset, value
        raise Unreadable("the pixel data are not where the index says", "run `pacs rebuild`")


def _asked(request: Request) -> Hashable | None:
    """Everything an answer depends on besides who asks and what is stored; None where it depends on more than that."""
    host, accepts = b"", []
    for name, value in request.scope["headers"]:
        if name == b"accept":
            accepts.append(value)
        elif name == b"host":
            host = value
        elif name in _CONDITIONS:
            return None
    scope = request.scope
    return (scope["path"], scope["query_string"], scope["scheme"], *(scope.get("server") or ()), host, *accepts)


def _ready_frame(
    stored: StoredInstance, numbers: Sequence[int], accepts: tuple[MediaRange, ...], url: str
) -> _ReadyFrame | None:
    """None where it takes more than reading. Raises NotFound, NotAcceptable, Unreadable."""
    number = numbers[0]
    table = frame_table(stored)
    table.check(number)
    form = acceptable_forms(accepts, stored.transfer_syntax_uid, len(numbers))[0]
    if len(numbers) > 1 or stored.storage is StorageState.DAMAGED or not _as_it_lies(stored, form):
        return None
    ranges = table.ranges(number)
    if len(ranges) != 1 or ranges[0][1] > AT_ONCE_BYTES_MAX:
        return None
    [(offset, length)] = ranges
    etag = entity_tag(stored.dataset_sha256, form.content_type, form.multipart, *numbers)
    before, after, media_type = b"", b"", form.content_type
    if form.multipart:
        framing = Framing(form.media_type, etag)
        before, after, media_type = _head(framing, form, url, number), framing.tail, framing.content_type
    return _ReadyFrame(
        stored=replace(stored, frame_table=None),
        offset=stored.dataset_offset + offset,
        length=length,
        before=before,
        after=after,
        etag=etag,
        media_type=media_type,
        raw_headers=raw_headers(media_type, len(before) + length + len(after), _headers(etag)),
    )


def _headers(etag: str) -> dict[str, str]:
    return {"etag": etag, "cache-control": CACHE, "vary": "accept"}


def _head(framing: Framing, form: FrameForm, url: str, number: int) -> bytes:
    return framing.head({"Content-Type": form.content_type, "Content-Location": f"{url}/frames/{number}"})


def _as_it_lies(stored: StoredInstance, form: FrameForm) -> bool:
    """Whether the frame's bytes in storage are those of the answer."""
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    return not (form.effort or syntax.big_endian or syntax.deflated or frame_table(stored).frame_bits % 8)


def _aligned(data: bytes, table: FrameTable, number: int) -> bytes:
    """A frame of single bits from its own first bit on; frames share bytes where they are stored (PS3.5 8.1.1)."""
    start = table.bit_offset(number)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[start : start + table.frame_bits]
    return np.packbits(bits, bitorder="little").tobytes()
