"""Taking objects out of sight, bringing them back, and at last erasing them: the acts, inside the write.

What is deleted stays as it is, without a place in the index, until its time to be undone is over; then its rows go,
and the objects after them, by the way of everything that no row names. Of each a tombstone stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, literal, or_, select, update
from ulid import ULID

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.principals import Principal
from pacs.archive import amendments, levels
from pacs.archive.events import EventLog
from pacs.archive.tombstones import HIDDEN_STATE, NOTE, DeletionKind, missing, throw_away
from pacs.errors import AlreadyThere, Gone, NotFound
from pacs.index.deletions import deletion, rejection, tombstone
from pacs.index.schema import IS_LIVE, NOT_LIVE, garbage, instance, series, study
from pacs.model import EventKind, GarbageReason, InstanceState, from_microseconds, to_microseconds

AT_ONCE = 500
_VISIBLE = (InstanceState.LIVE.value, InstanceState.CONFLICT.value, InstanceState.SUPERSEDED.value)


EVENTS: Mapping[str, EventKind] = {
    DeletionKind.DELETED: EventKind.OBJECTS_DELETED,
    DeletionKind.REJECTED: EventKind.OBJECTS_REJECTED,
}


@dataclass(frozen=True, slots=True)
class Deletion:
    """One act that took objects out of sight. An empty series or instance UID: more than one.

    `undo_until` None: kept until somebody has it erased. `instances` counts what it took out of sight.
    """

    id: str
    kind: DeletionKind
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    code: str
    reason: str
    note_uid: str
    principal_kind: str
    principal_name: str
    instances: int
    at: datetime
    undo_until: datetime | None
    restored_at: datetime | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be taken out of sight in one study, and why."""

    kind: DeletionKind
    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    code: str = ""
    reason: str = ""
    note_uid: str = ""


# Out of sight --------------------------------------------------------------------------------------------------


def take_away(
    connection: Connection,
    wanted: Wanted,
    *,
    by: Principal,
    at: datetime,
    undo_until: datetime | None,
    only: Sequence[str] | None = None,
) -> str:
    """Inside a write: take what is `wanted` out of sight, with event and audit; the id of the deletion.

    `only` are the SOP Instance UIDs where they are not all. Raises NotFound where there is nothing, unless it is a
    rejection, which also holds for what has not come yet.
    """
    moment = to_microseconds(at)
    study_row = connection.execute(
        select(study.c.row).where(study.c.study_instance_uid == wanted.study_instance_uid).with_for_update()
    ).scalar()
    series_rows = [] if study_row is None else _series_rows(connection, wanted, study_row)
    scopes = _scopes(wanted, series_rows, only)
    found = sum(_count(connection, scope) for scope in scopes)
    if not found and wanted.kind is DeletionKind.DELETED:
        raise missing(connection, wanted.study_instance_uid, wanted.series_instance_uid, wanted.sop_instance_uid)
    identifier = str(ULID.from_datetime(at))
    connection.execute(
        insert(deletion).values(
            id=identifier,
            kind=wanted.kind.value,
            study_instance_uid=wanted.study_instance_uid,
            series_instance_uid=wanted.series_instance_uid,
            sop_instance_uid=wanted.sop_instance_uid,
            code=wanted.code,
            reason=wanted.reason,
            note_uid=wanted.note_uid,
            principal_kind=by.kind.value,
            principal_name=by.name,
            instances=found,
            levels=json.dumps(levels.save(connection, study_row, series_rows) if study_row is not None else {}),
            at=moment,
            undo_until=None if undo_until is None else to_microseconds(undo_until),
        )
    )
    for scope in scopes:
        _hide(connection, identifier, wanted.kind, scope)
    remains = study_row is not None and levels.recount(connection, study_row, series_rows, moment)
    _tell(connection, EVENTS[wanted.kind], at, wanted, by, identifier, found, study_remains=remains)
    return identifier


def _series_rows(connection: Connection, wanted: Wanted, study_row: int) -> list[int]:
    statement = select(series.c.row).where(series.c.study_row == study_row)
    if wanted.series_instance_uid:
        statement = statement.where(series.c.series_instance_uid == wanted.series_instance_uid)
    return list(connection.execute(statement).scalars())


def _scopes(wanted: Wanted, series_rows: list[int], only: Sequence[str] | None) -> list[ColumnElement[bool]]:
    """Conditions on `instance` that meet every object once; several where many are named one by one."""
    held = [
        NOT_LIVE,  # the condition of the index that serves this
        instance.c.state.in_(_VISIBLE[1:]),
        instance.c.study_instance_uid == wanted.study_instance_uid,
    ]
    if wanted.series_instance_uid:
        held.append(instance.c.series_instance_uid == wanted.series_instance_uid)
    scope = or_(and_(IS_LIVE, instance.c.series_row.in_(series_rows)), and_(*held))
    if only is None:
        only = [wanted.sop_instance_uid] if wanted.sop_instance_uid else None
    if only is None:
        return [scope]
    pages = (only[start : start + AT_ONCE] for start in range(0, len(only), AT_ONCE))
    return [and_(scope, instance.c.sop_instance_uid.in_(page)) for page in pages]


def _count(connection: Connection, scope: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(instance).where(scope)).scalar_one())


def _hide(connection: Connection, identifier: str, kind: DeletionKind, scope: ColumnElement[bool]) -> None:
    columns = ["object_key", "deletion_id", "study_instance_uid", "series_instance_uid", "sop_instance_uid", "state"]
    values = [literal(identifier) if name == "deletion_id" else instance.c[name] for name in columns]
    connection.execute(insert(tombstone).from_select(columns, select(*values).where(scope)))
    hidden = select(tombstone.c.object_key).where(tombstone.c.deletion_id == identifier)
    connection.execute(
        update(instance)
        .where(instance.c.object_key.in_(hidden))
        .values(state=HIDDEN_STATE[kind].value, series_row=None)
    )


# And back ------------------------------------------------------------------------------------------------------


def restore(connection: Connection, identifier: str, *, by: Principal, at: datetime) -> None:
    """Inside a write: bring back what a deletion took away.

    What came again meanwhile keeps its place: the same content goes, other content is kept beside it as a conflict
    version. What another rejection names too stays out of sight. Raises NotFound, AlreadyThere, Gone.
    """
    moment = to_microseconds(at)
    amendments.alone(connection, sharing=True)  # what was corrected meanwhile holds for what comes back
    row = _close(connection, identifier, "restored_at", moment)
    connection.execute(delete(rejection).where(rejection.c.deletion_id == identifier))
    saved = json.loads(row.levels)
    _hand_over(connection, identifier, saved)
    back = _tombs(connection, identifier)
    if back:
        _make_visible(connection, saved, back, moment)
    kind = DeletionKind(row.kind)
    wanted = Wanted(kind, row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)
    _tell(connection, EventKind.OBJECTS_RESTORED, at, wanted, by, identifier, len(back), study_remains=True)


def _close(connection: Connection, identifier: str, column: str, moment: int) -> Any:
    closed = connection.execute(
        update(deletion)
        .where(deletion.c.id == identifier, deletion.c.restored_at.is_(None), deletion.c.erased_at.is_(None))
        .values({column: moment})
        .returning(*deletion.c)
    ).one_or_none()
    if closed is not None:
        return closed
    row = connection.execute(select(deletion).where(deletion.c.id == identifier)).one_or_none()
    if row is None:
        raise no_such_deletion(identifier)
    if row.erased_at is not None:
        raise Gone("it is erased already", "send it again from its source", "already_erased")
    raise AlreadyThere("it is restored already", code="already_restored")


def no_such_deletion(identifier: str) -> NotFound:
    return NotFound(f"there is no deletion {identifier[:64]}", "`pacs deletions` lists them", "deletion_unknown")


def _tombs(connection: Connection, identifier: str) -> Sequence[Any]:
    """What can come back of a deletion, in the order of arrival: tombstones with what tells contents apart."""
    return connection.execute(
        select(
            tombstone.c.object_key,
            tombstone.c.series_instance_uid,
            tombstone.c.sop_instance_uid,
            tombstone.c.state,
            tombstone.c.levels,
            instance.c.row,
            instance.c.dataset_sha256,
            instance.c.transfer_syntax_uid,
        )
        .join(instance, instance.c.object_key == tombstone.c.object_key)
        .where(tombstone.c.deletion_id == identifier, tombstone.c.state != NOTE)
        .order_by(tombstone.c.object_key)
    ).all()


def _hand_over(connection: Connection, identifier: str, saved: levels.Saved) -> None:
    """What another rejection names too belongs to that one from now on, with what is known of it."""
    other = (
        select(func.min(rejection.c.deletion_id))
        .where(rejection.c.sop_instance_uid == tombstone.c.sop_instance_uid)
        .correlate(tombstone)
        .scalar_subquery()
    )
    taken = connection.execute(
        update(tombstone)
        .where(tombstone.c.deletion_id == identifier, tombstone.c.state != NOTE, other.is_not(None))
        .values(deletion_id=other)
        .returning(tombstone.c.object_key, tombstone.c.series_instance_uid, tombstone.c.levels)
    ).all()
    for object_key, series_instance_uid, known in taken:
        if not known:
            known = json.dumps(levels.only_series(saved, series_instance_uid))
            connection.execute(update(tombstone).where(tombstone.c.object_key == object_key).values(levels=known))
        connection.execute(
            update(instance).where(instance.c.object_key == object_key).values(state=InstanceState.REJECTED.value)
        )


def _make_visible(connection: Connection, saved: levels.Saved, back: Sequence[Any], moment: int) -> None:
    saved = levels.together([saved, *(json.loads(tomb.levels) for tomb in back if tomb.levels)])
    study_row, series_rows = levels.give_back(connection, saved, moment)
    known = _live_now(connection, [tomb.sop_instance_uid for tomb in back])
    for tomb in back:
        content = (tomb.dataset_sha256, tomb.transfer_syntax_uid)
        meets = known.get(tomb.sop_instance_uid)
        if meets == content:  # the same came again: one of them is enough
            connection.execute(delete(instance).where(instance.c.row == tomb.row))
            throw_away(connection, tomb.object_key, GarbageReason.DUPLICATE, moment, tomb.dataset_sha256)
            continue
        state = InstanceState(tomb.state)
        if state is InstanceState.LIVE and meets is not None:
            state = InstanceState.CONFLICT
        place = series_rows[tomb.series_instance_uid] if state is InstanceState.LIVE else None
        if place is not None:
            known[tomb.sop_instance_uid] = content
        connection.execute(
            update(instance).where(instance.c.row == tomb.row).values(state=state.value, series_row=place)
        )
    keys = [tomb.object_key for tomb in back]
    for start in range(0, len(keys), AT_ONCE):
        connection.execute(delete(tombstone).where(tombstone.c.object_key.in_(keys[start : start + AT_ONCE])))
    if levels.recount(connection, study_row, series_rows.values(), moment):
        amendments.apply(connection, study_row, moment)


def _live_now(connection: Connection, uids: Sequence[str]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    columns = (instance.c.sop_instance_uid, instance.c.dataset_sha256, instance.c.transfer_syntax_uid)
    for start in range(0, len(uids), AT_ONCE):
        statement = select(*columns).where(
            instance.c.sop_instance_uid.in_(uids[start : start + AT_ONCE]),
            IS_LIVE,
        )
        found |= {row[0]: (row[1], row[2]) for row in connection.execute(statement)}
    return found


# Erased --------------------------------------------------------------------------------------------------------


def erase(connection: Connection, identifier: str, *, by: Principal, at: datetime) -> int:
    """Inside a write: give up the rows of a deletion and leave its objects to the remover; how many objects.

    Rows first: at no instant does one name an object that is gone. Raises NotFound, AlreadyThere (it was restored),
    Gone (it is erased).
    """
    moment = to_microseconds(at)
    row = _close(connection, identifier, "erased_at", moment)
    count = _give_up(connection, identifier, moment)
    wanted = Wanted(DeletionKind(row.kind), row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)
    _tell(connection, EventKind.OBJECTS_ERASED, at, wanted, by, identifier, count, study_remains=None)
    return count


def _give_up(connection: Connection, identifier: str, moment: int) -> int:
    mine = and_(tombstone.c.deletion_id == identifier, tombstone.c.erased == 0)
    columns = ["object_key", "reason", "since", "dataset_sha256"]
    values = (tombstone.c.object_key, literal(GarbageReason.ERASED.value), literal(moment), literal(""))
    count = connection.execute(insert(garbage).from_select(columns, select(*values).where(mine))).rowcount
    rows_given_up = instance.c.object_key.in_(select(tombstone.c.object_key).where(mine))
    copies = select(instance.c.dataset_sha256).where(rows_given_up)
    connection.execute(  # else a rebuild would take one of them for the only one
        update(garbage)
        .where(garbage.c.reason == GarbageReason.DUPLICATE, garbage.c.dataset_sha256.in_(copies))
        .values(reason=GarbageReason.ERASED.value)
    )
    connection.execute(delete(instance).where(rows_given_up))
    of_studies = select(tombstone.c.study_instance_uid).where(tombstone.c.deletion_id == identifier).distinct()
    connection.execute(update(tombstone).where(mine).values(erased=1, levels=""))
    connection.execute(update(deletion).where(deletion.c.id == identifier).values(levels="{}"))  # a person's name, too
    for uid in {row.study_instance_uid for row in connection.execute(of_studies)}:
        if not _is_anything_left(connection, uid):
            amendments.forget_study(connection, uid)
    return count


def _is_anything_left(connection: Connection, study_instance_uid: str) -> bool:
    """Whether the study has an instance, in sight or out of it."""
    if connection.execute(select(study.c.row).where(study.c.study_instance_uid == study_instance_uid)).first():
        return True
    states = [state.value for state in InstanceState if state is not InstanceState.LIVE]
    out_of_sight = (NOT_LIVE, instance.c.state.in_(states), instance.c.study_instance_uid == study_instance_uid)
    return connection.execute(select(instance.c.row).where(*out_of_sight).limit(1)).first() is not None


def due(connection: Connection, at: datetime, most: int) -> list[str]:
    """Deletions whose time to be undone is over at `at`."""
    over = select(deletion.c.id).where(
        deletion.c.erased_at.is_(None),
        deletion.c.restored_at.is_(None),
        deletion.c.undo_until <= to_microseconds(at),
    )
    return list(connection.execute(over.order_by(deletion.c.undo_until).limit(most)).scalars())


def deletion_of(row: Any) -> Deletion:
    """A row of `deletion` as a value."""
    values = {name: value for name, value in row._mapping.items() if name != "levels"}
    for name in ("at", "undo_until", "restored_at", "erased_at"):
        values[name] = None if values[name] is None else from_microseconds(values[name])
    return Deletion(**{**values, "kind": DeletionKind(values["kind"])})


def _tell(
    connection: Connection,
    kind: EventKind,
    at: datetime,
    wanted: Wanted,
    by: Principal,
    identifier: str,
    instances: int,
    *,
    study_remains: bool | None,
) -> None:
    payload: dict[str, object] = {"deletion": identifier, "instances": instances}
    if wanted.code:
        payload["code"] = wanted.code
    if study_remains is not None:
        payload["study_remains"] = study_remains
    EventLog.append(
        connection,
        at,
        kind,
        study_instance_uid=wanted.study_instance_uid,
        series_instance_uid=wanted.series_instance_uid,
        sop_instance_uid=wanted.sop_instance_uid,
        payload=payload,
    )
    audit.record(
        connection,
        at,
        code=AuditCode.STUDY_DELETED,
        action=kind.value.partition(".")[2],
        principal=by,
        study_instance_uid=wanted.study_instance_uid,
        detail=f"{identifier} {wanted.series_instance_uid} {wanted.sop_instance_uid} {wanted.code}".strip(),
    )
