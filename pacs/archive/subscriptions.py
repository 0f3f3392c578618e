"""Who watches workitems, and what they are to be told (PS3.4 CC.2.3 and CC.2.4).

A report is a row, written with the change it tells of; a job for each subscriber sends the rows in their order. Every
event is in the event log as well, for watchers that follow that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, literal, select, update

from pacs.archive import jobs
from pacs.archive.events import EventLog
from pacs.archive.jobs import NewJob
from pacs.dicom.keys import Document, Keys
from pacs.index.upsert import upsert
from pacs.index.worklists import subscription, workitem_report
from pacs.model import EventKind, to_microseconds

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"
ALL: Final = (GLOBAL, FILTERED)

REPORT_JOB: Final = "ups.report"
KEPT: Final = timedelta(days=7)
"""A report that could not be told for so long is no news any more."""

STATE, READINESS, PROGRESS = "00741000", "00404041", "00741002"
REASON, REASON_CODES = "00741238", "0074100E"
STATION_NAMES, HUMAN_PERFORMERS = "00404025", "00404034"
_PERFORMER_CODES, _ORGANISATION = "00404009", "00404036"


class EventType(IntEnum):
    """Event Type ID of N-EVENT-REPORT (Table CC.2.4-1)."""

    STATE = 1
    CANCEL_REQUESTED = 2
    PROGRESS = 3
    SCP_STATUS = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True)
class Report:
    """Something a subscriber is to be told."""

    number: int
    workitem: str
    event_type: EventType
    document: dict[str, Any]


# Who watches -------------------------------------------------------------------------------------------------------


def watch(connection: Connection, now: datetime, subscriber: str, uids: Iterable[str], *, lock: bool) -> list[str]:
    """Inside a write: subscribe to workitems, with or without a deletion lock; those that were not watched before."""
    fresh = []
    for uid in uids:
        known = connection.execute(
            update(subscription).where(_is(subscriber, uid)).values(deletion_lock=int(lock))
        ).rowcount
        if not known:
            _insert(connection, now, subscriber, uid, lock, "")
            fresh.append(uid)
    return fresh


def watch_all(connection: Connection, now: datetime, subscriber: str, keys: Document | None, *, lock: bool) -> None:
    """Inside a write: subscribe to what is still to be created, of it what meets `keys` where they are given."""
    uid = GLOBAL if keys is None else FILTERED
    connection.execute(delete(subscription).where(_is(subscriber, uid)))
    _insert(connection, now, subscriber, uid, lock, json.dumps(keys, ensure_ascii=False) if keys is not None else "")


def watch_created(connection: Connection, now: datetime, uid: str, document: Document) -> None:
    """Inside a write: a new workitem is watched by everybody who subscribed to all of its like (CC.2.3.3)."""
    rows = connection.execute(select(subscription).where(subscription.c.workitem.in_(ALL))).all()
    locks: dict[str, bool] = {}
    for row in rows:
        if not row.keys or Keys(json.loads(row.keys)).meets(document):
            locks[row.subscriber] = locks.get(row.subscriber, False) or bool(row.deletion_lock)
    for subscriber, lock in locks.items():
        watch(connection, now, subscriber, [uid], lock=lock)


def unwatch(connection: Connection, subscriber: str, uid: str) -> bool:
    """Inside a write: end a subscription and its lock; of a global one, to everything it brought. Whether there was
    one."""
    ended = connection.execute(delete(subscription).where(_is(subscriber, uid))).rowcount
    other = select(subscription.c.subscriber).where(
        subscription.c.subscriber == subscriber, subscription.c.workitem.in_(ALL)
    )
    if uid in ALL and connection.execute(other).first() is None:
        connection.execute(delete(subscription).where(subscription.c.subscriber == subscriber))
    return bool(ended)


def suspend(connection: Connection, subscriber: str, uid: str) -> None:
    """Inside a write: no new workitem is subscribed to any more; those that are watched already go on being so."""
    connection.execute(delete(subscription).where(_is(subscriber, uid)))


def watchers(connection: Connection, uid: str) -> list[str]:
    """Who is told of a workitem."""
    found = select(subscription.c.subscriber).where(subscription.c.workitem == uid).order_by(subscription.c.subscriber)
    return [str(subscriber) for subscriber in connection.execute(found).scalars()]


def _insert(connection: Connection, now: datetime, subscriber: str, uid: str, lock: bool, keys: str) -> None:
    values = {"subscriber": subscriber, "workitem": uid, "deletion_lock": int(lock), "keys": keys}
    statement = upsert(connection, subscription).values(**values, since=to_microseconds(now))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["subscriber", "workitem"], set_={"deletion_lock": literal(int(lock))}
        )
    )


def _is(subscriber: str, uid: str) -> Any:
    return (subscription.c.subscriber == subscriber) & (subscription.c.workitem == uid)


# What they are told ------------------------------------------------------------------------------------------------


def tell(
    connection: Connection, now: datetime, uid: str, event_type: EventType, document: Mapping[str, Any]
) -> list[str]:
    """Inside a write: report an event to everybody who watches the workitem; who they are."""
    payload = {"workitem": uid, "event_type": int(event_type), "state": _state(document)}
    EventLog.append(connection, now, EventKind.WORKITEM, sop_instance_uid=uid, payload=payload)
    told = watchers(connection, uid)
    for subscriber in told:
        tell_one(connection, now, subscriber, uid, event_type, document)
    return told


def tell_one(
    connection: Connection, now: datetime, subscriber: str, uid: str, event_type: EventType, document: Document
) -> None:
    """Inside a write: report an event to one subscriber."""
    old = (workitem_report.c.subscriber == subscriber, workitem_report.c.at < to_microseconds(now - KEPT))
    connection.execute(delete(workitem_report).where(*old))
    connection.execute(
        insert(workitem_report).values(
            subscriber=subscriber,
            workitem=uid,
            event_type=int(event_type),
            document=json.dumps(document, ensure_ascii=False, separators=(",", ":")),
            at=to_microseconds(now),
        )
    )
    jobs.add(connection, now, NewJob(REPORT_JOB, subscriber, {}, subject=f"{REPORT_JOB} {subscriber}"))


def tell_of_restart(connection: Connection, now: datetime) -> int:
    """Inside a write: tell everybody who watches anything that the node has started again with all it knew."""
    document = {
        "00741242": {"vr": "CS", "Value": ["RESTARTED"]},
        "00741244": {"vr": "CS", "Value": ["WARM START"]},
        "00741246": {"vr": "CS", "Value": ["WARM START"]},
    }
    subscribers = list(connection.execute(select(subscription.c.subscriber).distinct()).scalars())
    for subscriber in subscribers:
        tell_one(connection, now, subscriber, GLOBAL, EventType.SCP_STATUS, document)
    return len(subscribers)


def next_report(connection: Connection, subscriber: str) -> Report | None:
    """The oldest that `subscriber` is still to be told."""
    columns = workitem_report.c
    row = connection.execute(
        select(workitem_report).where(columns.subscriber == subscriber).order_by(columns.number).limit(1)
    ).first()
    if row is None:
        return None
    return Report(row.number, row.workitem, EventType(row.event_type), json.loads(row.document))


def told(connection: Connection, number: int) -> None:
    """Inside a write: a report has been taken, or refused by who was to take it."""
    connection.execute(delete(workitem_report).where(workitem_report.c.number == number))


def state_report(document: Document) -> dict[str, Any]:
    """What a state report says (Table CC.2.4-1)."""
    said = {tag: document[tag] for tag in (READINESS, STATE) if tag in document}
    progress = (document.get(PROGRESS) or {}).get("Value") or [{}]
    return said | {tag: progress[0][tag] for tag in (REASON, REASON_CODES) if tag in progress[0]}


def progress_report(document: Document) -> dict[str, Any]:
    """What a progress report says."""
    return {PROGRESS: document.get(PROGRESS, {"vr": "SQ"})}


def assignment_report(document: Document) -> dict[str, Any]:
    """What is said of who is to do it."""
    said: dict[str, Any] = {}
    if (document.get(STATION_NAMES) or {}).get("Value"):
        said[STATION_NAMES] = document[STATION_NAMES]
    performers = (document.get(HUMAN_PERFORMERS) or {}).get("Value") or []
    for performer in performers[:1]:
        said |= {tag: performer[tag] for tag in (_PERFORMER_CODES, _ORGANISATION) if tag in performer}
    return said


def _state(document: Document) -> str:
    values = (document.get(STATE) or {}).get("Value") or [""]
    return str(values[0])


def locked(connection: Connection, uids: Iterable[str]) -> set[str]:
    """Those of the workitems that a subscriber wants kept."""
    statement = select(subscription.c.workitem).where(
        subscription.c.workitem.in_(list(uids)), subscription.c.deletion_lock == 1
    )
    return set(connection.execute(statement).scalars())


def forget(connection: Connection, uids: Iterable[str]) -> None:
    """Inside a write: nobody watches these any more; they are gone."""
    connection.execute(delete(subscription).where(subscription.c.workitem.in_(list(uids))))
