"""Frames in another form than the stored one, kept in files for the next time, within a bound.

They can be made again at any time, so nothing is lost when the folder is deleted, even while the node runs: a file
that is not there is made anew. Each carries its checksum, so what a power cut left half written is made anew too.
What belongs to one object is found by its name, and goes when the object is erased.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path

import structlog

log = structlog.get_logger()

FORMAT = 3  # raised when the same frame would come out differently
_HEAD = struct.Struct("<4sIQ")  # magic, CRC-32 of the content, its length
_MAGIC = b"SRF1"

_OBJECT_LETTERS = 40
_NAME_LETTERS = _OBJECT_LETTERS + 1 + 24  # of the object, then of the frame and its form

Make = Callable[[], bytes]
Lacking = Callable[[Path], int]
"""How many bytes the disk of a folder is under its lower watermark, 0 where there is room enough."""


def _enough(_folder: Path) -> int:
    return 0


class DerivedFrames:
    """Files under `folder`, of at most `bytes_max` together (0: none are kept), the least lately asked for go first.

    Where the disk is `lacking` room, nothing is kept, and `make_room` gives back what is: these are the first to go.
    One caller makes what several ask for at once; they all get it, or its error. Blocks; for many threads.
    """

    def __init__(self, folder: Path, bytes_max: int, lacking: Lacking = _enough) -> None:
        self._folder = folder / "frames"
        self._bytes_max = bytes_max
        self._lacking = lacking
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] | None = None  # of the files, the least lately asked for first
        self._bytes = 0
        self._making: dict[str, Future[bytes]] = {}
        self._forgotten: set[str] = set()  # of what is being made

    def get(
        self, sop_instance_uid: str, dataset_sha256: str, frame_number: int, transfer_syntax_uid: str, make: Make
    ) -> bytes:
        """The frame of that data set in that syntax: kept, being made for another, or made now. Raises what `make`
        raises."""
        described = f"{FORMAT} {dataset_sha256} {frame_number} {transfer_syntax_uid}"
        name = f"{_object_name(sop_instance_uid)}-{hashlib.sha256(described.encode()).hexdigest()[:24]}"
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

    def forget(self, sop_instance_uids: Iterable[str]) -> None:
        """Remove every frame of these objects; what is being made of them is not kept either. Raises OSError where a
        file cannot be removed."""
        for uid in sop_instance_uids:
            belongs = f"{_object_name(uid)}-"
            with self._lock:
                self._forgotten |= {name for name in self._making if name.startswith(belongs)}
            for path in self._path(belongs).parent.glob(f"{belongs}*"):
                self._forget(path.name)

    def make_room(self) -> None:
        """Give back as much as the disk is lacking, the least lately asked for first."""
        lacking = self._lacking(self._folder)
        while lacking > 0:
            with self._lock:
                oldest, size = next(iter(self._known().items()), ("", 0))
            if not oldest:
                return
            self._forget(oldest)
            lacking -= size

    def _end(self, name: str) -> None:
        with self._lock:
            del self._making[name]
            self._forgotten.discard(name)

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
        if size > self._bytes_max or self._lacking(self._folder) > 0:
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
            if name in self._forgotten:
                self._bytes -= sizes.pop(name)
                leaving.append(name)
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
                if len(path.name) == _NAME_LETTERS:
                    found.append((status.st_mtime_ns, path.name, status.st_size))
                else:
                    path.unlink(missing_ok=True)  # half written when the node ended, or of an earlier form
            self._sizes = OrderedDict((name, size) for _, name, size in sorted(found))
            self._bytes = sum(self._sizes.values())
        return self._sizes


def _object_name(sop_instance_uid: str) -> str:
    return hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:_OBJECT_LETTERS]


def _checked(content: bytes) -> bytes | None:
    """What `_keep` wrote, None where the file is not whole."""
    if len(content) < _HEAD.size:
        return None
    magic, checksum, length = _HEAD.unpack_from(content)
    data = content[_HEAD.size :]
    return data if magic == _MAGIC and length == len(data) and checksum == zlib.crc32(data) else None
