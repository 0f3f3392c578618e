"""Corrections that stand, and what they make of the values that the objects themselves have.

A correction is of a patient, a study, a series or one image. Those that stand are applied in the order in which they
were made to what the objects say, so undoing one is applying the others; a patient's goes on to whoever its studies
belong to by then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from pacs.archive.rows import identity
from pacs.dicom.amend import Change
from pacs.index.corrections import correction
from pacs.index.writer import Statement
from pacs.model import from_microseconds

OTHER_IDS: Final = "OtherPatientIDs"


_OF: Final = "of"
"""Under which a step names the one image that it is of."""


class CorrectionKind(StrEnum):
    """What was done."""

    ATTRIBUTES = "attributes"
    MERGE = "merge"  # a patient into another
    MOVE = "move"  # a study to another patient


class CorrectionLevel(StrEnum):
    """What it was done to, with everything below."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


REASONS: Final[Mapping[CorrectionKind, str]] = {
    CorrectionKind.ATTRIBUTES: "CORRECT",
    CorrectionKind.MERGE: "COERCE",
    CorrectionKind.MOVE: "CORRECT",
}
"""Kind to the defined term of (0400,0565) (PS3.3 C.12.1.1.9)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A correction that stands. `identity` names the patient it is of, "" where it is of a study or series."""

    number: int
    kind: CorrectionKind
    level: CorrectionLevel
    identity: str
    study_instance_uid: str
    series_instance_uid: str
    into_identity: str
    values: Mapping[str, str]
    at: int
    sop_instance_uid: str = ""

    def is_of(self, values: Mapping[str, str], series_instance_uid: str) -> bool:
        """Whether it is of what has these values by now; without a series, of the study as a whole.

        What is of one image is kept with its series (`as_text`).
        """
        if self.level is CorrectionLevel.PATIENT:
            return self.identity == identity(values)
        return self.study_instance_uid == values["StudyInstanceUID"] and (
            self.level is CorrectionLevel.STUDY or self.series_instance_uid == series_instance_uid
        )

    def fresh(self, values: Mapping[str, str]) -> dict[str, str]:
        """What it makes of `values`: of merged patients the former ID stays as one of the others."""
        if self.kind is not CorrectionKind.MERGE:
            return dict(self.values)
        others = [values.get(OTHER_IDS, ""), self.values.get(OTHER_IDS, ""), patient_id_of(self.identity)]
        return {**self.values, OTHER_IDS: joined(others, but=self.values.get("PatientID", ""))}


_COLUMNS = (
    correction.c.number,
    correction.c.kind,
    correction.c.level,
    correction.c.identity,
    correction.c.study_instance_uid,
    correction.c.series_instance_uid,
    correction.c.into_identity,
    correction.c.new_values,
    correction.c.at,
    correction.c.sop_instance_uid,
)
_ANY = Statement(
    select(correction.c.number)
    .where(
        correction.c.undone_at.is_(None),
        or_(
            correction.c.study_instance_uid == bindparam("study_instance_uid"),
            correction.c.identity == bindparam("identity"),
            correction.c.into_identity == bindparam("identity"),
        ),
    )
    .limit(1)
)


def any_of(connection: Connection, study_instance_uid: str, of_patient: str) -> bool:
    """Whether a correction stands that a study of this patient begins with."""
    asked = {"study_instance_uid": study_instance_uid, "identity": of_patient}
    return _ANY.one(connection, asked) is not None


def standing(connection: Connection, study_instance_uid: str, of_patient: str) -> list[Standing]:
    """All that a study of this patient may meet, in their order."""
    found = {one.number: one for one in _where(connection, correction.c.study_instance_uid == study_instance_uid)}
    known: set[str] = set()
    waiting = {of_patient, *(one.into_identity for one in found.values())} - {""}
    while waiting:
        known |= waiting
        more = _where(connection, correction.c.identity.in_(sorted(waiting)))
        found |= {one.number: one for one in more}
        waiting = {one.into_identity for one in found.values()} - known - {""}
    return [found[number] for number in sorted(found)]


def of_patient(connection: Connection, patient_identity: str) -> list[Standing]:
    """Those of one patient's own attributes, which leave it who it is."""
    own = (correction.c.identity == patient_identity, correction.c.into_identity == "")
    return sorted(_where(connection, *own), key=lambda one: one.number)


def former_ids(connection: Connection, patient_identity: str) -> list[str]:
    """The Patient IDs of everybody who was merged into this patient."""
    found: dict[str, None] = {}
    waiting, seen = [patient_identity], {patient_identity}
    while waiting:
        merged = (correction.c.kind == CorrectionKind.MERGE.value, correction.c.into_identity.in_(waiting))
        waiting = []
        for one in _where(connection, *merged):
            found[patient_id_of(one.identity)] = None
            if one.identity not in seen:
                seen.add(one.identity)
                waiting.append(one.identity)
    return [*found]


def ever_touched(connection: Connection, patient_identity: str) -> set[str]:
    """Keywords that a correction of this patient, standing or not, was about."""
    rows = connection.execute(select(correction.c.new_values).where(correction.c.identity == patient_identity))
    return {OTHER_IDS, *(keyword for (values,) in rows for keyword in json.loads(values))}


def _where(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Standing]:
    statement = select(*_COLUMNS).where(correction.c.undone_at.is_(None), *conditions)
    for row in connection.execute(statement.order_by(correction.c.number)).all():
        yield Standing(
            row.number,
            CorrectionKind(row.kind),
            CorrectionLevel(row.level),
            row.identity,
            row.study_instance_uid,
            row.series_instance_uid,
            row.into_identity,
            json.loads(row.new_values),
            row.at,
            row.sop_instance_uid,
        )


def applied(
    corrections: Iterable[Standing], values: Mapping[str, str], series_instance_uid: str = ""
) -> tuple[dict[str, str], list[tuple[Standing, dict[str, str]]]]:
    """The values that `corrections` make of what an object says, and each that was of it with what it set."""
    now, steps = dict(values), []
    for one in corrections:
        if one.is_of(now, series_instance_uid):
            fresh = one.fresh(now)
            now |= fresh
            steps.append((one, fresh))
    return now, steps


# What is kept of it with a series ------------------------------------------------------------------------------


def as_text(steps: Sequence[tuple[Standing, Mapping[str, str]]]) -> str:
    """The steps as a series keeps them; "" where there are none."""
    if not steps:
        return ""
    kept: list[dict[str, Any]] = [
        {"at": one.at, "reason": REASONS[one.kind], "values": dict(fresh)}
        | ({_OF: one.sop_instance_uid} if one.sop_instance_uid else {})
        for one, fresh in steps
    ]
    return _written(kept)


def of_instance(text: str, sop_instance_uid: str) -> str:
    """What `as_text` wrote, without what is of other images alone; "" where nothing is left."""
    if f'"{_OF}":' not in text:
        return text
    kept = [one for one in json.loads(text) if one.get(_OF, sop_instance_uid) == sop_instance_uid]
    return _written(kept) if kept else ""


def _written(kept: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=1024)
def changes_of(text: str) -> tuple[Change, ...]:
    """What `as_text` wrote, as changes of a data set."""
    return tuple(Change(from_microseconds(one["at"]), one["reason"], one["values"]) for one in json.loads(text or "[]"))


# Values --------------------------------------------------------------------------------------------------------


def patient_id_of(patient_identity: str) -> str:
    """The Patient ID in an identity; "" of a patient without one."""
    return patient_identity.partition("\x1f")[0]


def joined(lists: Iterable[str], *, but: str = "") -> str:
    """Several values of several attributes as one, each once."""
    found = dict.fromkeys(value for text in lists for value in text.split("\\") if value and value != but)
    return "\\".join(found)
