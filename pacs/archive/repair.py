"""A damaged object gets its place back from a sound copy: a duplicate, an older version, a second store.

The copy comes in through the door that every object comes in through, so nothing is taken that is not the same data
set, and the row changes to it in one transaction; keys stay write-once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import structlog
from sqlalchemy import select

from pacs.access.principals import NODE
from pacs.archive.arrived import Twin
from pacs.errors import ArrivalRefused, NotFound
from pacs.index.schema import garbage, instance
from pacs.model import HIDDEN, GarbageReason
from storage.errors import StorageError
from storage.protocol import ObjectStore

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

log = structlog.get_logger()

CHUNK_BYTES = 1 << 20
Open = Callable[[], BinaryIO]


def repair(archive: Archive, object_key: str, copies: Sequence[ObjectStore] = ()) -> str:
    """Put a sound copy in the place of the object; where it came from, "" when none was found.

    `copies` are stores that may hold it under the same key, as a backup does. Raises NotFound where no row names it.
    """
    named = select(instance.c.sop_instance_uid, instance.c.transfer_syntax_uid, instance.c.dataset_sha256).where(
        instance.c.object_key == object_key, instance.c.state.not_in(HIDDEN)
    )
    with archive.index.read() as connection:
        row = connection.execute(named).one_or_none()
    if row is None:
        raise NotFound(f"no row names the object {object_key}")
    twin = Twin(*row)
    for source, open_copy in _sources(archive, object_key, twin, copies):
        try:
            _take(archive, twin, open_copy)
        except (ArrivalRefused, StorageError, OSError) as error:
            log.warning("copy_not_taken", object_key=object_key, source=source, cause=str(error))
        else:
            log.warning("object_repaired", object_key=object_key, source=source)
            return source
    return ""


def _take(archive: Archive, twin: Twin, open_copy: Open) -> None:
    with open_copy() as stream, archive.receive_part10(NODE, protocol="repair", twin=twin) as reception:
        while chunk := stream.read(CHUNK_BYTES):
            reception.write(chunk)
        reception.commit()


def _sources(
    archive: Archive, object_key: str, twin: Twin, copies: Sequence[ObjectStore]
) -> Iterator[tuple[str, Open]]:
    duplicates = select(garbage.c.object_key).where(
        garbage.c.dataset_sha256 == twin.dataset_sha256, garbage.c.reason == GarbageReason.DUPLICATE
    )
    with archive.index.read() as connection:
        keys = list(connection.execute(duplicates).scalars())
    for key in keys:
        yield "a duplicate", partial(archive.store.open, key)
    for stream in _versions(archive.store, object_key):
        yield "an older version", partial(_opened, stream)
    for copy in copies:
        yield "the second store", partial(copy.open, object_key)


def _opened(stream: BinaryIO) -> BinaryIO:
    return stream


def _versions(store: ObjectStore, object_key: str) -> Iterator[BinaryIO]:
    try:
        yield from store.versions(object_key)
    except StorageError as error:  # a service without versions, or without the right to see them
        log.info("versions_not_seen", object_key=object_key, cause=str(error))
