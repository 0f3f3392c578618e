"""Bodies that are too large to hold: stored bytes go from the store to the socket in pieces, read in threads.

They are read, never mapped: a map of a file that was cut short or of a disk that fails ends the process at a touch.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from pacs.access.gate import in_thread
from pacs.archive.archive import Archive
from pacs.dicom.paged import PagedBytes, bytes_at
from pacs.model import StoredInstance
from pacs.web.dicomweb.buffers import Buffers

Piece = bytes | memoryview
Pieces = AsyncGenerator[Piece, None]
RawHeaders = list[tuple[bytes, bytes]]

PIECE_BYTES = 2 << 20
WHOLE_BYTES_MAX = 32 << 20
WATCHED_BYTES_MIN = 4 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a body whose `length` is known; `part` gives its bytes from one offset up to another.

    `piece` is the whole of it where that is at hand already.
    """

    length: int
    part: Callable[[int, int], Pieces]
    piece: Piece | None = None


class StoredBytes:
    """Reads ranges of stored objects. Methods block and may be called from any thread, unless it is said."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._buffers = Buffers()

    def read(self, stored: StoredInstance, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` of the object (not of its data set). Raises Unreadable, StoreFailed."""
        return self._archive.read(stored, offset, length)

    def piece(self, stored: StoredInstance, offset: int, length: int) -> memoryview:
        """The same in memory that is used again when the view is gone."""
        buffer = self._buffers.take(length)
        if not self._archive.read_at_once(stored, offset, buffer):
            self._archive.read_into(stored, offset, buffer)
        return buffer

    def piece_at_once(
        self, stored: StoredInstance, offset: int, length: int, before: bytes = b"", after: bytes = b""
    ) -> memoryview | None:
        """The same without waiting for anything, for the event loop; None where that cannot be done.

        It stands between `before` and `after`: each write of its own would wake the client.
        """
        buffer = self._buffers.take(len(before) + length + len(after))
        start, end = len(before), len(before) + length
        if not self._archive.read_at_once(stored, offset, buffer[start:end]):
            return None
        buffer[:start], buffer[end:] = before, after
        return buffer

    def dataset(self, stored: StoredInstance) -> bytes | PagedBytes:
        """The data set, whose slices raise Unreadable and StoreFailed where it is too large to be read at once."""
        return bytes_at(
            lambda offset, length: self.read(stored, stored.dataset_offset + offset, length),
            stored.dataset_length,
            WHOLE_BYTES_MAX,
        )

    def check_there(self, stored: StoredInstance) -> None:
        """Raise Unreadable and StoreFailed where the object is not there as long as it was."""
        self.read(stored, stored.size - 1, 1)

    def stream(self, stored: StoredInstance, offset: int, length: int) -> Pieces:
        """The range in pieces. Raises Unreadable and StoreFailed at once where the object is not there."""
        self.check_there(stored)
        return taken(self.pieces(stored, offset, length))

    def span(self, stored: StoredInstance, offset: int, length: int) -> Span:
        """The range as a stretch of a body."""
        return Span(length, lambda start, end: taken(self.pieces(stored, offset + start, end - start)))

    def joined(self, parts: Sequence[bytes | StoredInstance]) -> Pieces:
        """Texts and whole objects one after the other: what is in memory by the event loop, the rest by threads.

        Raises Unreadable and StoreFailed on the way.
        """
        return _joined(_Joined(parts, self._archive, self._buffers))

    def pieces(self, stored: StoredInstance, offset: int, length: int) -> Iterator[Piece]:
        """The range, read when the next piece is asked for."""
        end = offset + length
        for start in range(offset, end, PIECE_BYTES):
            yield self.piece(stored, start, min(PIECE_BYTES, end - start))


class _Joined:
    """Texts and whole objects in pieces of one size: a write for each of them would wake the client each time."""

    def __init__(self, parts: Sequence[bytes | StoredInstance], archive: Archive, buffers: Buffers) -> None:
        self._parts = iter(parts)
        self._part: bytes | StoredInstance = b""
        self._done = 0
        self._archive = archive
        self._buffers = buffers
        self._buffer: memoryview | None = None
        self._filled = 0

    def at_once(self) -> Piece | None:
        """The next piece, empty after the last; None where it has to be waited for."""
        return self._next(may_wait=False)

    def __iter__(self) -> Iterator[Piece]:
        """The pieces that are left, for threads."""
        while piece := self._next(may_wait=True):
            yield piece

    def _next(self, *, may_wait: bool) -> Piece | None:
        buffer = self._buffer or self._buffers.take(PIECE_BYTES)
        self._buffer = buffer
        while self._filled < PIECE_BYTES:
            part = self._part
            length = len(part) if isinstance(part, bytes) else part.size
            if self._done == length:
                following = next(self._parts, None)
                if following is None:
                    break
                self._part, self._done = following, 0
                continue
            count = min(length - self._done, PIECE_BYTES - self._filled)
            if not self._fill(part, buffer[self._filled : self._filled + count], may_wait=may_wait):
                return None
            self._done += count
            self._filled += count
        filled, self._filled, self._buffer = self._filled, 0, None
        return buffer[:filled]

    def _fill(self, part: bytes | StoredInstance, place: memoryview, *, may_wait: bool) -> bool:
        if isinstance(part, bytes):
            place[:] = part[self._done : self._done + len(place)]
        elif not self._archive.read_at_once(part, self._done, place):
            if not may_wait:
                return False
            self._archive.read_into(part, self._done, place)
        return True


async def _joined(source: _Joined) -> Pieces:
    while (piece := source.at_once()) is not None:
        if not piece:
            return
        yield piece
        del piece
    async for piece in taken(iter(source)):
        yield piece


async def taken(pieces: Iterator[Piece], bytes_at_once: int = PIECE_BYTES) -> Pieces:
    """What a blocking iterator gives, taken in threads, several small pieces at a time.

    While some are sent the next are taken, so that reading and sending go on side by side.
    """

    def take() -> tuple[list[Piece], bool]:
        batch: list[Piece] = []
        size = 0
        for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if size >= bytes_at_once:
                return batch, True
        return batch, False

    ahead = asyncio.ensure_future(in_thread(take))
    try:
        going_on = True
        while going_on:
            batch, going_on = await ahead
            if going_on:
                ahead = asyncio.ensure_future(in_thread(take))
            batch.reverse()
            while batch:
                yield batch.pop()  # and nothing here refers to it any more
    finally:
        ahead.cancel()


async def given(*pieces: Piece) -> Pieces:
    """Pieces that are at hand already."""
    for piece in pieces:
        yield piece


def at_hand(*pieces: Piece) -> list[Span]:
    """Stretches of a body that are at hand already."""
    return [Span(len(piece), lambda start, end, piece=piece: given(piece[start:end]), piece) for piece in pieces]  # type: ignore[misc]


async def _parts(spans: Sequence[Span], start: int, end: int) -> Pieces:
    """The bytes of a body from `start` up to `end`."""
    position = 0
    for span in spans:
        first, last = max(start - position, 0), min(end - position, span.length)
        position += span.length
        if first >= last:
            continue
        async with aclosing(span.part(first, last)) as pieces:
            async for piece in pieces:
                yield piece


class StreamedAnswer(Response):
    """An answer whose body comes in pieces. With `length` it is announced; else the body is chunked.

    A failure while streaming breaks the connection off, so the client never takes a part for the whole.
    """

    def __init__(
        self,
        pieces: Pieces,
        *,
        media_type: str,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> None:
        super().__init__(None, status, dict(headers or {}), media_type)
        del self.headers["content-length"]
        if length is not None:
            self.headers["content-length"] = str(length)
        self._pieces = pieces
        self._watched = length is None or length >= WATCHED_BYTES_MIN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; stop reading from the store when the client has gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await self._pieces.aclose()
            await send({"type": "http.response.body", "body": b""})
            return
        gone = asyncio.create_task(_gone(receive)) if self._watched else None
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    if gone is not None and gone.done():
                        return
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    del piece  # its memory is wanted for the next
            await send({"type": "http.response.body", "body": b""})
        finally:
            if gone is not None:
                gone.cancel()


def raw_headers(media_type: str, length: int, headers: Mapping[str, str]) -> RawHeaders:
    """Those of a body of `length` bytes that is given by ranges too."""
    named = {**headers, "accept-ranges": "bytes", "content-type": media_type, "content-length": str(length)}
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]


class AnswerAtHand(Response):
    """An answer whose body is at hand in pieces: nothing is waited for, and nothing is joined or copied."""

    def __init__(self, pieces: Sequence[Piece], headers: RawHeaders, status: int = 200) -> None:
        self.status_code, self.background = status, None
        self._pieces = pieces
        self.raw_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            for piece in self._pieces[:-1]:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._pieces[-1]})


def ranged_answer(
    request: Request, spans: Sequence[Span], *, media_type: str, headers: Mapping[str, str], status: int = 200
) -> Response:
    """A body of known length, or the one range of it that is asked for (RFC 9110 14; PS3.18 8.6.1): 206, or 416.

    Several ranges at once are answered with the whole. `headers` have the entity tag that If-Range is held against.
    """
    total = sum(span.length for span in spans)
    fresh = {**headers, "accept-ranges": "bytes"}
    wanted = _range(request, headers.get("etag", ""))
    if wanted is None:
        pieces = [span.piece for span in spans if span.piece is not None]
        if len(pieces) == len(spans):
            return AnswerAtHand(pieces, raw_headers(media_type, total, headers), status)
        return StreamedAnswer(
            _parts(spans, 0, total), media_type=media_type, length=total, headers=fresh, status=status
        )
    first, last = wanted
    start = max(0, total - last) if first < 0 else first
    end = total if first < 0 else min(total, last + 1)
    if start >= end:
        refusal = {
            "error": f"no such bytes: it has {total}",
            "hint": "ask for a range within it, or for all of it",
        }
        return JSONResponse(refusal, 416, {**fresh, "content-range": f"bytes */{total}"})
    fresh["content-range"] = f"bytes {start}-{end - 1}/{total}"
    return StreamedAnswer(
        _parts(spans, start, end), media_type=media_type, length=end - start, headers=fresh, status=206
    )


def is_ranged(request: Request) -> bool:
    """Whether a range of the body is asked for."""
    return "range" in request.headers


_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_TO_THE_END = 1 << 62


def _range(request: Request, etag: str) -> tuple[int, int] | None:
    """First and last byte; (-1, n) for the last n. None where the whole is to be given."""
    text = request.headers.get("range")
    if text is None:
        return None
    found = _ONE_RANGE.fullmatch(text)
    condition = request.headers.get("if-range", "").strip()
    if found is None or request.method != "GET" or (condition and condition != etag):
        return None
    first, last = found.groups()
    if not first:
        return (-1, int(last)) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), int(last) if last else _TO_THE_END


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
