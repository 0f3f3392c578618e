"""An object read back from storage as if it had just arrived: for orphans, rebuilding and checking."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ulid import ULID

from pacs.access.principals import NODE
from pacs.archive.arrived import Arrived, content_length, identified, writer_of
from pacs.archive.digests import DatasetDigest, envelope_sha256
from pacs.archive.extended import Current
from pacs.dicom.paged import bytes_at
from pacs.dicom.part10 import FILE_HEAD_BYTES_MAX, read_file_meta
from pacs.dicom.rejection import read_note
from pacs.dicom.walker import walk
from pacs.errors import DoesNotMatch, IncompleteDataSet
from storage.errors import StorageFailed
from storage.protocol import ObjectStore

CHUNK_BYTES = 1 << 20


def arrived_at(object_key: str) -> ULID:
    """The ULID in an object's key, which holds the moment of its arrival. Raises ValueError for a foreign key."""
    return ULID.from_str(Path(object_key).stem)


def examine(store: ObjectStore, object_key: str, *, is_news: bool, tags: Current | None = None) -> Arrived:
    """Walk and hash an object as at its arrival, and read it for `tags` where they are given.

    Raises ArrivalRefused subclasses, StorageError, ValueError.
    """
    received_at = arrived_at(object_key).datetime
    with _seekable(store, object_key) as stream:
        size = stream.seek(0, os.SEEK_END)
        head = _read(stream, 0, min(size, FILE_HEAD_BYTES_MAX))
        meta = read_file_meta(head)
        if meta is None:
            raise IncompleteDataSet("the object ends inside its File Meta Information")
        offset = meta.dataset_offset
        dataset = bytes_at(lambda start, length: _read(stream, offset + start, length), size - offset)
        found = walk(dataset, meta.transfer_syntax_uid)
        named = found.values.get("SOPInstanceUID", "")
        if named and named != meta.sop_instance_uid:  # they agreed when it came
            raise DoesNotMatch(f"the object calls itself {meta.sop_instance_uid} and then {named[:64]}")
        values, oddities = identified(found, meta.sop_class_uid, meta.sop_instance_uid)
        length = content_length(found, len(dataset), meta.transfer_syntax_uid)
        return Arrived(
            object_key=object_key,
            sop_class_uid=meta.sop_class_uid,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            dataset_sha256=DatasetDigest().finish(dataset, length),
            envelope_sha256=envelope_sha256(head[:offset], dataset, length),
            size=size,
            dataset_offset=offset,
            dataset_length=len(dataset),
            padding_length=len(dataset) - length,
            walk=found,
            values=values,
            oddities=oddities,
            principal=NODE,
            protocol="storage",
            calling_ae_title=writer_of(meta),
            received_at=received_at,
            note=read_note(dataset, meta.transfer_syntax_uid, values),
            is_news=is_news,
            told=tags.told_by(dataset, meta.transfer_syntax_uid) if tags is not None else (),
            told_of=tags.generation if tags is not None else -1,
        )


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    try:
        stream.seek(offset)
        data = stream.read(length)
    except OSError as error:  # of the copy
        raise StorageFailed(f"the copy of the object cannot be read: {error}") from error
    if len(data) != length:
        raise StorageFailed("the object became shorter while it was read")
    return data


@contextmanager
def _seekable(store: ObjectStore, object_key: str) -> Iterator[BinaryIO]:
    """The object's stream, or a copy of it where the store has it come over a network. Raises StorageError."""
    with store.open(object_key) as stream:
        if stream.seekable():
            yield stream
            return
        try:
            copy = tempfile.TemporaryFile(dir=store.incoming)  # noqa: SIM115 - closed below
        except OSError as error:
            raise StorageFailed(f"there is no room for a copy of {object_key}: {error}") from error
        with copy:
            try:
                shutil.copyfileobj(stream, copy, CHUNK_BYTES)
            except OSError as error:
                raise StorageFailed(f"there is no room for a copy of {object_key}: {error}") from error
            yield cast(BinaryIO, copy)
