"""What DICOM callers did lately: one row for each association or refusal, with its reason in plain words."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection, delete, func, insert, select

from pacs.index.engine import Index
from pacs.index.schema import peer_activity
from pacs.model import Clock, from_microseconds, to_microseconds

log = structlog.get_logger()

KEPT_PER_TITLE: Final = 200
KEPT_MAX: Final = 20_000
WAITING_MAX: Final = 1000
_FLUSH_EVERY_S: Final = 1.0


class Reason(StrEnum):
    """Why an association ended or did not come about; the viewer has each in its four languages."""

    RELEASED = "released"
    ABORTED = "aborted"
    LOST = "lost"
    STOPPED = "stopped"
    VIOLATION = "violation"
    FAILED = "failed"
    NO_TLS = "no_tls"
    UNSUPPORTED = "unsupported"
    CALLED_AE_TITLE = "called_ae_title"
    NOT_REGISTERED = "not_registered"
    OTHER_ADDRESS = "other_address"
    TLS_REQUIRED = "tls_required"
    OTHER_CERTIFICATE = "other_certificate"
    TOO_MANY = "too_many"
    TOO_MANY_FROM_ADDRESS = "too_many_from_address"
    TOO_MANY_FROM_TITLE = "too_many_from_title"
    STOPPING = "stopping"
    TROUBLE = "trouble"


WORDS: Final[Mapping[Reason, str]] = {
    Reason.RELEASED: "released",
    Reason.ABORTED: "aborted by the peer",
    Reason.LOST: "{cause}",
    Reason.STOPPED: "{cause}",
    Reason.VIOLATION: "the caller broke the protocol: {cause}",
    Reason.FAILED: "the node failed; see its log",
    Reason.NO_TLS: "{cause}",
    Reason.UNSUPPORTED: "{cause}",
    Reason.CALLED_AE_TITLE: "sent to AE title {called}; this node is {own}",
    Reason.NOT_REGISTERED: "AE title {calling} at {address} is not registered; allow it with `pacs ae add`",
    Reason.OTHER_ADDRESS: "AE title {calling} is registered at {host} and called from {address}",
    Reason.TLS_REQUIRED: "AE title {calling} has to call over TLS and did not",
    Reason.OTHER_CERTIFICATE: "AE title {calling} shows another certificate than the one that is registered",
    Reason.TOO_MANY: "as many associations as allowed are open ({limit})",
    Reason.TOO_MANY_FROM_ADDRESS: "as many associations as allowed are open from {address} ({limit})",
    Reason.TOO_MANY_FROM_TITLE: "as many associations as allowed are open from {calling} ({limit})",
    Reason.STOPPING: "the node is stopping",
    Reason.TROUBLE: "{cause}",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How an association ended: a reason, and what its words name."""

    reason: Reason
    details: Mapping[str, str]

    @classmethod
    def because(cls, reason: Reason, **details: object) -> Ending:
        """An ending with the details that the words of `reason` name."""
        return cls(reason, {name: str(value) for name, value in details.items()})

    def __str__(self) -> str:
        return WORDS[self.reason].format_map(self.details)


@dataclass(frozen=True, slots=True)
class Activity:
    """One association or refusal. `counts` are answers by operation and outcome, such as ``store_succeeded``;
    `last_refusal` is the status and comment of the last operation that was refused, in English."""

    at: datetime
    ae_title: str
    address: str
    accepted: bool
    ending: Ending
    seconds: float
    counts: Mapping[str, int]
    last_refusal: str


class Activities:
    """The log in `index`: kept to KEPT_PER_TITLE entries for each title and KEPT_MAX in all."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self.clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Activity] = deque(maxlen=WAITING_MAX)
        self._flushed_at = 0.0

    def note(self, activity: Activity) -> None:
        """Keep an entry. Never waits for the index: a flood of callers costs one write a second."""
        with self._lock:
            self._waiting.append(activity)
            due = time.monotonic() - self._flushed_at >= _FLUSH_EVERY_S
        if due and not self._index.broken:
            waiting = self._take()
            self._index.submit(lambda connection: _write(connection, waiting)).add_done_callback(
                lambda done: log.warning("activity_not_written", entries=len(waiting)) if done.exception() else None
            )

    def latest(self, ae_title: str | None = None, limit: int = 50) -> Sequence[Activity]:
        """The newest entries, of one title or of all."""
        self.flush()
        columns = peer_activity.c
        found = select(peer_activity).order_by(columns.row.desc()).limit(limit)
        if ae_title is not None:
            found = found.where(columns.ae_title == ae_title)
        with self._index.read() as connection:
            return [_activity(row) for row in connection.execute(found)]

    def flush(self) -> None:
        """Write what is waiting; what was submitted before is then in the index too."""
        waiting = self._take()
        self._index.write(lambda connection: _write(connection, waiting))

    def _take(self) -> list[Activity]:
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
            self._flushed_at = time.monotonic()
        return waiting


def _write(connection: Connection, activities: Sequence[Activity]) -> None:
    columns = peer_activity.c
    for activity in activities:
        connection.execute(
            insert(peer_activity).values(
                at=to_microseconds(activity.at),
                ae_title=activity.ae_title,
                address=activity.address,
                accepted=int(activity.accepted),
                reason=activity.ending.reason.value,
                details=msgspec.json.encode(activity.ending.details).decode(),
                seconds=activity.seconds,
                counts=msgspec.json.encode(activity.counts).decode(),
                last_refusal=activity.last_refusal,
            )
        )
    for title in {activity.ae_title for activity in activities}:
        of_title = select(columns.row).where(columns.ae_title == title).order_by(columns.row.desc())
        last = of_title.offset(KEPT_PER_TITLE).limit(1).scalar_subquery()
        connection.execute(delete(peer_activity).where(columns.ae_title == title, columns.row <= last))
    newest = select(func.max(columns.row)).scalar_subquery()
    connection.execute(delete(peer_activity).where(columns.row <= newest - KEPT_MAX))


def _activity(row: Any) -> Activity:
    return Activity(
        from_microseconds(row.at),
        row.ae_title,
        row.address,
        bool(row.accepted),
        Ending(Reason(row.reason), msgspec.json.decode(row.details)),
        row.seconds,
        msgspec.json.decode(row.counts),
        row.last_refusal,
    )
