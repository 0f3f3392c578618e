"""What an administrator sees of accounts beside the accounts: locks, sessions, tokens, what was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, distinct, func, select

from pacs.access.audit import AuditCode
from pacs.access.principals import PrincipalKind
from pacs.access.sessions import Sessions
from pacs.index.engine import Index
from pacs.index.schema import account, audit, token
from pacs.model import Clock, from_microseconds, to_microseconds

VIEWED_WITHIN: Final = timedelta(days=30)
_PERSONS: Final = (PrincipalKind.USER.value, PrincipalKind.TOKEN.value)


@dataclass(frozen=True, slots=True)
class Overview:
    """Of one account: until when signing in has to wait after failed attempts, how many sessions and tokens are good,
    when somebody last signed in with it, how many studies it has looked at in the last 30 days."""

    locked_until: datetime | None
    sessions: int
    tokens: int
    signed_in_at: datetime | None
    studies_viewed: int


class Overviews:
    """Overviews of the accounts in `index`."""

    def __init__(self, index: Index, clock: Clock, sessions: Sessions) -> None:
        self._index = index
        self._clock = clock
        self._sessions = sessions

    def all(self) -> Mapping[str, Overview]:
        """One for each account, by its name."""
        now = self._clock()
        with self._index.read() as connection:
            accounts = connection.execute(select(account.c.name, account.c.row, account.c.locked_until)).all()
            tokens = _by(connection, select(token.c.account_row, func.count()).group_by(token.c.account_row))
            names = [name for name, _, _ in accounts]
            viewed = _by(connection, _viewed(names, now - VIEWED_WITHIN))
            signed_in = _by(connection, _signed_in(names))
        return {
            name: Overview(
                from_microseconds(locked) if locked is not None and from_microseconds(locked) > now else None,
                len(self._sessions.of(name)),
                tokens.get(row, 0),
                from_microseconds(signed_in[name]) if name in signed_in else None,
                viewed.get(name, 0),
            )
            for name, row, locked in accounts
        }


def _viewed(names: Sequence[str], since: datetime) -> Select[Any]:
    columns = audit.c
    return (
        select(columns.principal_name, func.count(distinct(columns.study_instance_uid)))
        .where(
            columns.code == AuditCode.INSTANCES_ACCESSED,
            columns.principal_name.in_(names),
            columns.principal_kind.in_(_PERSONS),
            columns.at >= to_microseconds(since),
        )
        .group_by(columns.principal_name)
    )


def _signed_in(names: Sequence[str]) -> Select[Any]:
    columns = audit.c
    return (
        select(columns.principal_name, func.max(columns.at))
        .where(
            columns.code == AuditCode.USER_AUTHENTICATION,
            columns.action == "login",
            columns.principal_name.in_(names),
            columns.principal_kind == PrincipalKind.USER.value,
        )
        .group_by(columns.principal_name)
    )


def _by(connection: Connection, statement: Select[Any]) -> dict[Any, int]:
    return {key: int(value) for key, value in connection.execute(statement)}
