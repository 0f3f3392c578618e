"""Frames over WADO-RS (PS3.18 10.4.1.1.5, 8.7.3): which form a client gets, and the bytes of each frame in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import in_thread
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_ranges, frame_table
from pacs.archive.transcode import decodable
from pacs.dicom.convert import explicit_little_endian
from pacs.dicom.elements import ELEMENT, SEQUENCE, SEQUENCE_END, scan
from pacs.dicom.frames import FrameTable
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import NotAcceptable, QueryRefused, Unreadable
from pacs.model import StorageState, StoredInstance
from pacs.render.workers import DecodedFrame, DecodeWorkers, RenderJob
from pacs.web.dicomweb.answers import accepted_by, entity_tags
from pacs.web.dicomweb.bodies import Piece, Pieces, StoredBytes, StreamedAnswer, given
from pacs.web.dicomweb.media_types import ANY_SYNTAX, COMPRESSED, DEFAULT_SYNTAX, OCTET_STREAM, MediaRange
from pacs.web.dicomweb.multipart import Framing

FRAMES_MAX = 10_000
AT_ONCE_BYTES_MAX = 4 << 20  # what may be copied on the event loop, in a millisecond
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
CACHE = "private, no-cache"  # kept by the browser, asked for again each time: an object may have been replaced

_LIST = re.compile(r"\d{1,9}(,\d{1,9})*")


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How frames are given: media type and syntax of a frame, decoded first or as stored, in parts or as the body."""

    media_type: str
    transfer_syntax_uid: str
    decode: bool
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


def chosen_form(accepts: Sequence[MediaRange], transfer_syntax_uid: str, frames: int) -> FrameForm:
    """The best form the client accepts (PS3.18 8.7.3.4, 8.7.8). Raises NotAcceptable."""
    for entry in accepts:
        multipart = entry.multipart or entry.anything
        if not multipart and frames > 1:
            continue
        found = _form(entry, transfer_syntax_uid, multipart)
        if found is not None:
            return found
    raise NotAcceptable(
        f"there is no acceptable form of frames stored in {transfer_syntax(transfer_syntax_uid).name}",
        f'accept multipart/related; type="{OCTET_STREAM}"; transfer-syntax=*',
    )


def _form(entry: MediaRange, stored: str, multipart: bool) -> FrameForm | None:
    native = transfer_syntax(stored).native
    if entry.includes(OCTET_STREAM):
        wanted = entry.transfer_syntax or EXPLICIT_VR_LITTLE_ENDIAN
        if native and wanted in (ANY_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN):
            return FrameForm(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, False, multipart)
        if not native and wanted in (ANY_SYNTAX, stored):
            return FrameForm(OCTET_STREAM, stored, False, multipart)
        if wanted == EXPLICIT_VR_LITTLE_ENDIAN and decodable(stored):
            return FrameForm(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, True, multipart)
    own = COMPRESSED.get(stored)
    if own is not None and entry.includes(own):
        named = entry.media_type == own
        wanted = entry.transfer_syntax or (DEFAULT_SYNTAX[own] if named else ANY_SYNTAX)
        if wanted in (ANY_SYNTAX, stored):
            return FrameForm(own, stored, False, multipart)
    return None


Frame = Callable[[StoredInstance, int, FrameForm], "list[Piece] | None"]
"""Gives the bytes of one frame, or None where it would have to wait for them and may not."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An answer before it begins; `first` None: the client has it already."""

    stored: StoredInstance
    form: FrameForm
    etag: str
    first: list[Piece] | None


class Frames:
    """The frames of stored instances. Its methods block unless they are coroutines."""

    def __init__(self, archive: Archive, stored_bytes: StoredBytes, workers: DecodeWorkers) -> None:
        self._archive = archive
        self._bytes = stored_bytes
        self._workers = workers

    async def answer(
        self,
        request: Request,
        find: Callable[[], StoredInstance],
        numbers: Sequence[int],
        url: str,
        at_hand: StoredInstance | None = None,
    ) -> Response:
        """Frames `numbers` of what `find` gives, unless it is `at_hand`; `url` is that of the instance.

        Raises NotFound, NotAcceptable, Unreadable, Busy.
        """
        accepts, known = accepted_by(request), entity_tags(request.headers.get("if-none-match", ""))

        def prepare(stored: StoredInstance, frame: Frame) -> _Prepared | None:
            table = frame_table(stored)
            for number in numbers:  # all of them before the answer begins
                table.check(number)
            form = chosen_form(accepts, stored.transfer_syntax_uid, len(numbers))
            etag = _etag(stored, numbers, form)
            if etag in known:
                return _Prepared(stored, form, etag, None)
            first = frame(stored, numbers[0], form)
            return _Prepared(stored, form, etag, first) if first is not None else None

        prepared = prepare(at_hand, self.frame_at_once) if at_hand is not None else None
        if prepared is None:
            prepared = await in_thread(lambda: prepare(at_hand or find(), self.frame))
        assert prepared is not None, "a thread waits for what it needs"
        stored, form, etag, first = prepared.stored, prepared.form, prepared.etag, prepared.first
        headers = {"etag": etag, "cache-control": CACHE, "vary": "accept"}
        if first is None:
            return Response(None, 304, headers)
        if not form.multipart:
            return StreamedAnswer(
                given(*first), media_type=form.content_type, length=sum(map(len, first)), headers=headers
            )
        framing = Framing(form.media_type, etag)
        heads = [
            framing.head({"Content-Type": form.content_type, "Content-Location": f"{url}/frames/{number}"})
            for number in numbers
        ]
        if len(numbers) == 1:
            pieces, length = given(heads[0], *first, framing.tail), sum(map(len, (heads[0], *first, framing.tail)))
            return StreamedAnswer(pieces, media_type=framing.content_type, length=length, headers=headers)
        parts = self._parts(stored, numbers, form, heads, first, framing.tail)
        return StreamedAnswer(parts, media_type=framing.content_type, headers=headers)

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

    def frame_at_once(self, stored: StoredInstance, number: int, form: FrameForm) -> list[Piece] | None:
        """What `frame` gives, for the event loop: None where it has to be waited or worked for. Raises Unreadable."""
        if stored.storage is StorageState.DAMAGED or not _as_it_lies(stored, form):
            return None
        pieces: list[Piece] = []
        ranges = frame_ranges(stored, number)
        if sum(length for _, length in ranges) > AT_ONCE_BYTES_MAX:
            return None
        for offset, length in ranges:
            piece = self._bytes.piece_at_once(stored, stored.dataset_offset + offset, length)
            if piece is None:
                return None
            pieces.append(piece)
        return pieces

    def frame(self, stored: StoredInstance, number: int, form: FrameForm) -> list[Piece]:
        """The bytes of one frame in `form`. Raises NotFound, Unreadable, Busy."""
        if form.decode:
            return [self.decoded(stored, number).data]
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

    def decoded(self, stored: StoredInstance, number: int) -> DecodedFrame:
        """One frame as plain pixels. Raises NotFound, Unreadable, Busy."""
        return self._workers.decode(self.job(stored, number))

    def job(self, stored: StoredInstance, number: int) -> RenderJob:
        """What a decode worker needs of one frame."""
        return RenderJob(
            header=self._archive.header(stored),
            transfer_syntax_uid=stored.transfer_syntax_uid,
            frame=self._lying(stored, number),
            frame_number=number,
            pixel_data_vr=stored.pixel_data_vr,
        )

    def _lying(self, stored: StoredInstance, number: int) -> Piece:
        """The bytes of one frame as stored; where they are one stretch, in memory that is used again."""
        ranges = frame_ranges(stored, number)
        if len(ranges) != 1 or transfer_syntax(stored.transfer_syntax_uid).deflated:
            return self._archive.frame(stored, number)
        [(offset, length)] = ranges
        return self._bytes.piece(stored, stored.dataset_offset + offset, length)

    def pixel_bytes(self, stored: StoredInstance) -> tuple[Pieces, int]:
        """All native frames as one value, little endian (PS3.18 8.7.3.3.1), and its bytes. Raises Unreadable."""
        table = frame_table(stored)
        syntax = transfer_syntax(stored.transfer_syntax_uid)
        length = (table.frame_bits * table.number_of_frames + 7) // 8
        if syntax.big_endian or syntax.deflated:
            dataset, start = self._little_endian(stored)
            return given(memoryview(dataset)[start : start + length]), length
        return self._bytes.stream(stored, stored.dataset_offset + table.offset, length), length

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


def _as_it_lies(stored: StoredInstance, form: FrameForm) -> bool:
    """Whether the frame's bytes in storage are those of the answer."""
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    return not (form.decode or syntax.big_endian or syntax.deflated or frame_table(stored).frame_bits % 8)


def _aligned(data: bytes, table: FrameTable, number: int) -> bytes:
    """A frame of single bits from its own first bit on; frames share bytes where they are stored (PS3.5 8.1.1)."""
    start = table.bit_offset(number)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[start : start + table.frame_bits]
    return np.packbits(bits, bitorder="little").tobytes()


def _etag(stored: StoredInstance, numbers: Sequence[int], form: FrameForm) -> str:
    described = f"{stored.dataset_sha256} {form} {','.join(map(str, numbers))}"
    return f'"{hashlib.sha256(described.encode()).hexdigest()[:32]}"'
