"""Patients' rows: one for every name, birth date and sex that objects tell under one Patient ID, so that a study
answers with its own; and which of them can be one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, exists, func, select, update

from pacs.archive.rows import columns, demographics, identity
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.likeness import Told, may_be_one
from pacs.index.corrections import corrected_study, correction
from pacs.index.schema import IS_OF_ANOTHER_PATIENT, instance, patient, study
from pacs.index.upsert import upsert

TOLD = tuple(BY_KEYWORD[keyword].column for keyword in ("PatientName", "PatientBirthDate", "PatientSex"))
OTHERS_MAX = 10
"""So many others of one Patient ID are named; nobody reads more."""

_COLUMNS = tuple(patient.c[name] for name in TOLD)


def told_by(values: Mapping[str, str]) -> Told:
    """What an object says of its patient, by keyword."""
    return Told(values.get("PatientName", ""), values.get("PatientBirthDate", ""), values.get("PatientSex", ""))


def told_in(row: RowMapping | Mapping[str, Any]) -> Told:
    """What a row shows of a patient, by column."""
    return Told(*(row[name] for name in TOLD))


def row_of(connection: Connection, values: Mapping[str, str], of: str = "", original: str = "") -> int:
    """The row of whom `values` tell, made where there is none; `of` is the identity where it is not theirs."""
    key = demographics(values, of)
    made = upsert(connection, patient).values(
        demographics=key, identity=of or identity(values), original=original, **columns(Level.PATIENT, values)
    )
    statement = made.on_conflict_do_nothing(index_elements=["demographics"]).returning(patient.c.row)
    row = connection.execute(statement).scalar()
    if row is None:
        return int(connection.execute(select(patient.c.row).where(patient.c.demographics == key)).scalar_one())
    tell_apart(connection, of or identity(values))
    return int(row)


def give(connection: Connection, study_row: int, patient_row: int, before: int) -> None:
    """Let a study be of this patient, and no more of the one before."""
    if patient_row != before:
        connection.execute(update(study).where(study.c.row == study_row).values(patient_row=patient_row))
        remove_childless(connection, before)


def remove_childless(connection: Connection, patient_row: int) -> None:
    """Take a patient's row away that has no study left."""
    if connection.execute(select(study.c.row).where(study.c.patient_row == patient_row).limit(1)).first() is None:
        removed = delete(patient).where(patient.c.row == patient_row).returning(patient.c.identity)
        of = connection.execute(removed).scalar()
        if of is not None:
            tell_apart(connection, of)


def tell_apart(connection: Connection, of: str) -> None:
    """Number the persons whose rows have this identity: who can be the same as all that are one already is one more
    of them."""
    if connection.dialect.name == "postgresql":  # another node's new row of the same ID is waited for, and then seen
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(of))))
    found = select(patient.c.row, patient.c.person, *_COLUMNS).where(patient.c.identity == of).order_by(patient.c.row)
    persons: list[list[Told]] = []
    for row in connection.execute(found).mappings().all():
        told = told_in(row)
        number = next((n for n, one in enumerate(persons) if all(may_be_one(told, other) for other in one)), None)
        if number is None:
            number = len(persons)
            persons.append([])
        persons[number].append(told)
        if row["person"] != number:
            connection.execute(update(patient).where(patient.c.row == row["row"]).values(person=number))


# What is doubtful ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a study may not be of whom it says: `others` under the same Patient ID who cannot be the same person, and how
    many of its own objects name somebody else."""

    others: tuple[Told, ...] = ()
    objects: int = 0

    def __bool__(self) -> bool:
        return bool(self.others) or self.objects > 0


SURE = Doubt()


def doubts(connection: Connection, studies: Collection[str], allowed: frozenset[str] | None = None) -> dict[str, Doubt]:
    """By Study Instance UID those of `studies` that are doubtful; of others' studies only those `allowed` count."""
    other, others_study = patient.alias(), study.alias()
    told = [other.c[name] for name in TOLD]
    statement = (
        select(study.c.study_instance_uid, *told)
        .distinct()
        .join(patient, study.c.patient_row == patient.c.row)
        .join(other, (other.c.identity == patient.c.identity) & (other.c.person != patient.c.person))
        .where(study.c.study_instance_uid.in_(studies))
        .order_by(study.c.study_instance_uid, *told)
    )
    if allowed is not None:
        statement = statement.where(
            exists().where(
                others_study.c.patient_row == other.c.row, others_study.c.study_instance_uid.in_(sorted(allowed))
            )
        )
    others: dict[str, list[Told]] = defaultdict(list)
    for uid, *parts in connection.execute(statement):
        others[uid].append(Told(*parts))
    objects = mixed(connection, studies)
    return {uid: Doubt(tuple(others[uid][:OTHERS_MAX]), objects.get(uid, 0)) for uid in {*others, *objects}}


def mixed(connection: Connection, studies: Collection[str] | None = None) -> dict[str, int]:
    """How many objects of a study name another patient than the study does, by UID; nothing where a correction of the
    patient has all of its objects say the same."""
    corrected = (
        exists()
        .where(
            corrected_study.c.study_instance_uid == instance.c.study_instance_uid,
            corrected_study.c.correction_number == correction.c.number,
            (correction.c.identity != "") | (correction.c.into_identity != ""),
        )
        .correlate(instance)
    )
    statement = (
        select(instance.c.study_instance_uid, func.count())
        .where(IS_OF_ANOTHER_PATIENT, ~corrected)
        .group_by(instance.c.study_instance_uid)
    )
    if studies is not None:
        statement = statement.where(instance.c.study_instance_uid.in_(studies))
    return {uid: int(count) for uid, count in connection.execute(statement)}


def shared_identities(connection: Connection) -> int:
    """How many Patient IDs have objects of different people."""
    statement = select(func.count(patient.c.identity.distinct())).where(patient.c.person > 0)
    return int(connection.execute(statement).scalar_one())
