"""Jobs: rows that say what is still to be done with other systems, and how each moves from state to state.

queued → running → done | dead; cancelled: a person ended it; superseded: another one that waits will do its work too.
Whoever wants something done adds a row in the transaction that gives the reason for it, so neither exists without the
other. A row is claimed under a lease; its number of attempts and who claimed it are the fence: whoever comes back
after somebody else has taken over changes nothing. Delivery is at least once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, exists, or_, select, text, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import BigInteger
from ulid import ULID

from pacs.index.schema import job, job_pause
from pacs.index.upsert import upsert
from pacs.model import from_microseconds, to_microseconds

ERROR_CHARACTERS_MAX = 500
DELAY_MAX = timedelta(hours=24)
"""No job is put off for longer; one that seems to be was dated by a clock that has stepped back since."""


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
OVER_STATES = (JobState.DONE, JobState.CANCELLED, JobState.SUPERSEDED)


class Priority(IntEnum):
    """Which of the jobs that are due goes first."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job is not done: in words, and by the code under which the viewer has them in its languages."""

    words: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is to be done. Of a `subject` at most one job waits: another order of the same is put into that one, by
    `merge` of both payloads where it is given, else the newer payload stands; the more urgent priority counts."""

    kind: str
    destination: str
    payload: Mapping[str, Any]
    study_instance_uid: str = ""
    subject: str | None = None
    priority: Priority = Priority.MEDIUM
    delay: timedelta = timedelta()
    merge: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A row of `job`. `progress` is what the one who does it notes down; `attempts` doubles as the fence."""

    id: str
    kind: str
    destination: str
    subject: str | None
    priority: Priority
    study_instance_uid: str
    payload: dict[str, Any]
    progress: dict[str, Any]
    state: JobState
    attempts: int
    failures: int
    not_before: datetime
    last_error: str
    created_at: datetime
    finished_at: datetime | None
    leased_by: str
    last_error_code: str = ""

    @property
    def why(self) -> Why:
        """Why it is not done."""
        return Why(self.last_error, self.last_error_code)


class _DatabaseNow(ColumnElement[int]):
    """The database's own clock in microseconds: leases of several nodes are judged by one clock (PostgreSQL)."""

    type = BigInteger()
    inherit_cache = True


@compiles(_DatabaseNow, "postgresql")
def _database_now_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return "(extract(epoch from clock_timestamp()) * 1000000)::bigint"


@compiles(_DatabaseNow)
def _database_now(element: Any, compiler: Any, **options: Any) -> str:
    return "NULL"  # SQLite: one process, which knows what it is doing; after it the next start gives all back


def add(connection: Connection, at: datetime, new: NewJob) -> str:
    """Inside a write: order `new`; the id of its job, or of the one of its subject that waits already."""
    values = {
        "kind": new.kind,
        "destination": new.destination,
        "priority": int(new.priority),
        "study_instance_uid": new.study_instance_uid,
        "payload": _json(new.payload),
        "not_before": to_microseconds(at + new.delay),
    }
    waits = and_(job.c.subject == new.subject, job.c.state == JobState.QUEUED.value)
    while True:
        waiting = None
        if new.subject is not None:
            waiting = connection.execute(select(job).where(waits).with_for_update()).mappings().first()
        if waiting is not None:
            merged = new.merge(json.loads(waiting["payload"]), dict(new.payload)) if new.merge else new.payload
            more_urgent = min(int(new.priority), waiting["priority"])
            changed = values | {"payload": _json(merged), "priority": more_urgent}
            connection.execute(update(job).where(job.c.id == waiting["id"]).values(changed))
            return str(waiting["id"])
        identifier = str(ULID.from_datetime(at))
        made = connection.execute(
            upsert(connection, job)
            .values(
                **values,
                id=identifier,
                subject=new.subject,
                state=JobState.QUEUED.value,
                created_at=to_microseconds(at),
            )
            .on_conflict_do_nothing(index_elements=["subject"], index_where=text("state = 'queued'"))
            .returning(job.c.id)
        ).first()
        if made is not None:  # else another node was first (PostgreSQL), and its job is seen in the next turn
            return identifier


def next_due(
    connection: Connection, at: datetime, kinds: Collection[str], busy_destinations: Collection[str] = ()
) -> str | None:
    """The id of the job to claim next, of one of `kinds` and for none of `busy_destinations`."""
    return connection.execute(_due(at, kinds, busy_destinations)).scalar()


def claim(
    connection: Connection,
    at: datetime,
    worker: str,
    lease: timedelta,
    kinds: Collection[str],
    busy_destinations: Collection[str] = (),
) -> Job | None:
    """Inside a write: take the next one that is due for `worker`; None when there is none.

    Two nodes never get the same one: PostgreSQL skips what another transaction has locked, SQLite has one writer.
    """
    due = _due(at, kinds, busy_destinations).with_for_update(skip_locked=True, of=job)
    row = (
        connection.execute(
            update(job)
            .where(job.c.id == due.scalar_subquery())
            .values(
                state=JobState.RUNNING.value,
                attempts=job.c.attempts + 1,
                leased_by=worker,
                lease_until=_DatabaseNow() + lease // timedelta(microseconds=1),
            )
            .returning(job)
        )
        .mappings()
        .first()
    )
    return from_row(row) if row else None


def _due(at: datetime, kinds: Collection[str], busy_destinations: Collection[str]) -> Any:
    now = to_microseconds(at)
    other = job.alias("other")
    waits = and_(
        job.c.state == JobState.QUEUED.value,
        or_(job.c.not_before <= now, job.c.not_before > to_microseconds(at + DELAY_MAX)),
    )
    forsaken = and_(job.c.state == JobState.RUNNING.value, job.c.lease_until < _DatabaseNow())
    runs_already = exists().where(
        other.c.subject == job.c.subject,
        other.c.id != job.c.id,
        other.c.state == JobState.RUNNING.value,
    )
    paused = exists().where(
        job_pause.c.kind.in_(["", job.c.kind]), job_pause.c.destination.in_(["", job.c.destination])
    )
    return (
        select(job.c.id)
        .where(
            or_(waits, forsaken),
            job.c.kind.in_(list(kinds)),
            job.c.destination.not_in(list(busy_destinations)),
            ~runs_already,
            ~paused,
        )
        .order_by(job.c.priority, job.c.id)
        .limit(1)
    )


def renew(connection: Connection, worker: str, lease: timedelta) -> None:
    """Inside a write: `worker` is still at everything it claimed."""
    connection.execute(
        update(job)
        .where(job.c.leased_by == worker, job.c.state == JobState.RUNNING.value)
        .values(lease_until=_DatabaseNow() + lease // timedelta(microseconds=1))
    )


def still_running(connection: Connection, claimed: Sequence[Job]) -> frozenset[str]:
    """The ids of those among `claimed` that nobody has cancelled or taken over."""
    ids = [one.id for one in claimed]
    statement = select(job.c.id, job.c.attempts, job.c.leased_by).where(
        job.c.id.in_(ids), job.c.state == JobState.RUNNING.value
    )
    found = {(row.id, row.attempts, row.leased_by) for row in connection.execute(statement)}
    return frozenset(one.id for one in claimed if (one.id, one.attempts, one.leased_by) in found)


def note(connection: Connection, claimed: Job, progress: Mapping[str, Any]) -> bool:
    """Inside a write: how far `claimed` is; False when it is no longer the caller's."""
    return _change(connection, claimed, progress=_json(progress))


def finish(connection: Connection, claimed: Job, at: datetime, progress: Mapping[str, Any]) -> bool:
    """Inside a write: it is done; False when it is no longer the caller's, whose work then was done twice."""
    return _change(
        connection,
        claimed,
        state=JobState.DONE.value,
        progress=_json(progress),
        last_error="",
        last_error_code="",
        lease_until=None,
        finished_at=to_microseconds(at),
    )


def put_off(
    connection: Connection, claimed: Job, not_before: datetime, why: Why, progress: Mapping[str, Any], failures: int
) -> bool:
    """Inside a write: it is to be done again from `not_before` on, unless another one of its subject waits already;
    False when it is no longer the caller's."""
    waits = exists().where(job.c.subject == claimed.subject, job.c.state == JobState.QUEUED.value)
    covered = claimed.subject is not None and connection.execute(select(waits)).scalar()
    return _change(
        connection,
        claimed,
        state=(JobState.SUPERSEDED if covered else JobState.QUEUED).value,
        progress=_json(progress),
        not_before=to_microseconds(not_before),
        last_error=why.words[:ERROR_CHARACTERS_MAX],
        last_error_code=why.code,
        failures=failures,
        lease_until=None,
        finished_at=to_microseconds(not_before) if covered else None,
    )


def give_up(connection: Connection, claimed: Job, at: datetime, why: Why, progress: Mapping[str, Any]) -> bool:
    """Inside a write: it is dead until a person looks at it; False when it is no longer the caller's."""
    return _change(
        connection,
        claimed,
        state=JobState.DEAD.value,
        progress=_json(progress),
        failures=claimed.failures + 1,
        last_error=why.words[:ERROR_CHARACTERS_MAX],
        last_error_code=why.code,
        lease_until=None,
        finished_at=to_microseconds(at),
    )


def _change(connection: Connection, claimed: Job, **values: Any) -> bool:
    fence = and_(
        job.c.id == claimed.id,
        job.c.state == JobState.RUNNING.value,
        job.c.attempts == claimed.attempts,
        job.c.leased_by == claimed.leased_by,
    )
    return bool(connection.execute(update(job).where(fence).values(**values)).rowcount)


def give_back_all(connection: Connection, at: datetime) -> int:
    """Inside a write: what a process that ended was at is due at once. Only for the sole user of the index."""
    rows = connection.execute(select(job).where(job.c.state == JobState.RUNNING.value)).mappings().all()
    for row in rows:
        claimed = from_row(row)
        put_off(connection, claimed, at, claimed.why, claimed.progress, claimed.failures)
    return len(rows)


def find(connection: Connection, identifier: str) -> Job | None:
    """The job with this id."""
    row = connection.execute(select(job).where(job.c.id == identifier)).mappings().one_or_none()
    return from_row(row) if row else None


def from_row(row: RowMapping) -> Job:
    """A row of the table as a value."""
    return Job(
        id=row["id"],
        kind=row["kind"],
        destination=row["destination"],
        subject=row["subject"],
        priority=Priority(row["priority"]),
        study_instance_uid=row["study_instance_uid"],
        payload=json.loads(row["payload"]) if row["payload"] else {},
        progress=json.loads(row["progress"]) if row["progress"] else {},
        state=JobState(row["state"]),
        attempts=row["attempts"],
        failures=row["failures"],
        not_before=from_microseconds(row["not_before"]),
        last_error=row["last_error"],
        created_at=from_microseconds(row["created_at"]),
        finished_at=from_microseconds(row["finished_at"]) if row["finished_at"] is not None else None,
        leased_by=row["leased_by"],
        last_error_code=row["last_error_code"],
    )


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
