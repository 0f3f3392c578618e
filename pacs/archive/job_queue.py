"""The queue of jobs as a whole, for people and monitors: listed, counted, paused, retried, cancelled, forgotten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, select, update

from pacs.archive.jobs import OPEN_STATES, OVER_STATES, Job, JobState, find, from_row
from pacs.index.schema import job, job_pause
from pacs.index.upsert import upsert
from pacs.model import from_microseconds, to_microseconds


def retry(connection: Connection, at: datetime, identifier: str) -> bool:
    """Inside a write: do a dead, cancelled or waiting job now, as if it had never failed; False when it is none, or
    another one of its subject waits."""
    found = find(connection, identifier)
    if found is None or found.state not in (JobState.DEAD, JobState.CANCELLED, JobState.QUEUED):
        return False
    other = and_(job.c.subject == found.subject, job.c.state == JobState.QUEUED.value, job.c.id != found.id)
    if found.subject is not None and connection.execute(select(job.c.id).where(other)).first() is not None:
        return False
    connection.execute(
        update(job)
        .where(job.c.id == identifier)
        .values(state=JobState.QUEUED.value, not_before=to_microseconds(at), failures=0, finished_at=None)
    )
    return True


def hasten(connection: Connection, at: datetime, identifier: str) -> None:
    """Inside a write: what a waiting job waits for has come."""
    waits = and_(job.c.id == identifier, job.c.state == JobState.QUEUED.value)
    connection.execute(update(job).where(waits).values(not_before=to_microseconds(at)))


def cancel(connection: Connection, at: datetime, identifier: str) -> bool:
    """Inside a write: end it; one that runs stops within a second or two. False when it is over already."""
    ends = and_(job.c.id == identifier, job.c.state.in_([*OPEN_STATES, JobState.DEAD]))
    values = {"state": JobState.CANCELLED.value, "lease_until": None, "finished_at": to_microseconds(at)}
    return bool(connection.execute(update(job).where(ends).values(values)).rowcount)


def pause(connection: Connection, at: datetime, kind: str = "", destination: str = "") -> None:
    """Inside a write: begin no more jobs of `kind` for `destination`; "" stands for every one. What runs goes on."""
    statement = upsert(connection, job_pause).values(kind=kind, destination=destination, since=to_microseconds(at))
    connection.execute(statement.on_conflict_do_nothing(index_elements=["kind", "destination"]))


def resume(connection: Connection, kind: str = "", destination: str = "") -> bool:
    """Inside a write: take back exactly that pause; False when there is none."""
    same = and_(job_pause.c.kind == kind, job_pause.c.destination == destination)
    return bool(connection.execute(delete(job_pause).where(same)).rowcount)


def pauses(connection: Connection) -> list[tuple[str, str, datetime]]:
    """Kind, destination and beginning of every pause."""
    rows = connection.execute(select(job_pause).order_by(job_pause.c.kind, job_pause.c.destination))
    return [(row.kind, row.destination, from_microseconds(row.since)) for row in rows]


def listing(
    connection: Connection,
    *,
    states: Collection[JobState] = (),
    kind: str = "",
    destination: str = "",
    study_instance_uid: str = "",
    limit: int = 100,
) -> list[Job]:
    """The newest jobs that meet every condition given."""
    statement = select(job).order_by(job.c.id.desc()).limit(limit)
    if states:
        statement = statement.where(job.c.state.in_([state.value for state in states]))
    for column, wanted in (
        (job.c.kind, kind),
        (job.c.destination, destination),
        (job.c.study_instance_uid, study_instance_uid),
    ):
        if wanted:
            statement = statement.where(column == wanted)
    return [from_row(row) for row in connection.execute(statement).mappings()]


def figures(connection: Connection, at: datetime) -> dict[str, float]:
    """How many jobs are in each state, how many of those that wait have failed before, and how long the oldest that
    is due has waited, in seconds."""
    counts = {state.value: 0.0 for state in JobState}
    for state, number in connection.execute(select(job.c.state, func.count()).group_by(job.c.state)):
        counts[str(state)] = float(number)
    waiting = job.c.state == JobState.QUEUED.value
    now = to_microseconds(at)
    retried = connection.execute(select(func.count()).where(waiting, job.c.failures > 0)).scalar_one()
    oldest = connection.execute(select(func.min(job.c.not_before)).where(waiting, job.c.not_before <= now)).scalar()
    return {**counts, "failed_before": float(retried), "oldest_due_seconds": (now - oldest) / 1e6 if oldest else 0.0}


def forget(connection: Connection, before: datetime) -> int:
    """Inside a write: remove what ended before then and is not dead."""
    over = job.c.state.in_([state.value for state in OVER_STATES])
    return connection.execute(delete(job).where(over, job.c.finished_at < to_microseconds(before))).rowcount
