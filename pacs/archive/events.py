"""The event log: rows of the transaction that caused them, read in order by followers with cursors of their own.

On PostgreSQL a number may be given and not be visible yet, so a row keeps its transaction's id and is read only when
every transaction that is older has ended.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal, select, text, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import BigInteger

from pacs.index.engine import Index
from pacs.index.schema import cursor, event
from pacs.index.upsert import upsert
from pacs.index.writer import Statement
from pacs.model import Event, EventKind, from_microseconds, to_microseconds

POLL_S = 1.0
PAGE = 500


class _TransactionId(ColumnElement[int]):
    """The running transaction's id where readers need it (PostgreSQL), else 0."""

    type = BigInteger()
    inherit_cache = True


@compiles(_TransactionId, "postgresql")
def _transaction_id_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


@compiles(_TransactionId)
def _transaction_id(element: Any, compiler: Any, **options: Any) -> str:
    return "0"


_COLUMNS = ("kind", "study_instance_uid", "series_instance_uid", "sop_instance_uid", "at", "payload")
_APPEND = Statement(
    insert(event).values({name: bindparam(name) for name in _COLUMNS} | {"transaction_id": _TransactionId()})
)
_LOCK = 0x5375_7265_7400_0001
_locked = select(func.pg_advisory_xact_lock(bindparam("lock", _LOCK, BigInteger)).label("held")).subquery("locked")
_APPEND_LOCKED = Statement(
    insert(event).from_select(
        [*_COLUMNS, "transaction_id"],
        select(
            *(bindparam(name, type_=event.c[name].type) for name in _COLUMNS),
            type_coerce(_TransactionId(), BigInteger),
        ).select_from(_locked),
    )
)
"""On PostgreSQL others write too. Whoever appends holds the others up until his commit, so that numbers are given in
the order in which they become readable: else one that is given early and committed late would be passed over."""


class EventLog:
    """Reads the log of one index; `append` and `move_cursor` run inside the caller's transaction."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._news = threading.Condition()
        self._signals = 0

    @staticmethod
    def append(
        connection: Connection,
        at: datetime,
        kind: EventKind,
        *,
        study_instance_uid: str = "",
        series_instance_uid: str = "",
        sop_instance_uid: str = "",
        payload: Mapping[str, object] | None = None,
    ) -> None:
        """Add an event to the caller's transaction: it exists exactly when the change exists."""
        (_APPEND if connection.dialect.name == "sqlite" else _APPEND_LOCKED).run(
            connection,
            {
                "kind": kind.value,
                "study_instance_uid": study_instance_uid,
                "series_instance_uid": series_instance_uid,
                "sop_instance_uid": sop_instance_uid,
                "at": to_microseconds(at),
                "payload": json.dumps(payload, separators=(",", ":")) if payload else "",
            },
        ).close()

    def announce(self) -> None:
        """Wake the followers of this process; called after a commit that appended."""
        with self._news:
            self._signals += 1
            self._news.notify_all()

    def latest(self) -> int:
        """The number of the newest event that `after` would give, 0 for an empty log."""
        with self._index.read() as connection:
            statement = select(func.coalesce(func.max(event.c.number), 0)).where(*self._readable())
            return int(connection.execute(statement).scalar_one())

    def after(
        self,
        number: int,
        limit: int = PAGE,
        *,
        kinds: Collection[EventKind] = (),
        studies: Collection[str] | None = None,
    ) -> list[Event]:
        """Events above `number` in order; none is ever skipped by a reader that goes on from the last it got.

        Only those of `kinds`, where there are any, and of `studies`, where they are given.
        """
        statement = select(event).where(event.c.number > number, *self._readable())
        if kinds:
            statement = statement.where(event.c.kind.in_([kind.value for kind in kinds]))
        if studies is not None:
            statement = statement.where(event.c.study_instance_uid.in_(sorted(studies)))
        statement = statement.order_by(event.c.number).limit(limit)
        with self._index.read() as connection:
            return [_event(row) for row in connection.execute(statement).mappings()]

    def _readable(self) -> list[ColumnElement[bool]]:
        if self._index.is_sqlite:
            return []
        return [event.c.transaction_id < text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")]

    def wait(self, after: int, timeout_s: float) -> list[Event]:
        """`after`, waiting up to `timeout_s` for the first: at once for this process, within a second for others."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._news:
                seen = self._signals
            found = self.after(after)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            with self._news:
                if self._signals == seen:
                    self._news.wait(min(left, POLL_S))

    def cursor(self, follower: str) -> int:
        """How far `follower` has come; 0 before its first move."""
        with self._index.read() as connection:
            found = connection.execute(select(cursor.c.number).where(cursor.c.follower == follower)).scalar()
        return int(found or 0)

    def has_cursor(self, follower: str) -> bool:
        """Whether `follower` has ever moved its cursor."""
        with self._index.read() as connection:
            return connection.execute(select(cursor.c.number).where(cursor.c.follower == follower)).first() is not None

    @staticmethod
    def move_cursor(connection: Connection, follower: str, number: int) -> None:
        """Record that `follower` has dealt with everything up to `number`, in the transaction of what it did."""
        statement = upsert(connection, cursor).values(follower=follower, number=number)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["follower"], set_={"number": literal(number)})
        )


def event_document(event: Event) -> dict[str, object]:
    """An event as other programs are told of it, by the change feed and by webhooks."""
    return {
        "number": event.number,
        "kind": event.kind.value,
        "study_instance_uid": event.study_instance_uid,
        "series_instance_uid": event.series_instance_uid,
        "sop_instance_uid": event.sop_instance_uid,
        "at": event.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "payload": event.payload,
    }


def _event(row: Any) -> Event:
    return Event(
        number=row["number"],
        kind=EventKind(row["kind"]),
        study_instance_uid=row["study_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        at=from_microseconds(row["at"]),
        payload=json.loads(row["payload"]) if row["payload"] else {},
    )
