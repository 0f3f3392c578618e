"""Reading the audit trail: who did what, when, from where; that it was read is a record of its own (PS3.15 A.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, select

from pacs.access.audit import AuditCode, record
from pacs.access.principals import Principal
from pacs.errors import SettingsInvalid
from pacs.index.engine import Index
from pacs.index.schema import audit
from pacs.model import Clock, from_microseconds, to_microseconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: each of what is given has to hold. `since` counts in, `until` does not; `before` is the number of
    a record, for the page that follows it."""

    by: str = ""
    study_instance_uid: str = ""
    kinds: frozenset[AuditCode] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    only_failures: bool = False
    before: int | None = None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record. `kind` is the event identifier in words, `code` as PS3.15 A.5 has it."""

    number: int
    at: datetime
    kind: str
    code: str
    action: str
    outcome: str
    by: str
    by_kind: str
    address: str
    study_instance_uid: str
    detail: str


class Trail:
    """The audit trail in `index`."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def read(self, wanted: Wanted, limit: int, *, by: Principal) -> Sequence[AuditRecord]:
        """The newest `limit` records that are wanted, newest first; then says in the trail who read it."""
        statement = select(audit).where(and_(True, *_conditions(wanted))).order_by(audit.c.number.desc()).limit(limit)
        with self._index.read() as connection:
            found = [
                AuditRecord(
                    row.number,
                    from_microseconds(row.at),
                    kind_of(row.code),
                    row.code,
                    row.action,
                    row.outcome,
                    row.principal_name,
                    row.principal_kind,
                    row.address,
                    row.study_instance_uid,
                    row.detail,
                )
                for row in connection.execute(statement)
            ]
        self._index.write(
            lambda connection: record(
                connection,
                self._clock(),
                code=AuditCode.AUDIT_LOG_USED,
                action="audit trail read",
                principal=by,
                study_instance_uid=wanted.study_instance_uid,
                detail="1 record" if len(found) == 1 else f"{len(found)} records",
            )
        )
        return found


def kind_of(code: str) -> str:
    """The event identifier in words, as `pacs audit --kind` takes it; the code itself where it is none of ours."""
    return AuditCode(code).name.lower().replace("_", "-") if code in set(AuditCode) else code


def codes_of(kinds: Sequence[str]) -> frozenset[AuditCode]:
    """The event identifiers of `kinds`. Raises SettingsInvalid."""
    for kind in kinds:
        if kind not in KINDS:
            raise SettingsInvalid(f"kind {kind!r}: expected one of {', '.join(KINDS)}", "correct it and try again")
    return frozenset(KINDS[kind] for kind in kinds)


KINDS: Final = {kind_of(code): code for code in AuditCode}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    columns = audit.c
    given: list[tuple[bool, ColumnElement[bool]]] = [
        (bool(wanted.by), columns.principal_name == wanted.by),
        (bool(wanted.study_instance_uid), columns.study_instance_uid == wanted.study_instance_uid),
        (bool(wanted.kinds), columns.code.in_(sorted(wanted.kinds))),
        (wanted.since is not None, columns.at >= _at(wanted.since)),
        (wanted.until is not None, columns.at < _at(wanted.until)),
        (wanted.only_failures, columns.outcome != "success"),
        (wanted.before is not None, columns.number < (wanted.before or 0)),
    ]
    return [condition for is_given, condition in given if is_given]


def _at(moment: datetime | None) -> int:
    return to_microseconds(moment) if moment else 0
