"""Sessions of people in a browser: opaque secrets in a cookie, everything about them in the index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection, delete, insert, or_, select, update

from pacs.access.accounts import Account, account_named
from pacs.access.audit import AuditCode, record
from pacs.access.credentials import SECRET_CHARACTERS_MAX, ShortMemory, digest, new_secret
from pacs.access.principals import Principal, PrincipalKind, Role
from pacs.errors import ArrivalRefused
from pacs.index.engine import Index
from pacs.index.schema import account, session
from pacs.model import Clock, from_microseconds, to_microseconds

log = structlog.get_logger()

COOKIE = "__Host-suret"
COOKIE_PLAIN = "suret"
"""The name where the cookie cannot be Secure: plain HTTP, which is meant for loopback."""

SEEN_EVERY = timedelta(minutes=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is good now; it ends at `ends_at` unless it is used before that."""

    principal: Principal
    must_change_password: bool
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One of a person's sessions as they see it; `current`: the one that asks."""

    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    current: bool


class Sessions:
    """The sessions of one node, from any thread. They end after `idle` without a request and after `longest` at all."""

    def __init__(self, index: Index, clock: Clock, *, idle: timedelta, longest: timedelta) -> None:
        self._index = index
        self._clock = clock
        self._idle = idle
        self.longest = longest
        self._found = ShortMemory(self._look_up, clock)
        self._unwritten: dict[str, datetime] = {}

    def open(self, owner: Account, *, replaces: str = "") -> str:
        """A new session's secret; the session of the secret `replaces`, and every session past its time, ends."""
        secret, now = new_secret(), self._clock()

        def work(connection: Connection) -> None:
            connection.execute(
                delete(session).where(
                    or_(
                        session.c.secret_sha256 == (digest(replaces) if replaces else ""),
                        session.c.expires_at <= to_microseconds(now),
                        session.c.seen_at <= to_microseconds(now - self._idle),
                    )
                )
            )
            connection.execute(
                insert(session).values(
                    secret_sha256=digest(secret),
                    account_row=owner.row,
                    created_at=to_microseconds(now),
                    seen_at=to_microseconds(now),
                    expires_at=to_microseconds(now + self.longest),
                )
            )

        self._index.write(work)
        self._found.forget()
        return secret

    def authenticate(self, secret: str, address: str = "", *, used: bool = True, wait: bool = True) -> Session | None:
        """The session of `secret`; None when there is none (any more). `used` False leaves its idle time running.

        With `wait` False only an answer of the last second is given, which never blocks.
        """
        if not secret or len(secret) > SECRET_CHARACTERS_MAX:
            return None
        secret_sha256, now = digest(secret), self._clock()
        found = self._found(secret_sha256) if wait else self._found.peek(secret_sha256)
        if found is None or now >= found.ends_at:
            return None
        if used and now - found.seen_at >= SEEN_EVERY:
            if not wait:
                return None
            self._note_seen(secret_sha256, now)
        return replace(found, principal=found.principal.at(address))

    def _note_seen(self, secret_sha256: str, now: datetime) -> None:
        """A session goes on also where its use cannot be written, on a full disk: it is kept in mind until then."""
        seen = update(session).where(session.c.secret_sha256 == secret_sha256)
        try:
            self._index.write(lambda connection: connection.execute(seen.values(seen_at=to_microseconds(now))).close())
        except ArrivalRefused as refused:
            log.warning("session_use_not_written", error=refused.message)
            self._unwritten[secret_sha256] = now
        else:
            self._unwritten.pop(secret_sha256, None)
        self._found.forget()

    def end(self, secret: str, by: Principal) -> None:
        """End the session of `secret`; nothing happens when there is none."""

        def work(connection: Connection) -> None:
            ended = connection.execute(delete(session).where(session.c.secret_sha256 == digest(secret))).rowcount
            if ended:
                record(connection, self._clock(), code=AuditCode.USER_AUTHENTICATION, action="logout", principal=by)

        self._index.write(work)
        self._found.forget()

    def of(self, name: str, current: str = "") -> list[OwnSession]:
        """The sessions of the account `name` that are good now, the newest use first; `current` is a secret."""
        now, current_sha256 = self._clock(), digest(current) if current else ""
        statement = (
            select(session)
            .join(account, session.c.account_row == account.c.row)
            .where(
                account.c.name == name,
                session.c.expires_at > to_microseconds(now),
                session.c.seen_at > to_microseconds(now - self._idle),
            )
            .order_by(session.c.seen_at.desc())
        )
        with self._index.read() as connection:
            rows = connection.execute(statement).mappings().all()
        return [
            OwnSession(
                from_microseconds(row["created_at"]),
                from_microseconds(row["seen_at"]),
                min(from_microseconds(row["seen_at"]) + self._idle, from_microseconds(row["expires_at"])),
                row["secret_sha256"] == current_sha256,
            )
            for row in rows
        ]

    def end_all(self, name: str, by: Principal, *, but: str = "") -> int:
        """End every session of the account `name` but that of the secret `but`; gives their number.

        Raises AccountUnknown.
        """

        def work(connection: Connection) -> int:
            owner = account_named(connection, name)
            kept = digest(but) if but else ""
            ended = delete(session).where(session.c.account_row == owner.row, session.c.secret_sha256 != kept)
            number = int(connection.execute(ended).rowcount)
            record(
                connection,
                self._clock(),
                code=AuditCode.USER_AUTHENTICATION,
                action="sessions ended",
                principal=by,
                detail=f"{name} {number}",
            )
            return number

        number = self._index.write(work)
        self._found.forget()
        return number

    def forget(self) -> None:
        """Look everything up again; called after an account was changed."""
        self._found.forget()

    def _look_up(self, secret_sha256: str) -> Session | None:
        statement = (
            select(session, account.c.name, account.c.role, account.c.must_change_password)
            .join(account, session.c.account_row == account.c.row)
            .where(session.c.secret_sha256 == secret_sha256, account.c.disabled == 0)
        )
        with self._index.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        seen_at = max(from_microseconds(row["seen_at"]), self._unwritten.get(secret_sha256, _NEVER))
        return Session(
            Principal(PrincipalKind.USER, row["name"], frozenset({Role(row["role"])})),
            bool(row["must_change_password"]),
            seen_at,
            min(seen_at + self._idle, from_microseconds(row["expires_at"])),
        )
