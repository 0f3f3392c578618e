"""Bodies that are too large to hold: stored bytes go from the store to the socket in slices of memory maps.

A slice of a map is handed to the server as it is; where the store has no files, ranges are read instead. Whatever
touches a disk runs in a thread.
"""

from __future__ import annotations

import asyncio
import mmap
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pacs.access.gate import in_thread
from pacs.archive.archive import Archive
from pacs.errors import Unreadable
from pacs.model import StoredInstance
from storage.protocol import ByteRange

Piece = bytes | memoryview
Pieces = AsyncGenerator[Piece, None]

PIECE_BYTES = 2 << 20
MAPPED_OBJECTS_MAX = 256
WATCHED_BYTES_MIN = 4 << 20

_POPULATE_READ = 22  # MADV_POPULATE_READ (Linux 5.14); the mmap module of Python 3.11 does not name it


class StoredBytes:
    """Reads ranges of stored objects. The maps are of write-once files, so they never change; a bounded number is kept.

    Methods block and may be called from any thread.
    """

    def __init__(self, archive: Archive, maps_max: int = MAPPED_OBJECTS_MAX) -> None:
        self._archive = archive
        self._maps_max = maps_max
        self._maps: OrderedDict[str, mmap.mmap] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, stored: StoredInstance, offset: int, length: int) -> Piece:
        """`length` bytes from `offset` of the object (not of its data set). Raises Unreadable, StoreFailed."""
        path = self._archive.local_path(stored)
        if path is None:
            with self._archive.open(stored, ByteRange(offset, length)) as stream:
                data: Piece = stream.read()
        else:
            mapped = self._map(stored, path)
            _load(mapped, offset, length)
            data = memoryview(mapped)[offset : offset + length]
        if len(data) != length:
            self._archive.doubt(stored)
            raise _too_short(stored)
        return data

    def dataset(self, stored: StoredInstance) -> Piece:
        """The whole data set: a view where the store keeps files, else bytes."""
        return self.read(stored, stored.dataset_offset, stored.dataset_length)

    async def stream(self, stored: StoredInstance, offset: int, length: int) -> Pieces:
        """The range in pieces, read ahead of the socket one at a time."""
        end = offset + length
        for start, after in pairwise([*range(offset, end, PIECE_BYTES), end]):
            yield await in_thread(self.read, stored, start, after - start)

    def _map(self, stored: StoredInstance, path: Path) -> mmap.mmap:
        with self._lock:
            mapped = self._maps.get(stored.object_key)
            if mapped is not None:
                self._maps.move_to_end(stored.object_key)
                return mapped
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            self._archive.doubt(stored)
            raise Unreadable(
                f"instance {stored.sop_instance_uid} is not where it was stored", "run `pacs verify`"
            ) from error
        if len(mapped) < stored.size:  # touching what a truncated file lacks would kill the process
            self._archive.doubt(stored)
            raise _too_short(stored)
        with self._lock:
            self._maps[stored.object_key] = mapped
            if len(self._maps) > self._maps_max:
                self._maps.popitem(last=False)  # closed when the last slice of it is gone
        return mapped


def _load(mapped: mmap.mmap, offset: int, length: int) -> None:
    """Bring the range into memory here, in a thread, so that the event loop never waits for the disk."""
    start = offset - offset % mmap.PAGESIZE
    try:
        mapped.madvise(_POPULATE_READ, start, min(length + offset - start, len(mapped) - start))
    except OSError:  # an older kernel: touch every page
        sum(memoryview(mapped)[start : offset + length : mmap.PAGESIZE])


def _too_short(stored: StoredInstance) -> Unreadable:
    return Unreadable(
        f"instance {stored.sop_instance_uid} is shorter in storage than it was when it came",
        "run `pacs verify`, then send it again from its source",
    )


async def taken(pieces: Iterator[Piece], bytes_at_once: int = PIECE_BYTES) -> Pieces:
    """What a blocking iterator gives, taken in threads, several small pieces at a time."""

    def take() -> tuple[list[Piece], bool]:
        batch: list[Piece] = []
        size = 0
        for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if size >= bytes_at_once:
                return batch, True
        return batch, False

    going_on = True
    while going_on:
        batch, going_on = await in_thread(take)
        for piece in batch:
            yield piece


async def given(*pieces: Piece) -> Pieces:
    """Pieces that are at hand already."""
    for piece in pieces:
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
            await send({"type": "http.response.body", "body": b""})
        finally:
            if gone is not None:
                gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def joined(parts: AsyncIterator[Pieces]) -> Pieces:
    """One stream after the other."""
    async for part in parts:
        async with aclosing(part) as pieces:
            async for piece in pieces:
                yield piece
