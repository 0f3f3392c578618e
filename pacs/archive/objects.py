"""An object read back from storage as if it had just arrived: for orphans, rebuilding and checking."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ulid import ULID

from pacs.access.principals import NODE
from pacs.archive.arrived import Arrived, content_length, identified
from pacs.archive.digests import DatasetDigest, envelope_sha256
from pacs.archive.ingest import mapped
from pacs.dicom.part10 import read_file_meta
from pacs.dicom.walker import walk
from pacs.errors import IncompleteDataSet
from storage.protocol import ObjectStore

CHUNK_BYTES = 1 << 20


def arrived_at(object_key: str) -> ULID:
    """The ULID in an object's key, which holds the moment of its arrival. Raises ValueError for a foreign key."""
    return ULID.from_str(Path(object_key).stem)


def examine(store: ObjectStore, object_key: str, *, is_news: bool) -> Arrived:
    """Walk and hash an object as at its arrival. Raises ArrivalRefused subclasses, StorageError, ValueError."""
    received_at = arrived_at(object_key).datetime
    with _as_view(store, object_key) as view:
        meta = read_file_meta(view)
        if meta is None:
            raise IncompleteDataSet("the object ends inside its File Meta Information")
        with view[meta.dataset_offset :] as dataset:
            found = walk(dataset, meta.transfer_syntax_uid)
            values, oddities = identified(found, meta.sop_class_uid, meta.sop_instance_uid)
            length = content_length(found, len(dataset), meta.transfer_syntax_uid)
            return Arrived(
                object_key=object_key,
                sop_class_uid=meta.sop_class_uid,
                transfer_syntax_uid=meta.transfer_syntax_uid,
                dataset_sha256=DatasetDigest().finish(dataset, length),
                envelope_sha256=envelope_sha256(view[: meta.dataset_offset], dataset[length:]),
                size=len(view),
                dataset_offset=meta.dataset_offset,
                dataset_length=len(dataset),
                padding_length=len(dataset) - length,
                walk=found,
                values=values,
                oddities=oddities,
                principal=NODE,
                protocol="storage",
                calling_ae_title=meta.source_ae_title,
                received_at=received_at,
                is_news=is_news,
            )


@contextmanager
def _as_view(store: ObjectStore, object_key: str) -> Iterator[memoryview]:
    local = store.local_path(object_key)
    if local is not None:
        with local.open("rb") as file, mapped(file.fileno(), os.fstat(file.fileno()).st_size) as view:
            yield view
        return
    with tempfile.TemporaryFile(dir=store.incoming) as copy, store.open(object_key) as stream:
        shutil.copyfileobj(stream, copy, CHUNK_BYTES)
        copy.flush()
        with mapped(copy.fileno(), copy.tell()) as view:
            yield view
