"""Two digests of an object that cover every byte once, so that an arrival is hashed in one pass.

The data set without its trailing padding has a digest of its own, because it tells one instance from another whoever
sent it; all that is around it (preamble, group 0002, padding) has the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from pacs.dicom.paged import PagedBytes, pieces
from storage.protocol import ObjectStore

CHUNK_BYTES: Final = 1 << 20

Pace = Callable[[int], None]
"""Told after each piece of an object how many bytes it had; waits when reading is to go slowly."""


def at_once(_size: int) -> None:
    """A pace that never waits."""


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 in hexadecimal of the two parts, and the size of the whole in bytes."""

    size: int
    dataset_sha256: str
    envelope_sha256: str


class DatasetDigest:
    """The digest of a data set whose bytes become known piece by piece and whose end is known only at last."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._hashed = 0

    @property
    def hashed(self) -> int:
        """How many bytes it has taken."""
        return self._hashed

    def update(self, data: memoryview | bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(data)
        self._hashed += len(data)

    def finish(self, dataset: bytes | PagedBytes, content_length: int) -> str:
        """The digest of the first `content_length` bytes of `dataset`, whose first `hashed` bytes were taken before."""
        if self._hashed > content_length:  # it went on into the padding
            self._sha256, self._hashed = hashlib.sha256(), 0
        for piece in pieces(dataset, self._hashed, content_length):
            self.update(piece)
        return self._sha256.hexdigest()


def envelope_sha256(file_head: bytes, dataset: bytes | PagedBytes = b"", content_length: int = 0) -> str:
    """The digest of what is around the first `content_length` bytes of a data set: head and padding."""
    digest = hashlib.sha256(file_head)
    for piece in pieces(dataset, content_length, len(dataset)):
        digest.update(piece)
    return digest.hexdigest()


def digests_of(
    store: ObjectStore, object_key: str, dataset_offset: int, content_length: int, pace: Pace = at_once
) -> Digests:
    """The digests of an object as it is in storage now, read once. Raises StorageError, and what `pace` raises."""
    with store.open(object_key) as stream:
        return digests_in(stream, dataset_offset, content_length, lambda chunk: pace(len(chunk)))


def digests_in(stream: BinaryIO, dataset_offset: int, content_length: int, take: Callable[[bytes], object]) -> Digests:
    """The digests of an object that is read from `stream`; each piece of it is given to `take` as well."""
    dataset, envelope, size = hashlib.sha256(), hashlib.sha256(), 0
    content_end = dataset_offset + content_length
    for digest, end in ((envelope, dataset_offset), (dataset, content_end), (envelope, None)):
        while chunk := stream.read(CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - size)):
            digest.update(chunk)
            size += len(chunk)
            take(chunk)
    return Digests(size, dataset.hexdigest(), envelope.hexdigest())
