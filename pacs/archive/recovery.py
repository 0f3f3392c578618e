"""After a crash or a lost index: what is in storage decides. Nothing acknowledged is deleted here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import Connection, delete, or_, select, update

from pacs.archive.archive import Archive
from pacs.archive.arrived import Arrived
from pacs.archive.ingest import record
from pacs.archive.keys import PREFIX
from pacs.archive.objects import examine
from pacs.archive.registration import register
from pacs.errors import ArrivalRefused
from pacs.index.schema import REBUILT, garbage, instance, study
from pacs.model import Outcome, StorageState
from storage.errors import StorageError
from storage.protocol import ObjectStore

log = structlog.get_logger()

KEYS_AT_ONCE = 500
SITE_COLUMNS = ("revision", "priority_band", "priority_reason", "priority_source")
"""What the index knows of a study that no object tells; kept over a rebuild."""


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What the start found: spool files removed, orphan objects adopted, objects that could not be read."""

    parts_removed: int
    adopted: int
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What the objects gave: how many became live, were duplicates, were conflict versions, could not be read.

    `damaged` are no longer what the index said they were; they are counted above and never served.
    """

    stored: int
    duplicates: int
    conflicts: int
    unreadable: tuple[str, ...]
    damaged: tuple[str, ...] = ()


def recover(archive: Archive, *, adopt_hours: int) -> RecoveryReport:
    """Before the node is ready: forget what was never acknowledged, adopt objects whose row was not committed.

    Objects of the last `adopt_hours` are looked at: an older orphan would have been adopted at an earlier start.
    """
    parts = list(archive.store.incoming.glob("*.part"))
    for part in parts:
        part.unlink(missing_ok=True)
    since = archive.clock() - timedelta(hours=adopt_hours)
    adopted, unreadable = 0, []
    for object_key in orphans(archive, after=f"{PREFIX}{since:%Y/%m/%d/%H}"):
        try:
            record(archive, examine(archive.store, object_key, is_news=True))
            adopted += 1
        except (ArrivalRefused, StorageError, ValueError) as error:
            log.error("orphan_unreadable", object_key=object_key, cause=str(error))
            unreadable.append(object_key)
    report = RecoveryReport(len(parts), adopted, tuple(unreadable))
    log.info("recovered", parts_removed=report.parts_removed, adopted=adopted, unreadable=len(unreadable))
    return report


def orphans(archive: Archive, *, after: str = "") -> Iterator[str]:
    """Keys above `after` whose objects no row and no garbage entry names."""
    for keys in _batches(archive.store.list(PREFIX, after)):
        with archive.index.read() as connection:
            known = set(
                connection.execute(select(instance.c.object_key).where(instance.c.object_key.in_(keys))).scalars()
            )
            known |= set(
                connection.execute(select(garbage.c.object_key).where(garbage.c.object_key.in_(keys))).scalars()
            )
        yield from (key for key in keys if key not in known)


def rebuild(archive: Archive) -> RebuildReport:
    """Make patients, studies, series and instances again from the objects alone, in one transaction.

    In the order of arrival: the first of a SOP Instance UID becomes live, other content a conflict version. Accounts,
    peers, rules, the audit trail and the event log stay. The caller holds the node lock. An object whose content is
    not what the index had recorded keeps that record and is damaged: a rebuild never makes damage good.
    """
    with archive.index.read() as before:  # sees the old rows until the new ones are committed
        return archive.index.write(lambda connection: _rebuild(connection, before, archive.store))


def _rebuild(connection: Connection, before: Connection, store: ObjectStore) -> RebuildReport:
    site = list(connection.execute(select(study.c.study_instance_uid, *[study.c[name] for name in SITE_COLUMNS])))
    for table in REBUILT:
        connection.execute(delete(table))
    counts = dict.fromkeys(Outcome, 0)
    unreadable, damaged = [], []
    for object_key in store.list(PREFIX):
        try:
            found = examine(store, object_key, is_news=False)
            recorded = _recorded(before, found)
            counts[register(connection, replace(found, dataset_sha256=recorded)).outcome] += 1
            if recorded != found.dataset_sha256:
                log.error("object_damaged", object_key=object_key)
                damaged.append(object_key)
                # At once: a duplicate that comes later in the listing heals it.
                marked = update(instance).where(instance.c.object_key == object_key)
                connection.execute(marked.values(storage=StorageState.DAMAGED.value))
        except (ArrivalRefused, StorageError, ValueError) as error:
            log.error("object_unreadable", object_key=object_key, cause=str(error))
            unreadable.append(object_key)
    connection.execute(update(study).values(stable=1, revision=1))
    _give_back(connection, site)
    return RebuildReport(
        counts[Outcome.STORED],
        counts[Outcome.DUPLICATE],
        counts[Outcome.CONFLICT],
        tuple(unreadable),
        tuple(damaged),
    )


def _recorded(before: Connection, found: Arrived) -> str:
    """The digest which the index had for what lies under this key. Raises ValueError for what was another instance."""
    uid = found.values["SOPInstanceUID"]
    rows = before.execute(
        select(instance.c.object_key, instance.c.sop_instance_uid, instance.c.dataset_sha256).where(
            or_(instance.c.object_key == found.object_key, instance.c.sop_instance_uid == uid)
        )
    ).all()
    if any((row.sop_instance_uid, row.dataset_sha256) == (uid, found.dataset_sha256) for row in rows):
        return found.dataset_sha256  # good, wherever it lies
    for row in rows:
        if row.object_key == found.object_key:
            if row.sop_instance_uid != uid:
                raise ValueError(f"it was instance {row.sop_instance_uid} and now says that it is {uid}")
            return str(row.dataset_sha256)
    return found.dataset_sha256


def _give_back(connection: Connection, site: Iterable[Any]) -> None:
    for study_instance_uid, *values in site:
        connection.execute(
            update(study)
            .where(study.c.study_instance_uid == study_instance_uid)
            .values(dict(zip(SITE_COLUMNS, values, strict=True)))
        )


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(keys, KEYS_AT_ONCE)):
        yield batch
