"""The oracle: does the archive still keep its promise? It only reads, and never repairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from pacs.access.audit import AuditCode
from pacs.archive.commitments import broken
from pacs.archive.digests import Digests, digests_of
from pacs.archive.keys import PREFIX
from pacs.archive.objects import arrived_at
from pacs.archive.rows import RECORDED_COLUMNS
from pacs.index.deletions import tombstone
from pacs.index.engine import Index
from pacs.index.schema import IS_LIVE, audit, cursor, event, garbage, instance, series, study
from pacs.model import HIDDEN, EventKind, InstanceState, StorageState, to_microseconds
from storage.errors import KeyMissing, StorageError
from storage.protocol import ObjectStore

FOLLOWER_LAG = timedelta(hours=24)
WRITES = (
    EventKind.INSTANCE_STORED,
    EventKind.INSTANCE_CONFLICT,
    EventKind.INSTANCE_HEALED,
    EventKind.INSTANCE_SUPERSEDED,
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant (I0 to I8, told of in docs/operations.md) and the thing that breaks it."""

    invariant: str
    subject: str
    detail: str


def verify(index: Index, store: ObjectStore, *, now: datetime, grace: timedelta) -> Iterator[Violation]:
    """Every violation there is; objects and spool files younger than `grace` may still be on their way in."""
    checks: tuple[Callable[[], Iterator[Violation]], ...] = (
        lambda: _rows_have_objects(index, store),
        lambda: _nothing_is_damaged(index),
        lambda: _objects_have_rows(index, store, now - grace),
        lambda: _one_live_row(index),
        lambda: _counters_are_counts(index),
        lambda: _followers_follow(index, now),
        lambda: _no_stale_parts(store, now - grace),
        lambda: _writes_are_audited(index),
        lambda: _commitments_are_kept(index),
    )
    damage = index.damage()
    yield from (Violation("I0", "index", line) for line in damage)
    for check in checks:
        try:
            yield from check()
        except SQLAlchemyError as error:
            if not damage:
                raise
            yield Violation("I0", "index", f"a check could not be finished: {error.__cause__ or error}")


def sizes(index: Index, store: ObjectStore) -> tuple[int, int]:
    """How many objects there are in storage, and how many rows name one."""
    statement = select(func.count()).select_from(instance)
    with index.read() as connection:
        rows = int(connection.execute(statement).scalar_one())
    return sum(1 for _ in store.list(PREFIX)), rows


def _rows_have_objects(index: Index, store: ObjectStore) -> Iterator[Violation]:
    statement = select(*RECORDED_COLUMNS).where(
        instance.c.state.not_in(HIDDEN), instance.c.storage != StorageState.DAMAGED
    )
    hidden = select(instance.c.object_key, instance.c.size).where(
        instance.c.state != InstanceState.LIVE, instance.c.state.in_(HIDDEN)
    )
    with index.read() as connection:
        rows = connection.execute(statement.order_by(instance.c.object_key)).all()
        out_of_sight = connection.execute(hidden.order_by(instance.c.object_key)).all()
    for object_key, size in out_of_sight:  # it can come back, and is read then
        try:
            if (found_size := store.stat(object_key).size) != size:
                yield Violation("I1", object_key, f"deleted, and has {found_size} bytes instead of {size}")
        except StorageError as error:
            yield Violation("I1", object_key, f"deleted, and cannot be brought back: {error}")
    for object_key, dataset_offset, content_length, *recorded in rows:
        try:
            store.forget(object_key)  # what memory remembers of it proves nothing
            found = digests_of(store, object_key, dataset_offset, content_length)
        except KeyMissing:
            yield Violation("I1", object_key, "a row names this object and it is not in storage")
        except StorageError as error:
            yield Violation("I1", object_key, f"the object cannot be read: {error}")
        else:
            if found != Digests(*recorded):
                yield Violation(
                    "I1", object_key, f"size or SHA-256 differ: {found.size} bytes instead of {recorded[0]}"
                )


def _nothing_is_damaged(index: Index) -> Iterator[Violation]:
    marked = select(instance.c.object_key).where(
        instance.c.state.not_in(HIDDEN), instance.c.storage == StorageState.DAMAGED
    )
    with index.read() as connection:
        for object_key in connection.execute(marked.order_by(instance.c.object_key)).scalars():
            yield Violation("I1", object_key, "marked as damaged; its source has to send it again")


def _objects_have_rows(index: Index, store: ObjectStore, before: datetime) -> Iterator[Violation]:
    with index.read() as connection:
        known = set(connection.execute(select(instance.c.object_key)).scalars())
        known |= set(connection.execute(select(garbage.c.object_key)).scalars())
        known |= set(connection.execute(select(tombstone.c.object_key).where(tombstone.c.erased == 1)).scalars())
    for object_key in store.list(PREFIX):
        try:
            arrived = arrived_at(object_key).datetime
        except ValueError:
            yield Violation("I2", object_key, "not a key of the archive's making")
            continue
        if object_key not in known and arrived < before:
            yield Violation("I2", object_key, "no row names this object; the next start adopts it")


def _one_live_row(index: Index) -> Iterator[Violation]:
    statement = (
        select(instance.c.sop_instance_uid, func.count())
        .where(IS_LIVE)
        .group_by(instance.c.sop_instance_uid)
        .having(func.count() > 1)
    )
    with index.read() as connection:
        for sop_instance_uid, rows in connection.execute(statement):
            yield Violation("I3", sop_instance_uid, f"{rows} live rows")


def _counters_are_counts(index: Index) -> Iterator[Violation]:
    live = (
        select(func.count()).where(instance.c.series_row == series.c.row, IS_LIVE).correlate(series).scalar_subquery()
    )
    wrong_series = select(series.c.series_instance_uid, series.c.number_of_instances, live).where(
        series.c.number_of_instances != live
    )
    counted = select(func.count()).where(series.c.study_row == study.c.row).correlate(study).scalar_subquery()
    summed = (
        select(func.coalesce(func.sum(series.c.number_of_instances), 0))
        .where(series.c.study_row == study.c.row)
        .correlate(study)
        .scalar_subquery()
    )
    wrong_study = select(study.c.study_instance_uid, study.c.number_of_series, study.c.number_of_instances).where(
        (study.c.number_of_series != counted) | (study.c.number_of_instances != summed)
    )
    with index.read() as connection:
        for uid, counter, count in connection.execute(wrong_series):
            yield Violation("I4", uid, f"the series says {counter} instances and has {count}")
        for uid, of_series, of_instances in connection.execute(wrong_study):
            yield Violation("I4", uid, f"the study says {of_series} series and {of_instances} instances")


def followers_behind(index: Index, now: datetime) -> Iterator[tuple[str, int]]:
    """Each follower of the event log that has not come to events older than FOLLOWER_LAG, and how many those are."""
    overdue = to_microseconds(now - FOLLOWER_LAG)
    with index.read() as connection:
        for follower, number in connection.execute(select(cursor.c.follower, cursor.c.number)).all():
            waiting = connection.execute(
                select(func.count()).where(event.c.number > number, event.c.at < overdue)
            ).scalar_one()
            if waiting:
                yield follower, waiting


def _followers_follow(index: Index, now: datetime) -> Iterator[Violation]:
    for follower, waiting in followers_behind(index, now):
        yield Violation("I5", follower, f"{waiting} events wait for more than {FOLLOWER_LAG}")


def _no_stale_parts(store: ObjectStore, before: datetime) -> Iterator[Violation]:
    for part in store.incoming.glob("*.part"):
        try:
            changed = part.stat().st_mtime
        except FileNotFoundError:
            continue  # it has just been put
        if changed < before.timestamp():
            yield Violation("I6", part.name, "a spool file that nobody writes any more; the next start removes it")


def _writes_are_audited(index: Index) -> Iterator[Violation]:
    written = select(event.c.sop_instance_uid, func.count().label("n")).where(event.c.kind.in_(WRITES))
    events = written.group_by(event.c.sop_instance_uid).subquery()
    records = (
        select(audit.c.detail, func.count().label("n"))
        .where(audit.c.code == AuditCode.INSTANCES_TRANSFERRED)
        .group_by(audit.c.detail)
        .subquery()
    )
    statement = (
        select(events.c.sop_instance_uid, events.c.n, func.coalesce(records.c.n, 0))
        .select_from(events.outerjoin(records, events.c.sop_instance_uid == records.c.detail))
        .where(events.c.n > func.coalesce(records.c.n, 0))
    )
    with index.read() as connection:
        for uid, writes, audited in connection.execute(statement):
            yield Violation("I7", uid, f"{writes} writes and {audited} audit records")


def _commitments_are_kept(index: Index) -> Iterator[Violation]:
    with index.read() as connection:
        for transaction_uid, sop_instance_uid, wrong in broken(connection):
            yield Violation("I8", sop_instance_uid, f"committed to in transaction {transaction_uid}, and {wrong}")
