"""Receivers that only show a limit: `python -m tests.bench.ingest.sink KEEP PORT FOLDER`.

They read P-DATA and answer from a template. KEEP is what becomes of an instance before its answer:

`nothing`  it is dropped.
`files`    the least that a durable answer of one file an instance costs: the bytes to a file, fdatasync, rename, fsync
           of the folder, and one synced page of a log, which stands for the commit of the index.
`hashed`   the same, and the SHA-256 of the bytes: the least that this node's promise costs.
`append`   appended to one file, fdatasync.
`segment`  `append` and the synced page of a log: the least that a store of segments costs.

Associations share a sync of a log and of an appended file, as they would share a commit.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

PDU_BYTES = 128 * 1024
EXPLICIT_VR_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1"
LOG_PAGE = bytes(4096)
LOG_BYTES = 4 << 20  # as long as SQLite's log grows before it is written over from the start
SEGMENT_BYTES = 256 << 20
_PREAMBLE = bytes(128) + b"DICM"
_A_ASSOCIATE_RQ, _P_DATA_TF, _A_RELEASE_RQ = 1, 4, 5
_LAST_OF_DATA_SET = 2
_SUCCESS = bytes.fromhex(
    "00000000 04000000 28000000"  # group length
    "00000001 02000000 0180"  # C-STORE-RSP
    "00002001 02000000 0100"  # responds to message 1
    "00000008 02000000 0101"  # no data set
    "00000009 02000000 0000"  # success
)


class Keep(Protocol):
    """What becomes of an instance."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        ...

    def finish(self) -> None:
        """The instance is whole; return when it may be answered for."""
        ...


class Nothing:
    """Keeps nothing."""

    def write(self, data: memoryview) -> None:
        """Drop it."""

    def finish(self) -> None:
        """Nothing to wait for."""


class Synced:
    """One descriptor that many write and whose sync counts for everybody who wrote before it began."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._written = self._synced = 0

    def write(self, write: Callable[[int, int], None]) -> None:
        """Call `write` with the descriptor and the number of earlier writes; return when its bytes are on the disk."""
        with self._writing:
            write(self._descriptor, self._written)
            self._written += 1
            mine = self._written
        with self._syncing:
            if self._synced < mine:
                reached = self._written
                os.fdatasync(self._descriptor)
                self._synced = reached


class SyncedLog:
    """A log written over and over, as SQLite's is."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(descriptor, bytes(LOG_BYTES))
        os.fsync(descriptor)
        self._file = Synced(descriptor)

    def append(self) -> None:
        """Write one page and return when it is on the disk."""
        self._file.write(
            lambda descriptor, number: _write_all(descriptor, LOG_PAGE, number * len(LOG_PAGE) % LOG_BYTES)
        )


class Segment:
    """A file that instances are appended to, its room reserved ahead."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = Synced(self._descriptor)
        self._end = self._reserved = 0

    def append(self, data: bytearray) -> None:
        """Write an instance and return when it is on the disk."""
        self._file.write(lambda _descriptor, _number: self._append(data))

    def _append(self, data: bytearray) -> None:
        while self._end + len(data) > self._reserved:
            os.posix_fallocate(self._descriptor, self._reserved, SEGMENT_BYTES)
            self._reserved += SEGMENT_BYTES
        _write_all(self._descriptor, data, self._end)
        self._end += len(data)


def _write_all(descriptor: int, data: bytes | bytearray, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


class Appended:
    """Keeps every instance in a shared segment, and syncs a log too where there is one."""

    def __init__(self, segment: Segment, log: SyncedLog | None) -> None:
        self._segment, self._log = segment, log
        self._data = bytearray(_PREAMBLE)

    def write(self, data: memoryview) -> None:
        """Gather: where it will lie is known only when its length is."""
        self._data += data

    def finish(self) -> None:
        """The instance on the disk."""
        self._segment.append(self._data)
        del self._data[len(_PREAMBLE) :]
        if self._log is not None:
            self._log.append()


class Durable:
    """Keeps every instance as a file, with the three syncs of a durable answer."""

    def __init__(self, folder: Path, log: SyncedLog) -> None:
        self._incoming, self._objects = folder / "incoming", folder / "objects"
        self._folder = os.open(self._objects, os.O_RDONLY | os.O_DIRECTORY)
        self._log = log
        self._count = 0
        self._name = f"{threading.get_ident():x}"
        self._descriptor = -1

    def write(self, data: memoryview) -> None:
        """Append to the file, which the first bytes make."""
        if self._descriptor < 0:
            self._descriptor = os.open(self._incoming / self._name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(self._descriptor, _PREAMBLE)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def finish(self) -> None:
        """File, name and log on the disk."""
        os.fdatasync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self._count += 1
        os.rename(self._incoming / self._name, self._objects / f"{self._name}-{self._count}.dcm")
        os.fsync(self._folder)
        self._log.append()


class Hashed(Durable):
    """The same with the digest that an archive has to know its objects by."""

    def write(self, data: memoryview) -> None:
        """Append, and hash what comes."""
        if self._descriptor < 0:
            self._digest = hashlib.sha256()
        self._digest.update(data)
        super().write(data)


class _Wire:
    """PDUs of one connection, each read whole into one buffer."""

    def __init__(self, stream: socket.socket) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = stream
        self._view = memoryview(bytearray(PDU_BYTES + 6))

    def pdu(self) -> tuple[int, memoryview]:
        """Type and body of the next PDU. Raises EOFError."""
        kind, length = struct.unpack(">BxL", self._exactly(0, 6))
        return kind, self._exactly(6, length)

    def send(self, data: bytes) -> None:
        """Send all of it in one call."""
        self._stream.sendall(data)

    def _exactly(self, start: int, length: int) -> memoryview:
        wanted = self._view[start : start + length]
        done = 0
        while done < length:
            count = self._stream.recv_into(wanted[done:], 0, socket.MSG_WAITALL)
            if not count:
                raise EOFError
            done += count
        return wanted


def serve(stream: socket.socket, keep: Keep) -> None:
    """Serve one association; returns when it ends."""
    wire = _Wire(stream)
    answer = struct.pack(">BxLLBB", _P_DATA_TF, len(_SUCCESS) + 6, len(_SUCCESS) + 2, 1, 3) + _SUCCESS
    try:
        while True:
            kind, body = wire.pdu()
            if kind == _P_DATA_TF:
                # our sender puts one fragment into a PDU; 1 is the bit of a command, 2 of a last fragment
                control = body[5]
                if not control & 1:
                    keep.write(body[6:])
                if control == _LAST_OF_DATA_SET:
                    keep.finish()
                    wire.send(answer)
            elif kind == _A_ASSOCIATE_RQ:
                wire.send(_accept(bytes(body[:68])))
            elif kind == _A_RELEASE_RQ:
                wire.send(struct.pack(">BxL4x", 6, 4))
    except (EOFError, ConnectionError):
        stream.close()


def _accept(request: bytes) -> bytes:
    """A-ASSOCIATE-AC for presentation context 1, the only one that our sender proposes (PS3.8 9.3.3)."""
    context = _item(0x21, bytes((1, 0, 0, 0)) + _item(0x40, EXPLICIT_VR_LITTLE_ENDIAN))
    user = _item(0x50, _item(0x51, struct.pack(">L", PDU_BYTES)) + _item(0x52, b"2.25.1"))
    body = request + _item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    return struct.pack(">BxL", 2, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def keeper(keep: str, folder: Path) -> Callable[[], Keep]:
    """What makes the Keep of each association."""
    if keep == "nothing":
        return Nothing
    folder.mkdir(parents=True, exist_ok=True)
    log = SyncedLog(folder / "log")
    if keep in ("files", "hashed"):
        for part in ("incoming", "objects"):
            (folder / part).mkdir()
        return lambda: (Hashed if keep == "hashed" else Durable)(folder, log)
    segment = Segment(folder / "segment")
    return lambda: Appended(segment, log if keep == "segment" else None)


def main(keep: str, port: int, folder: Path) -> None:
    """Listen until killed; a thread an association."""
    make = keeper(keep, folder)
    with socket.create_server(("127.0.0.1", port)) as listening:
        while True:
            stream, _ = listening.accept()
            threading.Thread(target=lambda stream=stream: serve(stream, make()), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
