"""A part of an open file as a stream of its own."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import BinaryIO, cast

from storage.errors import StorageFailed
from storage.protocol import ByteRange

_BUFFER = 1 << 16


class _FileRange(io.RawIOBase):
    """Bytes `start` to `end` of a descriptor which it owns; read by position, not by the file's offset."""

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._start = start
        self._end = max(start, end)
        self._at = start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: self._start, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        if base + offset < self._start:
            raise ValueError("seek before the start of the range")
        self._at = base + offset
        return self._at - self._start

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        wanted = min(len(buffer), max(0, self._end - self._at))
        with _failures():
            count = os.preadv(self._descriptor, [memoryview(buffer)[:wanted]], self._at) if wanted else 0
        self._at += count
        return count

    def readall(self) -> bytes:
        # The base class reads in small steps; a whole frame is one system call.
        parts = []
        with _failures():
            while part := os.pread(self._descriptor, max(0, self._end - self._at), self._at):
                parts.append(part)
                self._at += len(part)
        return b"".join(parts)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """A disk that cannot give what is on it, in the store's words."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"the disk does not give the file's bytes: {error}") from error


def file_range(descriptor: int, size: int, byte_range: ByteRange | None) -> BinaryIO:
    """A seekable stream of that part of the file (`size` bytes long), cut at its end; owns the descriptor."""
    start, end = bounds(size, byte_range)
    return cast(BinaryIO, io.BufferedReader(_FileRange(descriptor, start, end), _BUFFER))


def bounds(size: int, byte_range: ByteRange | None) -> tuple[int, int]:
    """First byte and the byte after the last of a range of an object of `size` bytes, cut at its end."""
    if byte_range is None:
        return 0, size
    start = min(byte_range.offset, size)
    return start, size if byte_range.length is None else min(start + byte_range.length, size)
