"""Receivers that only show a limit: `python -m tests.bench.sink PORT [FOLDER]`.

Without FOLDER: association, P-DATA read and dropped, a response from a template. With FOLDER the least that a durable
answer costs on its disk: the bytes to a file, fdatasync, rename, fsync of the folder, and one synced page of a log,
which stands for the commit of the index; associations share a sync of the log as they would share a commit.
"""

from __future__ import annotations

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


class SyncedLog:
    """A log written over and over, as SQLite's is; a sync counts for everybody who wrote before it began."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(self._descriptor, bytes(LOG_BYTES))
        os.fsync(self._descriptor)
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._written = self._synced = 0

    def append(self) -> None:
        """Write one page and return when it is on the disk."""
        with self._writing:
            os.pwrite(self._descriptor, LOG_PAGE, self._written * len(LOG_PAGE) % LOG_BYTES)
            self._written += 1
            mine = self._written
        with self._syncing:
            if self._synced < mine:
                reached = self._written
                os.fdatasync(self._descriptor)
                self._synced = reached


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


def main(port: int, folder: Path | None) -> None:
    """Listen until killed; a thread an association."""
    make: Callable[[], Keep] = Nothing
    if folder is not None:
        for part in ("incoming", "objects"):
            (folder / part).mkdir(parents=True)
        log = SyncedLog(folder / "log")
        make = lambda: Durable(folder, log)  # noqa: E731 - the two forms of one name
    with socket.create_server(("127.0.0.1", port)) as listening:
        while True:
            stream, _ = listening.accept()
            threading.Thread(target=lambda stream=stream: serve(stream, make()), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
