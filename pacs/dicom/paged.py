"""The bytes of a stored file as the readers of data sets take them: read by position, never mapped.

Touching a map of a file that was cut short, or of a disk that fails, ends the whole process; a read fails alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

ReadAt = Callable[[int, int], bytes]
"""Offset and length to exactly these bytes; raises the caller's own error where they cannot be had."""

WHOLE_BYTES_MAX: Final = 4 << 20
PIECE_BYTES: Final = 1 << 20
_PAGE_BYTES: Final = 64 << 10


class PagedBytes:
    """`size` bytes behind `read_at`, of which a slice gives a copy; what is small is read a page ahead.

    For one thread at a time.
    """

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self._read_at = read_at
        self._size = size
        self._page_start = 0
        self._page = b""

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, end, step = part.indices(self._size)
        if step != 1:
            raise ValueError("bytes of a file are taken one after the other")
        length = end - start
        if length <= 0:
            return b""
        if length > _PAGE_BYTES:
            return self._read_at(start, length)
        at = start - self._page_start
        if at < 0 or at + length > len(self._page):
            self._page = self._read_at(start, min(_PAGE_BYTES, self._size - start))
            self._page_start, at = start, 0
        return self._page[at : at + length]


def bytes_at(read_at: ReadAt, size: int, whole_bytes_max: int = WHOLE_BYTES_MAX) -> bytes | PagedBytes:
    """All bytes at once where they are few, else in pages."""
    return read_at(0, size) if 0 < size <= whole_bytes_max else PagedBytes(read_at, size)


def pieces(data: bytes | memoryview | PagedBytes, start: int, end: int) -> Iterator[bytes | memoryview]:
    """The bytes from `start` to `end`, a moderate number at a time."""
    view = memoryview(data) if isinstance(data, bytes) else data
    for at in range(start, end, PIECE_BYTES):
        yield view[at : min(at + PIECE_BYTES, end)]
