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
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pacs.access.gate import in_thread
from pacs.archive.archive import Archive
from pacs.dicom.paged import PagedBytes, bytes_at
from pacs.model import StoredInstance
from pacs.web.dicomweb.buffers import Buffers

Piece = bytes | memoryview
Pieces = AsyncGenerator[Piece, None]

PIECE_BYTES = 2 << 20
WHOLE_BYTES_MAX = 32 << 20
WATCHED_BYTES_MIN = 4 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a body whose `length` is known; `part` gives its bytes from one offset up to another."""

    length: int
    part: Callable[[int, int], Pieces]


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

    def piece_at_once(self, stored: StoredInstance, offset: int, length: int) -> memoryview | None:
        """The same without waiting for anything, for the event loop; None where that cannot be done."""
        buffer = self._buffers.take(length)
        return buffer if self._archive.read_at_once(stored, offset, buffer) else None

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

    def pieces(self, stored: StoredInstance, offset: int, length: int) -> Iterator[Piece]:
        """The range, read when the next piece is asked for."""
        end = offset + length
        for start in range(offset, end, PIECE_BYTES):
            yield self.piece(stored, start, min(PIECE_BYTES, end - start))


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
    return [Span(len(piece), lambda start, end, piece=piece: given(piece[start:end])) for piece in pieces]  # type: ignore[misc]


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
        return StreamedAnswer(
            _parts(spans, 0, total), media_type=media_type, length=total, headers=fresh, status=status
        )
    first, last = wanted
    start = max(0, total - last) if first < 0 else first
    end = total if first < 0 else min(total, last + 1)
    if start >= end:
        return Response(None, 416, {**fresh, "content-range": f"bytes */{total}"})
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
    found = _ONE_RANGE.fullmatch(request.headers.get("range", ""))
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
