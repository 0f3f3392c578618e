"""Workitems: the Unified Procedure Step as a state machine over one table (PS3.4 Annex CC), whatever wire asks.

SCHEDULED → IN PROGRESS → COMPLETED or CANCELED. Whoever claims a workitem invents its Transaction UID, which from then
on is the key to it and is never given back. What an operation comes to is a status of the standard: `Outcome` where
something was done, OperationRefused where nothing was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, TypeVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, insert, select, tuple_, update

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.principals import Principal
from pacs.archive import subscriptions
from pacs.archive.archive import Archive
from pacs.archive.subscriptions import ALL, FILTERED, PROGRESS, REASON, REASON_CODES, STATE, EventType
from pacs.archive.workitem_rules import (
    CANCELED,
    COMPLETED,
    IN_PROGRESS,
    MODIFIED,
    SCHEDULED,
    TRANSACTION_UID,
    Status,
    check_changes,
    final_state_lacks,
    made,
    refused,
)
from pacs.dicom.keys import Document, Keys, first
from pacs.dicom.uids import valid_uid
from pacs.errors import OperationRefused
from pacs.index.abandonment import Abandoned, Abandonment
from pacs.index.worklists import workitem
from pacs.model import to_microseconds

T = TypeVar("T")

PAGE_ROWS: Final = 500
KEPT: Final = timedelta(days=30)
"""How long a workitem that has ended is kept where no subscriber has a lock on it."""
REMOVED_AT_ONCE: Final = 200

_CANCELLED_AT: Final = "00404052"
_UNSPECIFIED: Final = {
    "00080100": {"vr": "SH", "Value": ["110513"]},
    "00080102": {"vr": "SH", "Value": ["DCM"]},
    "00080104": {"vr": "LO", "Value": ["Discontinued for unspecified reason"]},
}
_OF_A_REQUEST: Final = (REASON, REASON_CODES, "0074100A", "0074100C")
_COLUMNS: Final = {"priority": "00741200", "label": "00741202", "patient_id": "00100020", "start": "00404005"}
_ALIKE: Final = {"state": STATE, **{column: _COLUMNS[column] for column in ("priority", "label", "patient_id")}}


class Outcome(IntEnum):
    """What an operation came to, as a DIMSE status (Tables CC.2.1-2 to CC.2.6-1)."""

    DONE = 0x0000
    CREATED_WITH_MODIFICATIONS = 0xB300
    ALREADY_CANCELED = 0xB304
    ALREADY_COMPLETED = 0xB306


class Workitems:
    """The workitems of one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    # Making and changing -----------------------------------------------------------------------------------------

    def create(self, sop_instance_uid: str, attributes: Document, *, by: Principal) -> str:
        """Schedule a workitem (CC.2.5); its UID, made here where none is given. Raises OperationRefused."""
        if sop_instance_uid in ALL:
            raise refused(Status.DUPLICATE_INSTANCE, "this UID stands for subscriptions")
        if sop_instance_uid and not valid_uid(sop_instance_uid):
            raise refused(Status.INVALID_INSTANCE, "the SOP Instance UID is malformed")
        uid = sop_instance_uid or f"2.25.{uuid4().int}"
        document = made(uid, attributes, _moment(self._archive.clock()))

        def work(connection: Connection, now: datetime) -> OperationRefused | None:
            if connection.execute(select(workitem.c.state).where(workitem.c.sop_instance_uid == uid)).first():
                return refused(Status.DUPLICATE_INSTANCE, "a workitem with this UID exists already")
            at = to_microseconds(now)
            values = {"sop_instance_uid": uid, "state": SCHEDULED, "created_at": at, "changed_at": at}
            connection.execute(insert(workitem).values(**values, **_columns(document)))
            self._audit(connection, now, uid, "created", by)
            subscriptions.watch_created(connection, now, uid, document)
            subscriptions.tell(connection, now, uid, EventType.STATE, subscriptions.state_report(document))
            if assigned := subscriptions.assignment_report(document):
                subscriptions.tell(connection, now, uid, EventType.ASSIGNED, assigned)
            return None

        self._write(work)
        return uid

    def update(self, uid: str, changes: Document, *, by: Principal) -> Outcome:
        """Change attributes, by its performer alone once it is claimed (CC.2.6). Raises OperationRefused."""
        changes = dict(changes)
        transaction_uid = first({TRANSACTION_UID: changes.pop(TRANSACTION_UID, {})}, TRANSACTION_UID)

        def work(connection: Connection, now: datetime) -> OperationRefused | None:
            row = _row(connection, uid)
            if row.state in (COMPLETED, CANCELED):
                return refused(Status.NO_LONGER_UPDATED, "the workitem has ended and may no longer be updated")
            if row.state == SCHEDULED and transaction_uid:
                return refused(Status.NOT_IN_PROGRESS, "the workitem is not in progress; leave the Transaction UID out")
            if row.state == IN_PROGRESS and transaction_uid != row.transaction_uid:
                return refused(Status.WRONG_TRANSACTION_UID, "the workitem is locked with another Transaction UID")
            known: dict[str, Any] = json.loads(row.document)
            check_changes(known, changes)
            document = self._store(connection, now, uid, {**known, **changes})
            self._audit(connection, now, uid, "updated", by)
            for event_type, report in _news(known, document):
                subscriptions.tell(connection, now, uid, event_type, report)
            return None

        self._write(work)
        return Outcome.DONE

    def change_state(self, uid: str, state: str, transaction_uid: str, *, by: Principal) -> Outcome:
        """Claim it, or end it (CC.2.1, Table CC.1.1-2). Raises OperationRefused."""
        if uid in ALL:
            raise refused(Status.NOT_APPROPRIATE, "a subscription has no state")

        def work(connection: Connection, now: datetime) -> OperationRefused | Outcome:
            row = _row(connection, uid)
            met = _transition(row, state, transaction_uid)
            if met is not None:
                return met
            document: dict[str, Any] = json.loads(row.document)
            if state == IN_PROGRESS:
                claim = {"transaction_uid": transaction_uid, "performer": by.name}
                connection.execute(update(workitem).where(workitem.c.sop_instance_uid == uid).values(claim))
            elif lacking := final_state_lacks(document, state):
                return refused(Status.FINAL_STATE_NOT_MET, f"before it is {state} it needs a value", lacking)
            self._move(connection, now, uid, document, state, by)
            return Outcome.DONE

        return self._write(work)

    def request_cancel(self, uid: str, attributes: Document, *, by: Principal) -> Outcome:
        """Ask that it be cancelled: done at once while nobody has claimed it, else the watchers are told (CC.2.2).

        Raises OperationRefused.
        """
        if uid in ALL:
            raise refused(Status.NOT_APPROPRIATE, "a subscription is not cancelled; unsubscribe")
        said = {tag: attributes[tag] for tag in _OF_A_REQUEST if tag in attributes}

        def work(connection: Connection, now: datetime) -> OperationRefused | Outcome:
            row = _row(connection, uid)
            if row.state == CANCELED:
                return Outcome.ALREADY_CANCELED
            if row.state == COMPLETED:
                return refused(Status.ALREADY_COMPLETED, "the workitem is completed already")
            document: dict[str, Any] = json.loads(row.document)
            if row.state == SCHEDULED:
                document = self._move(connection, now, uid, document, IN_PROGRESS, by)
                self._move(connection, now, uid, {**document, PROGRESS: _given_up(document, said, now)}, CANCELED, by)
                return Outcome.DONE
            report = {**said, "00741236": {"vr": "AE", "Value": [by.name[:16]]}}
            if not subscriptions.tell(connection, now, uid, EventType.CANCEL_REQUESTED, report):
                return refused(Status.NOBODY_TO_TELL, "nobody watches the workitem who could be told")
            self._audit(connection, now, uid, "cancel requested", by)
            return Outcome.DONE

        return self._write(work)

    def _move(
        self, connection: Connection, now: datetime, uid: str, document: Document, state: str, by: Principal
    ) -> dict[str, Any]:
        moved = self._store(connection, now, uid, {**document, STATE: {"vr": "CS", "Value": [state]}})
        ended = to_microseconds(now) if state in (COMPLETED, CANCELED) else None
        connection.execute(
            update(workitem).where(workitem.c.sop_instance_uid == uid).values(state=state, ended_at=ended)
        )
        self._audit(connection, now, uid, state, by)
        subscriptions.tell(connection, now, uid, EventType.STATE, subscriptions.state_report(moved))
        return moved

    def _store(self, connection: Connection, now: datetime, uid: str, document: Document) -> dict[str, Any]:
        kept = {**document, MODIFIED: {"vr": "DT", "Value": [_moment(now)]}}
        values = {**_columns(kept), "changed_at": to_microseconds(now)}
        connection.execute(update(workitem).where(workitem.c.sop_instance_uid == uid).values(values))
        return kept

    # Watching ----------------------------------------------------------------------------------------------------

    def subscribe(
        self, uid: str, subscriber: str, *, lock: bool, keys: Document | None = None, by: Principal
    ) -> Outcome:
        """Have `subscriber` told of a workitem, of all there are and will be, or of those that meet `keys` (CC.2.3).

        Raises OperationRefused, and QueryRefused for keys that are not understood.
        """
        if uid == FILTERED and not keys:
            raise refused(Status.INVALID_ARGUMENT, "the filtered subscription needs keys")
        understood = Keys(keys or {})

        def work(connection: Connection, now: datetime) -> OperationRefused | None:
            if uid not in ALL:
                _row(connection, uid)
                self._begin(connection, now, subscriber, [uid], lock)
            else:
                subscriptions.watch_all(connection, now, subscriber, keys if uid == FILTERED else None, lock=lock)
                self._begin(connection, now, subscriber, _meeting(connection, understood), lock)
            self._audit(connection, now, uid, f"subscribed {subscriber}", by)
            return None

        self._write(work)
        return Outcome.DONE

    def _begin(self, connection: Connection, now: datetime, subscriber: str, uids: list[str], lock: bool) -> None:
        """Whoever begins to watch is told how things are."""
        for fresh in subscriptions.watch(connection, now, subscriber, uids, lock=lock):
            report = subscriptions.state_report(json.loads(_row(connection, fresh).document))
            subscriptions.tell_one(connection, now, subscriber, fresh, EventType.STATE, report)

    def unsubscribe(self, uid: str, subscriber: str, *, by: Principal) -> Outcome:
        """Tell `subscriber` no more, and take its deletion lock away. Raises OperationRefused."""

        def work(connection: Connection, now: datetime) -> None:
            if uid not in ALL:
                _row(connection, uid)
            subscriptions.unwatch(connection, subscriber, uid)
            self._audit(connection, now, uid, f"unsubscribed {subscriber}", by)

        self._write(work)
        return Outcome.DONE

    def suspend(self, uid: str, subscriber: str, *, by: Principal) -> Outcome:
        """Subscribe `subscriber` to no new workitem any more. Raises OperationRefused."""
        if uid not in ALL:
            raise refused(Status.NOT_APPROPRIATE, "only a global subscription is suspended")

        def work(connection: Connection, now: datetime) -> None:
            subscriptions.suspend(connection, subscriber, uid)
            self._audit(connection, now, uid, f"suspended {subscriber}", by)

        self._write(work)
        return Outcome.DONE

    # Looking -----------------------------------------------------------------------------------------------------

    def get(self, uid: str) -> dict[str, Any]:
        """One workitem as it is, without its Transaction UID. Raises OperationRefused."""
        with self._archive.index.read() as connection:
            document: dict[str, Any] = json.loads(_row(connection, uid, lock=False).document)
        return document

    def was_there(self, uid: str) -> bool:
        """Whether a workitem that is not there any more once was."""
        statement = select(workitem.c.state).where(workitem.c.sop_instance_uid == uid, workitem.c.document == "")
        with self._archive.index.read() as connection:
            return connection.execute(statement).first() is not None

    def matching(
        self, document: Document, keys: Keys, abandoned: Abandonment | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every workitem that meets `keys`, which are read from `document`, the oldest first. Raises Abandoned after a
        page once `abandoned` says that nobody waits any more."""
        after: tuple[int, str] | None = None
        while True:
            with self._archive.index.read() as connection:
                page = _page(connection, _conditions(document), after)
            for row in page:
                found: dict[str, Any] = json.loads(row.document)
                if keys.meets(found):
                    yield found
            if len(page) < PAGE_ROWS:
                return
            if abandoned is not None and abandoned():
                raise Abandoned
            after = (page[-1].created_at, page[-1].sop_instance_uid)

    # By itself ---------------------------------------------------------------------------------------------------

    def remove_ended(self) -> int:
        """Delete what ended long ago and nobody has a lock on; how many."""
        before = to_microseconds(self._archive.clock() - KEPT)

        def due(connection: Connection) -> list[str]:
            statement = (
                select(workitem.c.sop_instance_uid)
                .where(workitem.c.ended_at < before, workitem.c.document != "")
                .order_by(workitem.c.ended_at)
                .limit(REMOVED_AT_ONCE)
            )
            uids = [str(uid) for uid in connection.execute(statement).scalars()]
            kept = subscriptions.locked(connection, uids)
            return [uid for uid in uids if uid not in kept]

        with self._archive.index.read() as connection:
            if not due(connection):
                return 0

        def work(connection: Connection) -> int:
            uids = due(connection)
            connection.execute(update(workitem).where(workitem.c.sop_instance_uid.in_(uids)).values(document=""))
            subscriptions.forget(connection, uids)
            return len(uids)

        return self._archive.index.write(work)

    def tell_of_restart(self) -> int:
        """Tell every subscriber that the node is there again (CC.2.4); how many."""
        now = self._archive.clock()
        return self._archive.index.write(lambda connection: subscriptions.tell_of_restart(connection, now))

    def _write(self, work: Callable[[Connection, datetime], OperationRefused | T]) -> T:
        """`work` in one transaction, which is undone where it gives or raises a refusal."""
        now = self._archive.clock()

        def refusing(connection: Connection) -> T:
            came = work(connection, now)
            if isinstance(came, OperationRefused):
                raise came
            return came

        came = self._archive.index.write(refusing)
        self._archive.events.announce()
        return came

    def _audit(self, connection: Connection, now: datetime, uid: str, what: str, by: Principal) -> None:
        audit.record(
            connection,
            now,
            code=AuditCode.PROCEDURE_RECORD,
            action="workitem",
            principal=by,
            detail=f"{uid} {what}",
        )


def _row(connection: Connection, uid: str, *, lock: bool = True) -> Any:
    """Inside a write, or without `lock`. Raises OperationRefused where there is no such workitem, or none any more."""
    statement = select(workitem).where(workitem.c.sop_instance_uid == uid)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None or not row.document:
        raise refused(Status.UNKNOWN_INSTANCE, "there is no such workitem here")
    return row


def _transition(row: Any, state: str, transaction_uid: str) -> OperationRefused | Outcome | None:
    """What Table CC.1.1-2 says of asking for `state`; None where it may be."""
    if state == SCHEDULED:
        return refused(Status.ONLY_CREATED_SCHEDULED, "only N-CREATE makes a workitem SCHEDULED")
    if not transaction_uid:
        return refused(Status.WRONG_TRANSACTION_UID, "the Transaction UID is missing")
    if state == IN_PROGRESS:
        if row.state == IN_PROGRESS:
            return refused(Status.ALREADY_IN_PROGRESS, "somebody has claimed it already")
        ended = row.state in (COMPLETED, CANCELED)
        return refused(Status.NO_LONGER_UPDATED, "the workitem has ended") if ended else None
    if row.state == SCHEDULED:
        return refused(Status.NOT_IN_PROGRESS, "the workitem is not in progress yet")
    if transaction_uid != row.transaction_uid:
        return refused(Status.WRONG_TRANSACTION_UID, "the workitem is locked with another Transaction UID")
    if row.state == state:
        return Outcome.ALREADY_CANCELED if state == CANCELED else Outcome.ALREADY_COMPLETED
    if row.state != IN_PROGRESS:
        return refused(Status.NO_LONGER_UPDATED, f"the workitem is {row.state}")
    return None


def _given_up(document: Document, said: Document, now: datetime) -> dict[str, Any]:
    """Progress information of a workitem that was cancelled before anybody claimed it."""
    item = dict(((document.get(PROGRESS) or {}).get("Value") or [{}])[0])
    item |= {tag: said[tag] for tag in (REASON, REASON_CODES) if (said.get(tag) or {}).get("Value")}
    item.setdefault(REASON_CODES, {"vr": "SQ", "Value": [_UNSPECIFIED]})
    item[_CANCELLED_AT] = {"vr": "DT", "Value": [_moment(now)]}
    return {"vr": "SQ", "Value": [dict(sorted(item.items()))]}


def _news(known: Document, document: Document) -> Iterator[tuple[EventType, dict[str, Any]]]:
    """What an update makes worth telling (CC.2.4.3)."""
    for event_type, report in (
        (EventType.STATE, subscriptions.state_report),
        (EventType.PROGRESS, subscriptions.progress_report),
        (EventType.ASSIGNED, subscriptions.assignment_report),
    ):
        said = report(document)
        if said and said != report(known):
            yield event_type, said


def _meeting(connection: Connection, keys: Keys) -> list[str]:
    found: list[str] = []
    after: tuple[int, str] | None = None
    while True:
        page = _page(connection, [], after)
        found += [str(row.sop_instance_uid) for row in page if keys.meets(json.loads(row.document))]
        if len(page) < PAGE_ROWS:
            return found
        after = (page[-1].created_at, page[-1].sop_instance_uid)


def _page(connection: Connection, conditions: list[ColumnElement[bool]], after: tuple[int, str] | None) -> list[Any]:
    columns = workitem.c
    order = (columns.created_at, columns.sop_instance_uid)
    statement = select(*order, columns.document).where(columns.document != "", *conditions)
    if after is not None:
        statement = statement.where(tuple_(*order) > tuple_(*after))
    return list(connection.execute(statement.order_by(*order).limit(PAGE_ROWS)).all())


def _conditions(document: Document) -> list[ColumnElement[bool]]:
    """What the database can tell already: keys of one value without wildcard."""
    found = []
    for column, tag in _ALIKE.items():
        values = (document.get(tag) or {}).get("Value") or []
        if len(values) == 1 and isinstance(values[0], str) and values[0] and not set("*?\\") & set(values[0]):
            found.append(workitem.c[column] == values[0].strip())
    return found


def _columns(document: Document) -> dict[str, str]:
    values = {column: first(document, tag) for column, tag in _COLUMNS.items()}
    ordered = dict(sorted(document.items()))
    return {**values, "document": json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))}


def _moment(now: datetime) -> str:
    """A DT with its offset from UTC."""
    return f"{now:%Y%m%d%H%M%S}.{now.microsecond:06}{now:%z}"
