"""After a crash or a lost index: what is in storage decides. Nothing acknowledged is deleted here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import Connection, delete, select, update

from pacs.archive.archive import Archive
from pacs.archive.ingest import record
from pacs.archive.keys import PREFIX
from pacs.archive.objects import examine
from pacs.archive.registration import register
from pacs.errors import ArrivalRefused
from pacs.index.schema import REBUILT, garbage, instance, study
from pacs.model import Outcome, StorageState, Stored
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
    """What the objects gave: how many became live, were duplicates, were conflict versions, could not be read."""

    stored: int
    duplicates: int
    conflicts: int
    unreadable: tuple[str, ...]


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
    peers, rules, the audit trail and the event log stay. The caller holds the node lock.
    """
    return archive.index.write(lambda connection: _rebuild(connection, archive.store))


def _rebuild(connection: Connection, store: ObjectStore) -> RebuildReport:
    site = list(connection.execute(select(study.c.study_instance_uid, *[study.c[name] for name in SITE_COLUMNS])))
    for table in REBUILT:
        connection.execute(delete(table))
    counts = dict.fromkeys(Outcome, 0)
    unreadable = []
    for object_key in store.list(PREFIX):
        try:
            arrived = examine(store, object_key, is_news=False)
            stored = register(connection, arrived, lambda _object_key: StorageState.STORED)  # examined before this one
            assert isinstance(stored, Stored)
            counts[stored.outcome] += 1
        except (ArrivalRefused, StorageError, ValueError) as error:
            log.error("object_unreadable", object_key=object_key, cause=str(error))
            unreadable.append(object_key)
    connection.execute(update(study).values(stable=1, revision=1))
    _give_back(connection, site)
    return RebuildReport(counts[Outcome.STORED], counts[Outcome.DUPLICATE], counts[Outcome.CONFLICT], tuple(unreadable))


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
