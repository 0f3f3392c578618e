"""Tasks: one row for each time that a rule asks a service about a study, and how it moves from state to state.

pending → dispatched → accepted → succeeded | failed | rejected; dead: never delivered in time; expired: no result in
time; superseded: the study changed since. The last six are final. A row is claimed under a lease; the number of
attempts is the fence: whoever comes back after its lease ended finds another number and changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, or_, select, update
from ulid import ULID

from pacs.index.schema import ai_task
from pacs.index.upsert import upsert
from pacs.model import to_microseconds


class TaskState(StrEnum):
    """Where a task is."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    DEAD = "dead"


OPEN_STATES = (TaskState.PENDING, TaskState.DISPATCHED, TaskState.ACCEPTED)
UNDELIVERED = (TaskState.PENDING, TaskState.DISPATCHED)


@dataclass(frozen=True, slots=True)
class Task:
    """A row of `ai_task`. `input` is what the service is told about the study; `attempts` doubles as the fence."""

    id: str
    rule_id: str
    service_id: str
    study_instance_uid: str
    revision: int
    state: TaskState
    attempts: int
    expires_at: int
    input: dict[str, Any]
    result_sha256: str
    last_error: str


def idempotency_key(rule_id: str, service_id: str, study_instance_uid: str, revision: int, purpose: str) -> str:
    """The same question about the same study is asked once."""
    parts = (rule_id, service_id, study_instance_uid, str(revision), purpose)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def add(
    connection: Connection,
    at: datetime,
    *,
    rule_id: str,
    service_id: str,
    study_instance_uid: str,
    revision: int,
    expires_at: datetime,
    task_input: dict[str, Any],
) -> str | None:
    """Inside a write: make a task, unless it was made before; gives its id. Older revisions of it are superseded."""
    identifier = str(ULID.from_datetime(at))
    key = idempotency_key(rule_id, service_id, study_instance_uid, revision, task_input["purpose"])
    made = connection.execute(
        upsert(connection, ai_task)
        .values(
            id=identifier,
            idempotency_key=key,
            rule_id=rule_id,
            service_id=service_id,
            study_instance_uid=study_instance_uid,
            revision=revision,
            state=TaskState.PENDING,
            not_before=to_microseconds(at),
            expires_at=to_microseconds(expires_at),
            input=json.dumps(task_input, ensure_ascii=False),
            created_at=to_microseconds(at),
        )
        .on_conflict_do_nothing(index_elements=["idempotency_key"])
        .returning(ai_task.c.id)
    ).first()
    return identifier if made is not None else None


def supersede(connection: Connection, at: datetime, newer: str) -> list[str]:
    """Inside a write: end the open tasks that asked the same of an older revision than task `newer`; their ids."""
    task = connection.execute(select(ai_task).where(ai_task.c.id == newer)).mappings().one()
    same = and_(*[ai_task.c[name] == task[name] for name in ("rule_id", "service_id", "study_instance_uid")])
    return _end(
        connection, at, TaskState.SUPERSEDED, and_(same, ai_task.c.revision < task["revision"], _in(OPEN_STATES))
    )


def end_overdue(connection: Connection, at: datetime) -> dict[TaskState, list[str]]:
    """Inside a write: end what is past its time. Undelivered tasks are dead, delivered ones expired; their ids."""
    late = ai_task.c.expires_at <= to_microseconds(at)
    return {
        TaskState.DEAD: _end(connection, at, TaskState.DEAD, and_(late, _in(UNDELIVERED))),
        TaskState.EXPIRED: _end(connection, at, TaskState.EXPIRED, and_(late, ai_task.c.state == TaskState.ACCEPTED)),
    }


def any_overdue(connection: Connection, at: datetime) -> bool:
    """Whether `end_overdue` would end anything."""
    late = select(ai_task.c.id).where(_in(OPEN_STATES), ai_task.c.expires_at <= to_microseconds(at))
    return connection.execute(late.limit(1)).first() is not None


def next_due(connection: Connection, at: datetime, busy_services: Collection[str]) -> Task | None:
    """The task to deliver next, none of a service in `busy_services`."""
    now = to_microseconds(at)
    statement = (
        select(ai_task)
        .where(
            _in(UNDELIVERED),
            ai_task.c.not_before <= now,
            ai_task.c.expires_at > now,
            ai_task.c.result_sha256 == "",
            or_(ai_task.c.lease_until.is_(None), ai_task.c.lease_until <= now),
            ai_task.c.service_id.not_in(list(busy_services)),
        )
        .order_by(ai_task.c.not_before, ai_task.c.id)
        .limit(1)
    )
    row = connection.execute(statement).mappings().first()
    return from_row(row) if row else None


def claim(connection: Connection, due: Task, at: datetime, lease: timedelta) -> Task | None:
    """Inside a write: take `due` for one delivery; None when somebody else was first."""
    row = (
        connection.execute(
            update(ai_task)
            .where(ai_task.c.id == due.id, ai_task.c.attempts == due.attempts, _in(UNDELIVERED))
            .values(state=TaskState.DISPATCHED, attempts=due.attempts + 1, lease_until=to_microseconds(at + lease))
            .returning(ai_task)
        )
        .mappings()
        .first()
    )
    return from_row(row) if row else None


def delivered(connection: Connection, task: Task) -> None:
    """Inside a write: the service has taken the task. A result may have come first; then nothing changes."""
    _after_delivery(connection, task, state=TaskState.ACCEPTED, lease_until=None, last_error="")


def not_delivered(connection: Connection, task: Task, not_before: datetime, why: str) -> None:
    """Inside a write: deliver it again, from `not_before` on."""
    _after_delivery(
        connection,
        task,
        state=TaskState.PENDING,
        lease_until=None,
        not_before=to_microseconds(not_before),
        last_error=why[:500],
    )


def _after_delivery(connection: Connection, task: Task, **values: Any) -> None:
    connection.execute(
        update(ai_task)
        .where(
            ai_task.c.id == task.id,
            ai_task.c.attempts == task.attempts,
            ai_task.c.state == TaskState.DISPATCHED,
            ai_task.c.result_sha256 == "",
        )
        .values(**values)
    )


def give_back_leases(connection: Connection) -> None:
    """Inside a write: deliveries of a process that ended are due at once. Only for the sole user of the index."""
    connection.execute(
        update(ai_task).where(ai_task.c.state == TaskState.DISPATCHED).values(state=TaskState.PENDING, lease_until=None)
    )


def find(connection: Connection, identifier: str) -> Task | None:
    """The task with this id."""
    row = connection.execute(select(ai_task).where(ai_task.c.id == identifier)).mappings().one_or_none()
    return from_row(row) if row else None


def series_asked(
    connection: Connection, rule_id: str, service_id: str, study_instance_uid: str
) -> list[frozenset[str]]:
    """The series of every earlier task of this rule, service and study."""
    statement = select(ai_task.c.input).where(
        ai_task.c.rule_id == rule_id,
        ai_task.c.service_id == service_id,
        ai_task.c.study_instance_uid == study_instance_uid,
    )
    found = connection.execute(statement).scalars()
    return [frozenset(series["series_uid"] for series in json.loads(text)["series"]) for text in found]


def counts(connection: Connection) -> dict[str, int]:
    """How many tasks are in each state."""
    statement = select(ai_task.c.state, func.count()).group_by(ai_task.c.state)
    return {str(state): int(number) for state, number in connection.execute(statement)}


def from_row(row: RowMapping) -> Task:
    """A row of the table as a value."""
    return Task(
        id=row["id"],
        rule_id=row["rule_id"],
        service_id=row["service_id"],
        study_instance_uid=row["study_instance_uid"],
        revision=row["revision"],
        state=TaskState(row["state"]),
        attempts=row["attempts"],
        expires_at=row["expires_at"],
        input=json.loads(row["input"]),
        result_sha256=row["result_sha256"],
        last_error=row["last_error"],
    )


def _in(states: Collection[TaskState]) -> Any:
    return ai_task.c.state.in_([state.value for state in states])


def _end(connection: Connection, at: datetime, state: TaskState, where: Any) -> list[str]:
    statement = update(ai_task).where(where).values(state=state, lease_until=None, finished_at=to_microseconds(at))
    return list(connection.execute(statement.returning(ai_task.c.id)).scalars())
