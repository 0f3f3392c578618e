"""Tombstones: what says of an object that it was meant to go, so that nothing that reads storage brings it back.

They outlive the rows and the object. Who takes objects out of sight, and brings them back, is `out_of_sight.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Connection, Table, insert, literal, or_, select, update

from pacs.archive import levels, rows
from pacs.archive.arrived import Arrived
from pacs.errors import Gone, NotFound
from pacs.index.deletions import deletion, tombstone
from pacs.index.schema import garbage
from pacs.model import GarbageReason, InstanceState, to_microseconds

NOTE = "note"
"""The state in a tombstone of a rejection note: it does not come back when what it rejects does."""


class DeletionKind(StrEnum):
    """What took the objects out of sight."""

    DELETED = "deleted"
    REJECTED = "rejected"


HIDDEN_STATE: Mapping[str, InstanceState] = {
    DeletionKind.DELETED: InstanceState.DELETED,
    DeletionKind.REJECTED: InstanceState.REJECTED,
}


def entomb(connection: Connection, identifier: str, arrived: Arrived, state: str) -> None:
    """Inside a write: a tombstone for an object that is registered out of sight from its arrival on; it remembers
    what nothing in the index tells of its patient, study and series."""
    connection.execute(
        insert(tombstone).values(
            object_key=arrived.object_key,
            deletion_id=identifier,
            study_instance_uid=arrived.values["StudyInstanceUID"],
            series_instance_uid=arrived.values["SeriesInstanceUID"],
            sop_instance_uid=arrived.values["SOPInstanceUID"],
            state=state,
            levels="" if state == NOTE else json.dumps(levels.of(arrived)),
        )
    )


def keep_hidden(connection: Connection, arrived: Arrived) -> bool:
    """Inside a write: whether the object is meant to be out of sight, and then its row is made so."""
    found = connection.execute(
        select(tombstone.c.erased, deletion.c.kind)
        .join(deletion, deletion.c.id == tombstone.c.deletion_id)
        .where(tombstone.c.object_key == arrived.object_key)
    ).one_or_none()
    if found is None:
        return False
    if found.erased:  # it has come back into storage, from an old copy of it
        throw_away(connection, arrived.object_key, GarbageReason.ERASED, to_microseconds(arrived.received_at), "")
    else:
        state = HIDDEN_STATE[found.kind]
        rows.INSERT_HELD.run(
            connection, rows.instance_values(arrived, None, state, arrived.storage, arrived.oddities)
        ).close()
    return True


def follow_deleted(connection: Connection, arrived: Arrived, recorded: Table, *, is_duplicate: bool = False) -> bool:
    """Inside a write: whether what came later under its SOP Instance UID is erased, or the same and out of sight.

    Of an object that no row ever named, so nobody was told that it is stored; then it is left to the remover. So is
    what was a duplicate already, whichever came first. `recorded` tells the digests of objects by their keys.
    """
    later = (
        select(tombstone.c.erased, recorded.c.dataset_sha256)
        .outerjoin(recorded, recorded.c.object_key == tombstone.c.object_key)
        .where(
            tombstone.c.sop_instance_uid == arrived.values["SOPInstanceUID"],
            or_(literal(is_duplicate), tombstone.c.object_key > arrived.object_key),
        )
        .order_by(tombstone.c.erased.desc())
    )
    moment = to_microseconds(arrived.received_at)
    for erased, dataset_sha256 in connection.execute(later).all():
        if erased:
            throw_away(connection, arrived.object_key, GarbageReason.ERASED, moment, "")
            return True
        if dataset_sha256 == arrived.dataset_sha256:
            throw_away(connection, arrived.object_key, GarbageReason.DUPLICATE, moment, dataset_sha256)
            return True
    return False


def rename(connection: Connection, old_key: str, new_key: str) -> None:
    """Inside a write: the object of a tombstone lies under another key now."""
    connection.execute(update(tombstone).where(tombstone.c.object_key == old_key).values(object_key=new_key))


def throw_away(connection: Connection, key: str, reason: GarbageReason, moment: int, dataset_sha256: str) -> None:
    """Inside a write: leave an object that no row names to the remover."""
    connection.execute(
        insert(garbage).values(object_key=key, reason=reason.value, since=moment, dataset_sha256=dataset_sha256)
    )


def missing(
    connection: Connection, study_instance_uid: str, series_instance_uid: str = "", sop_instance_uid: str = ""
) -> NotFound:
    """The error for what is not there: Gone where it was deleted (PS3.18 8.5), else that it is not known."""
    tombs = select(tombstone.c.object_key).join(deletion, deletion.c.id == tombstone.c.deletion_id)
    tombs = tombs.where(
        tombstone.c.study_instance_uid == study_instance_uid, deletion.c.kind == DeletionKind.DELETED.value
    )
    if series_instance_uid:
        tombs = tombs.where(tombstone.c.series_instance_uid == series_instance_uid)
    if sop_instance_uid:
        tombs = tombs.where(tombstone.c.sop_instance_uid == sop_instance_uid)
    if connection.execute(tombs.limit(1)).first() is not None:
        hint = "ask an administrator to restore it, or send it again from its source"
        return Gone("it has been deleted", hint, "deleted")
    return NotFound("there is no such object here", "check the UIDs, or search for the study")
