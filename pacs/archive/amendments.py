"""Corrections as they show in the index, inside a write: rows of patients, studies and series say what was corrected,
keep what the objects themselves say, and go back to it when the correction is undone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, func, insert, or_, select, update

from pacs.archive import patients, standing
from pacs.archive.rows import ATTRIBUTES, columns, demographics, identity
from pacs.archive.standing import OTHER_IDS, CorrectionKind, CorrectionLevel, Standing, applied
from pacs.attributes import Level
from pacs.index.corrections import corrected_study, correction
from pacs.index.schema import patient, series, study

Values = dict[str, str]

_BORROWED = "borrowed"
"""Marks what a row says of a patient of whom no object has told yet: only others' studies were given to them."""

_WITHIN = (CorrectionLevel.SERIES, CorrectionLevel.INSTANCE)

CORRECTIONS_LOCK = 0x5375726574


def alone(connection: Connection, *, sharing: bool = False) -> None:
    """Hold off other processes on the same database until the transaction ends: a new study must not slip past a
    correction that is being made. `sharing` with others that only apply them."""
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock_shared if sharing else func.pg_advisory_xact_lock
        connection.execute(select(lock(CORRECTIONS_LOCK)))


def apply(connection: Connection, study_row: int, at: int, arrived: Mapping[str, str] | None = None) -> bool:
    """Have the study, its series and its patient say what the standing corrections make of them; whether anything
    changed. `arrived` are the values of the object that has just made the study, when it is new."""
    row = _study(connection, study_row)
    if row is None:
        return False
    own = _own_of_study(row, arrived)
    uid = row["study_instance_uid"]
    held = standing.standing(connection, uid, identity(own))
    now, steps = applied(held, own)
    changed = _settle_study(connection, row, own, now, steps, at)
    changed |= _settle_series(connection, study_row, own, held, at)
    shown = [one.number for one in held if one.level in _WITHIN]
    _show(connection, uid, [*(one.number for one, _ in steps), *shown])
    _settle_patient_of(connection, row, own, now, held)
    return changed


def _study(connection: Connection, study_row: int) -> RowMapping | None:
    """The row of a study and its patient, held until the transaction ends."""
    statement = (
        select(
            study,
            *[patient.c[name] for name in ("identity", "demographics", *_columns(Level.PATIENT))],
            patient.c.original.label("patient_original"),
        )
        .select_from(study.join(patient, study.c.patient_row == patient.c.row))
        .where(study.c.row == study_row)
        .with_for_update()
    )
    return connection.execute(statement).mappings().one_or_none()


def _own_of_study(row: RowMapping, arrived: Mapping[str, str] | None) -> Values:
    """What the objects say of the study and its patient."""
    if row["original"]:
        own: Values = json.loads(row["original"])
        return own
    values = _values(Level.STUDY, row)
    if arrived is not None:
        values |= {one.keyword: arrived.get(one.keyword, "") for one in ATTRIBUTES[Level.PATIENT]}
    elif row["patient_original"]:
        values |= _of_patient(json.loads(row["patient_original"]))
    else:
        values |= _values(Level.PATIENT, row)
    return values


def _settle_study(
    connection: Connection,
    row: RowMapping,
    own: Values,
    now: Values,
    steps: list[tuple[Standing, Values]],
    at: int,
) -> bool:
    wanted = columns(Level.STUDY, now) | {"original": _kept(own) if steps else ""}
    return _update(connection, study, row, wanted, at) or identity(now) != row["identity"]


def _settle_series(connection: Connection, study_row: int, own: Values, held: list[Standing], at: int) -> bool:
    changed = False
    for row in connection.execute(select(series).where(series.c.study_row == study_row)).mappings().all():
        of_series: Values = json.loads(row["original"]) if row["original"] else _values(Level.SERIES, row)
        now, steps = applied(held, own | of_series, row["series_instance_uid"])
        is_corrected = any(one.level is CorrectionLevel.SERIES for one, _ in steps)
        wanted = columns(Level.SERIES, now) | {
            "original": _kept(of_series) if is_corrected else "",
            "changes": standing.as_text(steps),
        }
        changed |= _update(connection, series, row, wanted, at)
    return changed


def _show(connection: Connection, study_instance_uid: str, numbers: list[int]) -> None:
    connection.execute(delete(corrected_study).where(corrected_study.c.study_instance_uid == study_instance_uid))
    if numbers:
        connection.execute(
            insert(corrected_study),
            [{"study_instance_uid": study_instance_uid, "correction_number": number} for number in numbers],
        )


def _settle_patient_of(connection: Connection, row: RowMapping, own: Values, now: Values, held: list[Standing]) -> None:
    """Give the study to whom it belongs now, and have its patients say what they should."""
    before, after = row["identity"], identity(now)
    # without what is corrected of that patient: it is applied to the row, and can be undone there
    theirs = [one for one in held if one.identity != after or one.into_identity]
    base = applied(theirs, own)[0]
    key = demographics(base, after)
    if key != row["demographics"]:
        if any(one.kind is CorrectionKind.MERGE for one in theirs):
            base[OTHER_IDS] = own.get(OTHER_IDS, "")
        borrowed = _kept(_of_patient(base) | {_BORROWED: "yes"}) if identity(own) != after else ""
        owner = patients.row_of(connection, base, after, borrowed)
        patients.give(connection, row["row"], owner, row["patient_row"])
        settle_patient(connection, before)
    settle_patient(connection, after, own if identity(own) == after else None)


def settle_patient(connection: Connection, patient_identity: str, told: Values | None = None) -> None:
    """Have the rows of a patient, if there are any, say what the standing corrections make of them.

    `told` is what an object of the patient's own says: it is right where the row was made for others' studies.
    """
    found = select(patient).where(patient.c.identity == patient_identity).order_by(patient.c.row)
    rows = connection.execute(found).mappings().all()
    if not rows:
        return
    touched = standing.ever_touched(connection, patient_identity)
    corrections = standing.of_patient(connection, patient_identity)
    former = standing.former_ids(connection, patient_identity)
    key = None if told is None else demographics(told, patient_identity)
    changed = False
    for row in rows:
        shown = _values(Level.PATIENT, row)
        own: Values = json.loads(row["original"]) if row["original"] else dict(shown)
        if told is not None and key == row["demographics"] and own.pop(_BORROWED, ""):
            own = shown = _of_patient(told)
        for keyword, text in shown.items():
            if not own.get(keyword) and text and keyword not in touched:
                own[keyword] = text  # a later object has told it
        now = dict(own)
        for one in corrections:
            now |= one.values
        if former:
            now[OTHER_IDS] = standing.joined([now.get(OTHER_IDS, ""), *former], but=now.get("PatientID", ""))
        wanted = columns(Level.PATIENT, now) | {"original": _kept(own) if now != own or _BORROWED in own else ""}
        changed |= _update(connection, patient, row, wanted, None)
    if changed:
        patients.tell_apart(connection, patient_identity)


# Later arrivals ------------------------------------------------------------------------------------------------


def fill(
    connection: Connection, table: Table, row: int, original: str, levels: Iterable[Level], values: Mapping[str, str]
) -> bool:
    """Give what the first object left empty the value of a later one, in what the objects say of a corrected row;
    whether there was any."""
    own: Values = json.loads(original)
    empty = {
        one.keyword: values[one.keyword]
        for level in levels
        for one in ATTRIBUTES[level]
        if not own.get(one.keyword) and values.get(one.keyword)
    }
    if empty:
        connection.execute(update(table).where(table.c.row == row).values(original=_kept(own | empty)))
    return bool(empty)


# Erased --------------------------------------------------------------------------------------------------------


def forget_study(connection: Connection, study_instance_uid: str) -> None:
    """Inside a write: a study is erased whole, and with it what only its corrections knew of it."""
    mine = corrected_study.c.study_instance_uid == study_instance_uid
    numbers = set(connection.execute(select(corrected_study.c.correction_number).where(mine)).scalars())
    of_study = select(correction.c.number).where(correction.c.study_instance_uid == study_instance_uid)
    numbers |= set(connection.execute(of_study).scalars())
    connection.execute(delete(corrected_study).where(mine))
    for number in sorted(numbers):
        others = select(corrected_study.c.correction_number).where(corrected_study.c.correction_number == number)
        patients = select(patient.c.row).where(
            or_(patient.c.identity == correction.c.identity, patient.c.identity == correction.c.into_identity)
        )
        connection.execute(
            delete(correction).where(
                correction.c.number == number,
                ~others.exists(),
                or_(correction.c.study_instance_uid != "", ~patients.exists()),
            )
        )


# Rows ----------------------------------------------------------------------------------------------------------


def _of_patient(values: Mapping[str, str]) -> Values:
    return {attribute.keyword: values.get(attribute.keyword, "") for attribute in ATTRIBUTES[Level.PATIENT]}


def _columns(level: Level) -> list[str]:
    return [attribute.column for attribute in ATTRIBUTES[level]]


def _values(level: Level, row: RowMapping) -> Values:
    return {attribute.keyword: row[attribute.column] for attribute in ATTRIBUTES[level]}


def _kept(values: Values) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _update(connection: Connection, table: Table, row: RowMapping, wanted: Mapping[str, str], at: int | None) -> bool:
    """Write what differs; whether anything did."""
    fresh: dict[str, Any] = {name: text for name, text in wanted.items() if row[name] != text}
    if not fresh:
        return False
    if at is not None:
        fresh["changed_at"] = at
    connection.execute(update(table).where(table.c.row == row["row"]).values(fresh))
    return True
