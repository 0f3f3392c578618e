"""The contract of an object store. `tests/contract/test_object_store.py` runs over every implementation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `offset`; both in bytes and not negative, `length` None means to the end."""

    offset: int
    length: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a negative offset or length."""
        if self.offset < 0 or (self.length is not None and self.length < 0):
            raise ValueError(f"a byte range has no negative offset or length: {self.offset}, {self.length}")


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What the store knows of an object: its size in bytes and, where the store keeps it, its metadata."""

    size: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Space:
    """Room left where objects are put, in bytes and inodes; None where the store cannot tell (S3)."""

    free_bytes: int | None
    total_bytes: int | None
    free_inodes: int | None
    total_inodes: int | None


class ObjectStore(Protocol):
    """Write-once objects under text keys such as ``objects/2026/11/23/07/01JD….dcm``.

    Safe to call from many threads. Keys are chosen by the caller and never reused; their form is the same for
    every store (storage/keys.py), and every verb that takes a key raises KeyInvalid for anything else.
    """

    @property
    def incoming(self) -> Path:
        """The folder in which a caller writes a file that it will `put` (same file system as the objects)."""
        ...

    def settle(self, descriptor: int) -> None:
        """Bring an incoming file, written whole, to where `put` with `settled` needs it; may run beside the caller's
        other work on the file. Raises StorageFull, StorageFailed; then the file is not to be put."""
        ...

    def put(self, key: str, file: Path, metadata: Mapping[str, str], *, settled: bool = False) -> None:
        """Store `file` under `key`; return only when the object is on stable storage.

        `settled`: `settle` has returned for this file, and nothing was written to it since.

        On success the file has moved away from its old path; on failure it is still there and nothing may be
        assumed stored under `key`. After StorageFailed the file is not to be put again but written anew from
        its source: the kernel reports a failed write once and then takes the lost pages for clean. For the
        same reason the caller keeps the descriptor it wrote with open until `put` returns.
        Metadata is opaque text under names in lower snake case (a folder store drops it). By digests of the
        file, under names that end in `sha256`, a store that repeats a request tells its own earlier attempt.
        Raises KeyInvalid, KeyExists, StorageFull, StorageFailed.
        """
        ...

    def secure(self) -> None:
        """Bring to stable storage whatever an earlier process stored and did not live to sync. Raises StorageFailed.

        An object that a crash left without a row may be in the page cache only; it is secured before it gets one.
        """
        ...

    def open(self, key: str, byte_range: ByteRange | None = None) -> BinaryIO:
        """A readable stream of the object, or of the range, cut at the object's end.

        Raises KeyInvalid, KeyMissing, StorageFailed; `read` raises StorageFailed too.
        """
        ...

    def forget(self, key: str) -> None:
        """Drop the object from this machine's memory, so that the next read asks the medium. Raises KeyMissing,
        StorageFailed; nothing happens where nothing is kept in memory."""
        ...

    def versions(self, key: str) -> Iterator[BinaryIO]:
        """Streams of what the store has kept of the object beside what `open` gives, newest first (a bucket with
        versions); the caller closes each. Raises StorageFailed."""
        ...

    def read_at_once(self, key: str, offset: int, buffer: memoryview) -> bool:
        """Fill `buffer` with the object's bytes from `offset` where that waits for no disk and no network.

        False where it would wait, or anything is not as it should be: then `open` tells. Never raises for the object.
        """
        ...

    def stat(self, key: str) -> ObjectStat:
        """Size and metadata. Raises KeyMissing, StorageFailed."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; durable on return. Raises KeyMissing, StorageFailed."""
        ...

    def list(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """Keys that start with `prefix` and sort after `after`, in ascending order. Raises StorageFailed."""
        ...

    def local_path(self, key: str) -> Path | None:
        """The object's file where it is one, else None. Does not check that it exists."""
        ...

    def space(self) -> Space:
        """Room left; fields are None where the store cannot tell."""
        ...

    def check(self) -> None:
        """Prove at start-up that the store has the properties the archive rests on. Raises StorageUnfit."""
        ...
