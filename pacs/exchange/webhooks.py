"""Who else is told of what happens: registered addresses, and the jobs that bring them the event log in order.

Each has a position of its own in the log, which moves only when its address has taken what lies before it. So nothing
is lost however long it is away, and what it is told twice has the same number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, delete, select, update

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.outbound import OutboundFailed, OutboundRefused, Policy, check_url, post
from pacs.access.principals import Principal
from pacs.access.signatures import new_secret, signed_headers
from pacs.archive import jobs
from pacs.archive.archive import Archive
from pacs.archive.events import event_document
from pacs.archive.jobs import NewJob
from pacs.archive.runner import JobFailed, Kind, Task
from pacs.errors import AlreadyThere, NotFound, NotPermitted, SettingsInvalid
from pacs.index.feeds import webhook
from pacs.model import Event, EventKind, from_microseconds, to_microseconds

log = structlog.get_logger()

WEBHOOK_JOB: Final = "webhook"
EVENTS_AT_ONCE = 100
GONE = 410

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered address; no `kinds`: it is told of everything."""

    id: str
    url: str
    secret: str
    kinds: tuple[EventKind, ...]
    position: int
    disabled: bool
    created_at: datetime


class Webhooks:
    """The registered addresses of one node. Every change is audited in its own transaction."""

    def __init__(self, archive: Archive, *, allow_loopback: bool) -> None:
        self._archive = archive
        self._allow_loopback = allow_loopback

    def add(self, identifier: str, url: str, kinds: Sequence[str], *, by: Principal) -> str:
        """Register an address, which is told of what happens from now on; its secret, shown this once.

        Raises NotPermitted, SettingsInvalid, AddressRefused, AlreadyThere.
        """
        _require(by)
        if not _ID.fullmatch(identifier):
            raise SettingsInvalid(f"{identifier[:64]!r} is no id of a webhook", "use letters, digits and . _ -")
        unknown = sorted(set(kinds) - set(EventKind))
        if unknown:
            raise SettingsInvalid(f"there are no events {', '.join(unknown)}", f"there are {', '.join(EventKind)}")
        check_url(url, allow_loopback=self._allow_loopback)
        secret, latest = new_secret(), self._archive.events.latest()

        def work(connection: Connection) -> None:
            if connection.execute(select(webhook.c.id).where(webhook.c.id == identifier)).first() is not None:
                raise AlreadyThere(f"there is a webhook {identifier} already", "remove it first, or choose another id")
            values = {"url": url, "secret": secret, "kinds": ",".join(kinds), "position": latest}
            at = to_microseconds(self._archive.clock())
            connection.execute(webhook.insert().values(id=identifier, created_at=at, **values))
            self._audit(connection, "webhook registered", by, f"{identifier} {url}")

        self._archive.index.write(work)
        return secret

    def remove(self, identifier: str, *, by: Principal) -> None:
        """Tell it no more. Raises NotPermitted, NotFound."""
        _require(by)

        def work(connection: Connection) -> None:
            if not connection.execute(delete(webhook).where(webhook.c.id == identifier)).rowcount:
                raise NotFound(f"there is no webhook {identifier[:64]}", "`pacs webhook list` shows them")
            self._audit(connection, "webhook removed", by, identifier)

        self._archive.index.write(work)

    def listing(self) -> list[Webhook]:
        """Every one by id."""
        with self._archive.index.read() as connection:
            return [_webhook(row) for row in connection.execute(select(webhook).order_by(webhook.c.id))]

    def orders(self, events: Sequence[Event]) -> list[Callable[[Connection], object]]:
        """What is to be done in the transaction that moves over `events`: a job for each address that is to hear."""
        kinds = {event.kind for event in events}
        at = self._archive.clock()
        return [
            _order(one.id, at) for one in self.listing() if not one.disabled and (not one.kinds or kinds & {*one.kinds})
        ]

    def _audit(self, connection: Connection, action: str, by: Principal, detail: str) -> None:
        audit.record(
            connection,
            self._archive.clock(),
            code=AuditCode.APPLICATION_ACTIVITY,
            action=action,
            principal=by,
            detail=detail,
        )


class WebhookJobs:
    """Brings each address what it has not heard, a page of events a message."""

    def __init__(self, archive: Archive, policy: Policy) -> None:
        self._archive = archive
        self._policy = policy

    def kinds(self) -> list[Kind]:
        """What the runner is given."""
        return [Kind(WEBHOOK_JOB, self.tell)]

    def tell(self, task: Task) -> None:
        """Send every event that waits for the job's address. Raises JobFailed, JobOver."""
        while True:
            task.check()
            one = self._registered(task.job.destination)
            if one is None or one.disabled:
                return
            reached = self._archive.events.latest()
            events = self._archive.events.after(one.position, EVENTS_AT_ONCE, kinds=one.kinds)
            if events:
                self._send(one, events)
            if len(events) == EVENTS_AT_ONCE:
                reached = events[-1].number
            self._move(one.id, max([reached, *(event.number for event in events)]))
            if len(events) < EVENTS_AT_ONCE:
                return

    def _send(self, one: Webhook, events: Sequence[Event]) -> None:
        now = self._archive.clock()
        body = json.dumps(
            {"webhook": one.id, "changes": [event_document(event) for event in events]}, separators=(",", ":")
        ).encode()
        headers = signed_headers(one.secret, f"msg_{one.id}_{events[0].number}_{events[-1].number}", now, body)
        try:
            answer = post(one.url, body, headers, self._policy)
        except (OutboundRefused, OutboundFailed) as error:
            raise JobFailed(str(error), "unreachable") from None
        if answer.status == GONE:
            self._archive.index.write(
                lambda connection: connection.execute(update(webhook).where(webhook.c.id == one.id).values(disabled=1))
            )
            log.warning("webhook_disabled", webhook=one.id, status=answer.status)
            raise JobFailed(
                f"{one.url} answered {GONE}: it wants no more and is told no more", "answered", attempts_max=1
            )
        if not 200 <= answer.status < 300:
            raise JobFailed(f"{one.url} answered {answer.status}", "answered")

    def _registered(self, identifier: str) -> Webhook | None:
        with self._archive.index.read() as connection:
            row = connection.execute(select(webhook).where(webhook.c.id == identifier)).one_or_none()
        return _webhook(row) if row is not None else None

    def _move(self, identifier: str, position: int) -> None:
        self._archive.index.write(
            lambda connection: connection.execute(
                update(webhook)
                .where(webhook.c.id == identifier, webhook.c.position < position)
                .values(position=position)
            )
        )


def _order(identifier: str, at: datetime) -> Callable[[Connection], object]:
    new = NewJob(WEBHOOK_JOB, identifier, {}, subject=f"{WEBHOOK_JOB} {identifier}")
    return lambda connection: jobs.add(connection, at, new)


def _webhook(row: Any) -> Webhook:
    kinds = tuple(EventKind(kind) for kind in row.kinds.split(",") if kind)
    created_at = from_microseconds(row.created_at)
    return Webhook(row.id, row.url, row.secret, kinds, row.position, bool(row.disabled), created_at)


def _require(by: Principal) -> None:
    if not may(by, Action.MANAGE_ARCHIVE):
        raise NotPermitted(f"{by.name} may not manage webhooks", "ask an administrator")
