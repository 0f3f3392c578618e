"""Objects in memory: for tests and simulations, where losing everything with the process is the point."""

from __future__ import annotations

import bisect
import io
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from storage.errors import KeyExists, KeyMissing, StorageFailed
from storage.keys import check_key
from storage.protocol import ByteRange, ObjectStat, Space
from storage.ranges import bounds


class MemoryStore:
    """An object store in a dictionary; the incoming folder is a real one, given by the caller."""

    def __init__(self, incoming: Path) -> None:
        self._incoming = incoming
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[bytes, Mapping[str, str]]] = {}
        self._keys: list[str] = []

    @property
    def incoming(self) -> Path:
        """The folder given."""
        return self._incoming

    def settle(self, descriptor: int) -> None:
        """Nothing: nothing here is durable; see ObjectStore.settle."""

    def put(self, key: str, file: Path, metadata: Mapping[str, str], *, settled: bool = False) -> None:
        """Take the file's bytes; see ObjectStore.put."""
        check_key(key)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise StorageFailed(f"object {key} was not stored: {error}") from error
        with self._lock:
            if key in self._objects:
                raise KeyExists(f"{key} is taken: storage keys are used once")
            self._objects[key] = (content, dict(metadata))
            bisect.insort(self._keys, key)
        file.unlink()

    def secure(self) -> None:
        """Nothing: it ends with its process; see ObjectStore.secure."""

    def open(self, key: str, byte_range: ByteRange | None = None) -> BinaryIO:
        """A seekable stream; see ObjectStore.open."""
        content, _ = self._object(key)
        start, end = bounds(len(content), byte_range)
        return io.BytesIO(content[start:end])

    def forget(self, key: str) -> None:
        """Nothing: this is the medium; see ObjectStore.forget."""
        self._object(key)

    def versions(self, key: str) -> Iterator[BinaryIO]:
        """None; see ObjectStore.versions."""
        check_key(key)
        return iter(())

    def read_at_once(self, key: str, offset: int, buffer: memoryview) -> bool:
        """Everything is in memory; see ObjectStore.read_at_once."""
        content = self._objects.get(key, (b"",))[0][offset : offset + len(buffer)]
        if len(content) != len(buffer):
            return False
        buffer[:] = content
        return True

    def stat(self, key: str) -> ObjectStat:
        """Size in bytes and metadata; see ObjectStore.stat."""
        content, metadata = self._object(key)
        return ObjectStat(len(content), metadata)

    def delete(self, key: str) -> None:
        """Forget the object; see ObjectStore.delete."""
        check_key(key)
        with self._lock:
            if self._objects.pop(key, None) is None:
                raise KeyMissing(f"there is no object {key}")
            self._keys.remove(key)

    def list(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """Keys in order as they are when each is asked for; see ObjectStore.list."""
        key = self._next(max(prefix, after), inclusive=prefix > after)
        while key is not None and key.startswith(prefix):
            yield key
            key = self._next(key, inclusive=False)

    def local_path(self, key: str) -> Path | None:
        """None: there is no file. See ObjectStore.local_path."""
        check_key(key)
        return None

    def space(self) -> Space:
        """Nothing is told about memory; see ObjectStore.space."""
        return Space(None, None, None, None)

    def check(self) -> None:
        """Nothing can be lacking; see ObjectStore.check."""

    def _object(self, key: str) -> tuple[bytes, Mapping[str, str]]:
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise KeyMissing(f"there is no object {key}")
        return found

    def _next(self, key: str, *, inclusive: bool) -> str | None:
        find = bisect.bisect_left if inclusive else bisect.bisect_right
        with self._lock:
            at = find(self._keys, key)
            return self._keys[at] if at < len(self._keys) else None
