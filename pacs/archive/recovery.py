"""After a crash or a lost index: what is in storage decides. Nothing acknowledged is deleted here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, delete, func, insert, select, update

from pacs.archive import rows, tombstones
from pacs.archive.archive import Archive
from pacs.archive.arrived import Arrived
from pacs.archive.digests import Digests
from pacs.archive.ingest import record
from pacs.archive.keys import PREFIX, key_at
from pacs.archive.objects import examine
from pacs.archive.proof import Recorded, proven
from pacs.archive.registration import register
from pacs.archive.reindex import all_is_read
from pacs.errors import OutOfResources, StoreFailed, SuretError
from pacs.index.deletions import tombstone
from pacs.index.engine import lift_time_limits
from pacs.index.extended import extended_pending
from pacs.index.schema import REBUILT, TEXT, garbage, instance, start, study
from pacs.index.writer import index_failed
from pacs.model import (
    EPOCH,
    GarbageReason,
    InstanceState,
    Outcome,
    StorageState,
    Stored,
    from_microseconds,
    to_microseconds,
)
from storage.errors import StorageError

log = structlog.get_logger()

KEYS_AT_ONCE = 500
PASSING = (OSError, StorageError, StoreFailed, OutOfResources)
"""Why an object is not adopted at one start and may be at the next; what else is wrong with it stays wrong."""
SITE_COLUMNS = ("revision", "priority_band", "priority_reason", "priority_source")
"""What the index knows of a study that no object tells; kept over a rebuild."""

_RECORDED = Table(
    "recorded",
    MetaData(),
    Column("state", TEXT),
    Column("object_key", TEXT, primary_key=True),
    Column("dataset_offset", Integer),
    Column("content_length", BigInteger),
    Column("size", BigInteger),
    Column("dataset_sha256", TEXT),
    Column("envelope_sha256", TEXT),
    prefixes=["TEMPORARY"],
)
"""The state and the RECORDED_COLUMNS of the old index."""


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What the start found: spool files removed, orphan objects adopted, objects that could not be read."""

    parts_removed: int
    adopted: int
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What the objects gave: how many became live, were duplicates, were conflict versions.

    And the keys of those among them that are not what was recorded of them, and of others which could not be read.
    """

    stored: int
    duplicates: int
    conflicts: int
    damaged: tuple[str, ...]
    unreadable: tuple[str, ...]


def recover(archive: Archive, *, adopt_hours: int) -> RecoveryReport:
    """Before the node is ready: forget what was never acknowledged, adopt objects whose row was not committed.

    Objects are looked at from `adopt_hours` before the last start that could read what it found: an older orphan was
    adopted at that.
    """
    now = archive.clock()
    with archive.index.read() as connection:
        last = connection.execute(select(func.max(start.c.at))).scalar()
    parts = list(archive.store.incoming.glob("*.part"))
    for part in parts:
        part.unlink(missing_ok=True)
    since = min(now, from_microseconds(last) if last is not None else now) - timedelta(hours=adopt_hours)
    adopted, unreadable, failed = 0, [], not _secured(archive)
    for object_key in orphans(archive, after=key_at(since)) if not failed else ():
        try:
            _adopt(archive, examine(archive.store, object_key, is_news=True, tags=archive.extended.current))
            adopted += 1
        except Exception as error:  # whatever one object brings about, the node starts without it
            log.error("orphan_unreadable", object_key=object_key, cause=str(error))
            unreadable.append(object_key)
            failed |= isinstance(error, PASSING)
    try:
        if not failed or last is None:
            archive.index.write(lambda connection: _record_start(connection, now))
    except SuretError as error:  # a full disk: it starts all the same, and the next start looks at more
        log.warning("start_not_recorded", cause=error.message)
    report = RecoveryReport(len(parts), adopted, tuple(unreadable))
    log.info("recovered", parts_removed=report.parts_removed, adopted=adopted, unreadable=len(unreadable))
    return report


def _adopt(archive: Archive, arrived: Arrived) -> None:
    """Give an object its row; out of sight where it was meant to be, as a rebuild that could not read it left it.

    What nobody acknowledged, and was sent again and deleted before it could be read here, goes with that.
    """

    def settle(connection: Connection) -> bool:
        return tombstones.keep_hidden(connection, arrived) or tombstones.follow_deleted(connection, arrived, instance)

    if not archive.index.write(settle):
        record(archive, arrived)


def _secured(archive: Archive) -> bool:
    """Whether what a killed process left is on stable storage: else a row would promise what a power cut may take."""
    try:
        archive.store.secure()
    except StorageError as error:
        log.error("orphans_not_secured", cause=str(error))
        return False
    return True


def _record_start(connection: Connection, now: datetime) -> None:
    connection.execute(delete(start))
    connection.execute(insert(start).values(at=to_microseconds(now)))


def orphans(archive: Archive, *, after: str = "") -> Iterator[str]:
    """Keys above `after` whose objects no row, no garbage entry and no tombstone of what is erased names."""
    for keys in _batches(archive.store.list(PREFIX, after)):
        with archive.index.read() as connection:
            known = set(
                connection.execute(select(instance.c.object_key).where(instance.c.object_key.in_(keys))).scalars()
            )
            for named in (
                select(garbage.c.object_key).where(garbage.c.object_key.in_(keys)),
                select(tombstone.c.object_key).where(tombstone.c.object_key.in_(keys), tombstone.c.erased == 1),
            ):
                known |= set(connection.execute(named).scalars())
        yield from (key for key in keys if key not in known)


def rebuild(archive: Archive) -> RebuildReport:
    """Make patients, studies, series and instances again from the objects alone, in one transaction.

    In the order of arrival: the first of a SOP Instance UID becomes live, other content a conflict version; what was
    one stays one. What has a tombstone stays out of sight, and rejection notes that have none do what they say.
    An object that is not what was recorded of it goes behind every sound one. Accounts, peers, rules,
    the audit trail and the event log stay. The caller holds the node lock.
    """
    archive.store.secure()
    report = archive.index.write(lambda connection: _Rebuild(connection, archive).run())
    archive.extended.reload()
    return report


class _Turn(IntEnum):
    """When an object is registered: who is first under a SOP Instance UID becomes live."""

    SOUND = 0
    CONFLICT = 1
    DAMAGED = 2


class _Rebuild:
    """One rebuilding, inside one transaction."""

    def __init__(self, connection: Connection, archive: Archive) -> None:
        self._connection = connection
        self._store = archive.store
        self._now = archive.clock()
        self._retention = archive.retention
        self._tags = archive.extended.current
        self._counts = dict.fromkeys(Outcome, 0)
        self._unreadable: list[str] = []
        self._duplicates: set[str] = set()
        self._later: dict[_Turn, list[str]] = {_Turn.CONFLICT: [], _Turn.DAMAGED: []}

    def run(self) -> RebuildReport:
        """Do it and tell what became of the objects."""
        connection = self._connection
        lift_time_limits(connection)
        site = list(connection.execute(select(study.c.study_instance_uid, *[study.c[name] for name in SITE_COLUMNS])))
        self._remember()
        for table in REBUILT:
            connection.execute(delete(table))
        for object_key in self._store.list(PREFIX):
            self._take(object_key, _Turn.SOUND)
        for turn, object_keys in self._later.items():
            for object_key in object_keys:
                self._take(object_key, turn)
        _RECORDED.drop(connection)
        connection.execute(update(study).values(stable=1, revision=1))
        _give_back(connection, site)
        connection.execute(delete(extended_pending))
        all_is_read(connection, self._tags.adding)
        if self._unreadable:
            _record_start(connection, EPOCH)  # the next start looks at every object once more
        counts, damaged = self._counts, tuple(self._later[_Turn.DAMAGED])
        return RebuildReport(
            counts[Outcome.STORED],
            counts[Outcome.DUPLICATE],
            counts[Outcome.CONFLICT],
            damaged,
            tuple(self._unreadable),
        )

    def _remember(self) -> None:
        """Keep what the old index recorded of each object, and which ones a good one has taken the place of."""
        _RECORDED.create(self._connection)
        kept = select(instance.c.state, *rows.RECORDED_COLUMNS)
        self._connection.execute(insert(_RECORDED).from_select(list(_RECORDED.columns), kept))
        duplicates = select(garbage.c.object_key).where(garbage.c.reason == GarbageReason.DUPLICATE)
        self._duplicates = set(self._connection.execute(duplicates).scalars())
        gone = (GarbageReason.DAMAGED, GarbageReason.ERASED)
        self._connection.execute(delete(garbage).where(garbage.c.reason.not_in(gone)))

    def _take(self, object_key: str, turn: _Turn) -> None:
        if self._connection.execute(select(garbage.c.reason).where(garbage.c.object_key == object_key)).first():
            return
        try:
            due, arrived = self._examined(object_key)
            if due > turn:
                self._later[due].append(object_key)
                return
            with self._connection.begin_nested():
                if tombstones.keep_hidden(self._connection, arrived):
                    return
                if not self._is_recorded(object_key) and tombstones.follow_deleted(
                    self._connection, arrived, _RECORDED, is_duplicate=object_key in self._duplicates
                ):
                    return
                # Whoever is met was examined before this one.
                stored = register(
                    self._connection, arrived, lambda _object_key: StorageState.STORED, self._now, self._retention
                )
        except Exception as error:  # whatever one object brings about, the others are still there
            if index_failed(error):  # then it is not this object's fault, and the old index stays as it was
                raise
            self._connection.execute(select(1))  # as it is when a savepoint could not be gone back to
            log.error("object_unreadable", object_key=object_key, cause=str(error))
            self._unreadable.append(object_key)
            return
        assert isinstance(stored, Stored)
        self._counts[stored.outcome] += 1

    def _is_recorded(self, object_key: str) -> bool:
        recorded = select(_RECORDED.c.object_key).where(_RECORDED.c.object_key == object_key)
        return self._connection.execute(recorded).first() is not None

    def _examined(self, object_key: str) -> tuple[_Turn, Arrived]:
        arrived = examine(self._store, object_key, is_news=False, tags=self._tags)
        row = self._connection.execute(select(_RECORDED).where(_RECORDED.c.object_key == object_key)).one_or_none()
        if row is None:
            return _Turn.SOUND, arrived
        state, known = row[0], rows.recorded(row[1:])
        found = Digests(arrived.size, arrived.dataset_sha256, arrived.envelope_sha256)
        # An older release may have seen the end of a data set elsewhere: where it saw it decides.
        if found != known.digests and proven(self._store, known) is not StorageState.STORED:
            if (elsewhere := self._state_under_another_key(found)) is None:
                return _Turn.DAMAGED, _as_recorded(arrived, known)
            state = elsewhere
        kept_beside = state in (InstanceState.CONFLICT, InstanceState.SUPERSEDED)
        return _Turn.CONFLICT if kept_beside else _Turn.SOUND, arrived

    def _state_under_another_key(self, found: Digests) -> str | None:
        """What an object was that is whole and lies where another one was; None where nothing like it was recorded."""
        like_it = select(_RECORDED.c.state).where(
            _RECORDED.c.dataset_sha256 == found.dataset_sha256,
            _RECORDED.c.envelope_sha256 == found.envelope_sha256,
            _RECORDED.c.size == found.size,
        )
        return self._connection.execute(like_it).scalars().first()


def _as_recorded(arrived: Arrived, known: Recorded) -> Arrived:
    """A damaged object under the digests of what was sent: a re-send of that is known for the same and heals it."""
    size = known.digests.size
    return replace(
        arrived,
        **asdict(known.digests),
        dataset_offset=known.dataset_offset,
        dataset_length=size - known.dataset_offset,
        padding_length=size - known.dataset_offset - known.content_length,
        storage=StorageState.DAMAGED,
    )


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
