"""Frames in another form than the stored one, kept in files for the next time, within a bound.

They can be made again at any time, so nothing is lost when the folder is deleted, even while the node runs: a file
that is not there is made anew. Each carries its checksum, so what a power cut left half written is made anew too.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import structlog

log = structlog.get_logger()

FORMAT = 1  # raised when the same frame would come out differently
_HEAD = struct.Struct("<4sIQ")  # magic, CRC-32 of the content, its length
_MAGIC = b"SRF1"

Make = Callable[[], bytes]


class DerivedFrames:
    """Files under `folder`, of at most `bytes_max` together (0: none are kept), the least lately asked for go first.

    One caller makes what several ask for at once; they all get it, or its error. Blocks; for many threads.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder / "frames"
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] | None = None  # of the files, the least lately asked for first
        self._bytes = 0
        self._making: dict[str, Future[bytes]] = {}

    def get(self, dataset_sha256: str, frame_number: int, transfer_syntax_uid: str, make: Make) -> bytes:
        """The frame of that data set in that syntax: kept, being made for another, or made now. Raises what `make`
        raises."""
        described = f"{FORMAT} {dataset_sha256} {frame_number} {transfer_syntax_uid}"
        name = hashlib.sha256(described.encode()).hexdigest()[:40]
        with self._lock:
            others = self._making.get(name)
            mine: Future[bytes] = Future()
            if others is None:
                self._making[name] = mine
        if others is not None:
            return others.result()
        try:
            data = self._read(name)
            if data is None:
                data = make()
                self._keep(name, data)
        except BaseException as error:
            self._end(name)
            mine.set_exception(error)
            raise
        self._end(name)
        mine.set_result(data)
        return data

    def _end(self, name: str) -> None:
        with self._lock:
            del self._making[name]

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _read(self, name: str) -> bytes | None:
        if not self._bytes_max:
            return None
        with self._lock:
            sizes = self._known()
            if name not in sizes:
                return None
            sizes.move_to_end(name)
        try:
            content = self._path(name).read_bytes()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("derived_frame_unreadable", file=str(self._path(name)), cause=str(error))
            self._forget(name)
            return None
        data = _checked(content)
        if data is None:
            self._forget(name)
        else:
            self._touch(name)
        return data

    def _touch(self, name: str) -> None:
        """The order outlives a restart."""
        try:
            os.utime(self._path(name))
        except OSError:
            self._forget(name)

    def _keep(self, name: str, data: bytes) -> None:
        """Keep it where there is room, and let the oldest go."""
        size = _HEAD.size + len(data)
        if size > self._bytes_max:
            return
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(_HEAD.pack(_MAGIC, zlib.crc32(data), len(data)))
                file.write(data)
            os.replace(file.name, path)
        except OSError as error:
            log.warning("derived_frame_not_kept", file=str(path), cause=str(error))
            return
        with self._lock:
            sizes = self._known()
            self._bytes += size - sizes.pop(name, 0)
            sizes[name] = size
            leaving = []
            while self._bytes > self._bytes_max:
                oldest, its_size = sizes.popitem(last=False)
                self._bytes -= its_size
                leaving.append(oldest)
        for one in leaving:
            self._path(one).unlink(missing_ok=True)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._bytes -= self._known().pop(name, 0)
        self._path(name).unlink(missing_ok=True)

    def _known(self) -> OrderedDict[str, int]:
        """What is in the folder, read once; the lock is held."""
        if self._sizes is None:
            found = []
            for path in self._folder.glob("??/*"):
                try:
                    status = path.stat()
                except OSError:
                    continue
                if len(path.name) == 40:
                    found.append((status.st_mtime_ns, path.name, status.st_size))
                else:
                    path.unlink(missing_ok=True)  # one that was being written when the node ended
            self._sizes = OrderedDict((name, size) for _, name, size in sorted(found))
            self._bytes = sum(self._sizes.values())
        return self._sizes


def _checked(content: bytes) -> bytes | None:
    """What `_keep` wrote, None where the file is not whole."""
    if len(content) < _HEAD.size:
        return None
    magic, checksum, length = _HEAD.unpack_from(content)
    data = content[_HEAD.size :]
    return data if magic == _MAGIC and length == len(data) and checksum == zlib.crc32(data) else None
