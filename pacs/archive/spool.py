"""The bytes of one object on their way in: in memory while they are few, else in their file under `incoming/`.

What is small is written by one call when it is whole, and walked and hashed from memory while the disk takes it:
nothing of it is read back, and an arrival that breaks off has left nothing on the disk.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

from pacs.archive.hasher import BYTES_MIN, Hasher
from pacs.archive.ready_files import FLAGS, MODE, ReadyFiles
from pacs.errors import ArrivalRefused
from pacs.troubles import STORE_FAILED, trouble_of
from storage.protocol import ObjectStore
from storage.writeback import begin_writeback

BUFFER_BYTES: Final = 1 << 20
BUFFERS_MAX: Final = 64
COPY_BYTES: Final = 1 << 20
WRITEBACK_BYTES: Final = 4 << 20


class Buffer(NamedTuple):
    """Memory for one object, and where it lies in what is shared with the hasher."""

    memory: memoryview
    place: int


class Buffers:
    """Memory for small objects, used again: a fresh page costs more than the bytes that are copied into it.

    With `hasher` it is that one's, whose pages cost nothing either before they are used.
    """

    def __init__(self, count_max: int = BUFFERS_MAX, size: int = BUFFER_BYTES, hasher: Hasher | None = None) -> None:
        self.hasher = hasher
        self._memory = hasher.memory if hasher is not None else None
        self._count = 0
        self._count_max = count_max
        self._size = size
        self._lock = threading.Lock()
        self._free: deque[Buffer] = deque()

    @property
    def lent(self) -> int:
        """How many are in use."""
        return self._count - len(self._free)

    def take(self) -> Buffer | None:
        """A buffer with anything in it; None when all are in use."""
        with self._lock:
            if self._free:
                return self._free.pop()
            if self._count == self._count_max:
                return None
            place = self._count * self._size
            self._count += 1
        memory = self._memory
        whole = memoryview(bytearray(self._size)) if memory is None else memory[place : place + self._size]
        return Buffer(whole, place)

    def give_back(self, buffer: Buffer) -> None:
        """For whoever comes next."""
        with self._lock:
            self._free.append(buffer)


class Spool:
    """A file that is being made: `head`, then what is appended. For one thread, but for `settle`.

    Every method raises OutOfResources or StoreFailed where the disk does not take or give the bytes.
    """

    def __init__(self, path: Path, head: bytes, buffers: Buffers, ready: ReadyFiles | None = None) -> None:
        """The file is one of `ready`, where there is one, and then not at `path`."""
        self.path = path
        self._ready = ready
        self.head = head
        self.size = 0
        self._buffers = buffers
        self._lent = buffers.take()
        self._buffer = self._lent.memory if self._lent is not None else None
        self._descriptor = -1
        self._handed_on = 0
        try:
            if self._buffer is None:
                self._open()
            self.append(head)
        except BaseException:
            self.discard(keep=False)
            raise

    @property
    def dataset_length(self) -> int:
        """How many bytes there are behind the head."""
        return self.size - len(self.head)

    @property
    def in_memory(self) -> bool:
        """Whether all of it is."""
        return self._buffer is not None

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        end = self.size + len(data)
        if self._buffer is not None:
            if end <= len(self._buffer):
                self._buffer[self.size : end] = data
                self.size = end
                return
            self._spill()
        self._write(data)
        self.size = end
        if end - self._handed_on >= WRITEBACK_BYTES:
            begin_writeback(self._descriptor, self._handed_on, end - self._handed_on)
            self._handed_on = end

    def dataset(self) -> memoryview | None:
        """All bytes behind the head where they are in memory; good until `discard`."""
        return None if self._buffer is None else self._buffer[len(self.head) : self.size]

    def begin_hash(self) -> Hasher | None:
        """Who hashes the data set from now on, of which nothing more comes: a lone sender's, where that saves time."""
        hasher, lent = self._buffers.hasher, self._lent
        if hasher is None or lent is None or self.dataset_length < BYTES_MIN or self._buffers.lent > 1:
            return None
        return hasher if hasher.begin(lent.place + len(self.head), self.dataset_length) else None

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the data set."""
        start = len(self.head) + offset
        if self._buffer is not None:
            data = bytes(self._buffer[start : min(start + length, self.size)])
        else:
            try:
                data = os.pread(self._descriptor, length, start)
            except OSError as error:
                raise refusal(error) from error
        if len(data) != length:
            raise _shorter()
        return data

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` with bytes of the data set."""
        if self._buffer is not None:
            buffer[:] = self.read(offset, len(buffer))
            return
        try:
            count = os.preadv(self._descriptor, [buffer], len(self.head) + offset)
        except OSError as error:
            raise refusal(error) from error
        if count != len(buffer):
            raise _shorter()

    def write_down(self) -> None:
        """What is in memory into its file too, once; the disk begins to take it."""
        self._open()
        assert self._buffer is not None, "what is not in memory has a file"
        self._write(self._buffer[: self.size])
        begin_writeback(self._descriptor, 0, self.size)

    def settle(self, store: ObjectStore) -> None:
        """The file whole and, as far as the store needs it before `put`, durable; from any thread, once. Raises
        StorageError too."""
        if self._descriptor < 0:
            self.write_down()
        store.settle(self._descriptor)

    def discard(self, *, keep: bool) -> None:
        """Give everything back; without `keep` the file goes too. Raises nothing, harmless when repeated."""
        self._give_back()
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            # What fails here changes nothing about the answer: the next start removes what is left.
            with contextlib.suppress(OSError):
                os.close(descriptor)
            if not keep:
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)

    def _open(self) -> None:
        made = self._ready.take() if self._ready is not None else None
        if made is not None:
            self.path, self._descriptor = made
            return
        try:
            self._descriptor = os.open(self.path, FLAGS, MODE)
        except OSError as error:
            raise refusal(error) from error

    def _spill(self) -> None:
        """Go on in a file."""
        self._open()
        assert self._buffer is not None, "what is not in memory has a file"
        try:
            self._write(self._buffer[: self.size])
        finally:
            self._give_back()

    def _give_back(self) -> None:
        lent, self._lent, self._buffer = self._lent, None, None
        if lent is not None:
            self._buffers.give_back(lent)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise refusal(error) from error


def renamed(old: Spool, path: Path, head: bytes, buffers: Buffers, ready: ReadyFiles | None = None) -> Spool:
    """The same data set behind another head, in a file of its own."""
    new = Spool(path, head, buffers, ready)
    try:
        for offset in range(0, old.dataset_length, COPY_BYTES):
            new.append(old.read(offset, min(COPY_BYTES, old.dataset_length - offset)))
    except BaseException:
        new.discard(keep=False)
        raise
    return new


def _shorter() -> ArrivalRefused:
    return STORE_FAILED.refused("the incoming file became shorter")


def refusal(error: OSError) -> ArrivalRefused:
    """What whoever brought the object hears of an error of the disk."""
    trouble = trouble_of(error)
    if trouble is None:
        return STORE_FAILED.refused(f"the node's storage failed: {error.strerror}")
    return trouble.refused()
