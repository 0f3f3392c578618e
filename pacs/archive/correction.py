"""Correct attributes, merge patients, move a study to another patient, and undo it: by HTTP or the command line.

Stored objects are never rewritten: a correction is a row, the index shows it at once, and whatever goes out of the
archive carries it, with what it said before in Original Attributes Sequence (PS3.3 C.12.1.1.9).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, insert, or_, select, update
from ulid import ULID

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.principals import Principal
from pacs.archive import amendments
from pacs.archive.correctable import checked
from pacs.archive.events import EventLog
from pacs.archive.meant import (
    WHO,
    PatientKey,
    Wanted,
    affected,
    image_row,
    of_patient,
    patient_row,
    rows_of,
    series_row,
    study_row,
    who,
)
from pacs.archive.reasons import checked_reason
from pacs.archive.rows import IDENTITY_SEPARATOR, identity
from pacs.archive.standing import CorrectionKind, CorrectionLevel
from pacs.attributes import NAMED
from pacs.errors import AlreadyThere, Gone, NotFound, NotPermitted, QueryRefused
from pacs.index.corrections import corrected_study, correction
from pacs.index.schema import study
from pacs.model import EventKind, from_microseconds, to_microseconds

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

LIMIT_MAX: Final = 1000
EVENTS: Final[Mapping[CorrectionKind, EventKind]] = {
    CorrectionKind.ATTRIBUTES: EventKind.ATTRIBUTES_CORRECTED,
    CorrectionKind.MERGE: EventKind.PATIENTS_MERGED,
    CorrectionKind.MOVE: EventKind.STUDY_MOVED,
}


@dataclass(frozen=True, slots=True)
class Correction:
    """One act. `old` are the values of the index before it, keyword to text; `studies` counts what it changed.

    Of a patient: every study of theirs, those that come later too. `undo_until` is when it can be undone no more.
    """

    id: str
    kind: CorrectionKind
    level: CorrectionLevel
    patient_id: str
    issuer_of_patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    new: dict[str, str]
    old: dict[str, str]
    reason: str
    principal_kind: str
    principal_name: str
    studies: int
    at: datetime
    undo_until: datetime
    undone_at: datetime | None


class Corrections:
    """What has been corrected in one archive, and the ways there and back."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def correct(
        self,
        attributes: Mapping[str, str],
        *,
        by: Principal,
        reason: str,
        study_instance_uid: str = "",
        series_instance_uid: str = "",
        sop_instance_uid: str = "",
        patient_id: str = "",
        issuer_of_patient_id: str = "",
    ) -> Correction:
        """Give attributes of one level other values: of an image, of a series, of a study, or of a patient, who is
        named by ID and issuer or by a study; then of every study that the patient has and gets.

        Raises NotPermitted, NotFound, Gone, QueryRefused, AttributesRefused, AlreadyThere (another patient has that
        ID; nothing would change).
        """
        level, values = checked(attributes)
        if level is CorrectionLevel.PATIENT:
            self._require_whole(by, Action.CORRECT)
        else:
            self._require(by, Action.CORRECT, study_instance_uid)
            if level is CorrectionLevel.SERIES and not series_instance_uid:
                raise QueryRefused(f"{', '.join(values)} is of a series", "name the series, too")
        reason = checked_reason(reason, needed=True)
        if level is CorrectionLevel.INSTANCE:
            image, said = image_row(self._archive, study_instance_uid, sop_instance_uid)
        key = PatientKey(patient_id, issuer_of_patient_id, study_instance_uid)

        def make(connection: Connection, at: datetime) -> str:
            row: Mapping[Any, Any]
            if level is CorrectionLevel.PATIENT:
                wanted, row = of_patient(connection, key, values)
            elif level is CorrectionLevel.INSTANCE:
                wanted, row = image, said
            elif level is CorrectionLevel.STUDY:
                wanted = Wanted(CorrectionKind.ATTRIBUTES, level, study_instance_uid=study_instance_uid)
                row = study_row(connection, study_instance_uid)
            else:
                wanted = Wanted(
                    CorrectionKind.ATTRIBUTES,
                    level,
                    study_instance_uid=study_instance_uid,
                    series_instance_uid=series_instance_uid,
                )
                row = series_row(connection, study_instance_uid, series_instance_uid)
            return self._make(connection, wanted, values, row, by, at, reason)

        return self._written(make)

    def merge(self, source: PatientKey, into: PatientKey, *, by: Principal, reason: str) -> Correction:
        """Give every study of `source`, those that come later too, to the patient `into`, whose OtherPatientIDs then
        have the former ID. Raises NotPermitted, NotFound, QueryRefused."""
        self._require_whole(by, Action.MERGE)
        reason = checked_reason(reason, needed=True)

        def make(connection: Connection, at: datetime) -> str:
            first, second = patient_row(connection, source), patient_row(connection, into)
            if first["identity"] == second["identity"]:
                raise QueryRefused("that is one and the same patient", "name two patients", "one_patient")
            if not second["patient_id"]:
                other_way = "give them one first, or merge the other way round"
                raise QueryRefused("who stays has no Patient ID", other_way, "stays_without_id")
            wanted = Wanted(
                CorrectionKind.MERGE,
                CorrectionLevel.PATIENT,
                identity=first["identity"],
                into_identity=second["identity"],
            )
            return self._make(connection, wanted, who(second), first, by, at, reason)

        return self._written(make)

    def move(
        self,
        study_instance_uid: str,
        into: PatientKey,
        *,
        by: Principal,
        reason: str,
        attributes: Mapping[str, str] | None = None,
    ) -> Correction:
        """Give one study to another patient; `attributes` tell of one who is not known yet.

        Raises NotPermitted, NotFound, Gone, QueryRefused, AttributesRefused.
        """
        self._require(by, Action.CORRECT, study_instance_uid)
        reason = checked_reason(reason, needed=True)
        told = {"PatientID": into.patient_id, "IssuerOfPatientID": into.issuer_of_patient_id, **(attributes or {})}
        level, told = checked({keyword: text for keyword, text in told.items() if text})
        if level is not CorrectionLevel.PATIENT:
            raise QueryRefused("a study is moved by what a patient has", f"give {', '.join(WHO)}")

        def make(connection: Connection, at: datetime) -> str:
            row = study_row(connection, study_instance_uid)
            target = identity({**told, "StudyInstanceUID": study_instance_uid})
            if target == row["identity"]:
                raise QueryRefused("the study is that patient's already", "name another patient", "same_patient")
            known = next(iter(rows_of(connection, target)), None)
            if known is None and "PatientName" not in told:
                raise NotFound(
                    f"there is no patient {into.patient_id[:64]} here",
                    "tell at least the PatientName of a new one",
                    "patient_unknown",
                )
            values = who(known) if known is not None else dict.fromkeys(WHO, "") | told
            wanted = Wanted(
                CorrectionKind.MOVE,
                CorrectionLevel.STUDY,
                study_instance_uid=study_instance_uid,
                into_identity=target,
            )
            return self._make(connection, wanted, values, row, by, at, reason)

        return self._written(make)

    def undo(self, identifier: str, *, by: Principal) -> Correction:
        """Have everything say again what it would without this correction.

        Raises NotPermitted, NotFound, Gone (its time is over), AlreadyThere (it is undone, or another rests on it).
        """
        found = self.get(identifier)
        if found.kind is CorrectionKind.MERGE:
            self._require_whole(by, Action.MERGE)
        elif found.level is CorrectionLevel.PATIENT:
            self._require_whole(by, Action.CORRECT)
        else:
            self._require(by, Action.CORRECT, found.study_instance_uid)
        at = self._archive.clock()
        self._archive.index.write(lambda connection: _undo(connection, identifier, by, at))
        self._archive.events.announce()
        return self.get(identifier)

    def get(self, identifier: str) -> Correction:
        """One of them. Raises NotFound."""
        with self._archive.index.read() as connection:
            return _correction_of(_row(connection, identifier))

    def listing(
        self,
        *,
        by: Principal,
        study_instance_uid: str = "",
        patient_id: str = "",
        only_open: bool = True,
        limit: int = 100,
    ) -> Sequence[Correction]:
        """The newest first; `only_open`: what stands. Of a study: its own and those of its patient that it shows.

        Raises NotPermitted.
        """
        self._require(by, Action.CORRECT, study_instance_uid or None)
        statement = select(correction).order_by(correction.c.number.desc()).limit(min(limit, LIMIT_MAX))
        shown = select(corrected_study.c.correction_number)
        studies = {study_instance_uid} if study_instance_uid else by.study_instance_uids
        if studies is not None:
            shown = shown.where(corrected_study.c.study_instance_uid.in_(sorted(studies)))
            of_studies = correction.c.study_instance_uid.in_(sorted(studies))
            statement = statement.where(or_(of_studies, correction.c.number.in_(shown)))
        if patient_id:
            begin = f"{patient_id}{IDENTITY_SEPARATOR}"
            named = [
                (column >= begin) & (column < f"{patient_id}{chr(ord(IDENTITY_SEPARATOR) + 1)}")
                for column in (correction.c.identity, correction.c.into_identity)
            ]
            statement = statement.where(or_(*named))
        if only_open:
            statement = statement.where(correction.c.undone_at.is_(None))
        with self._archive.index.read() as connection:
            return [_correction_of(row) for row in connection.execute(statement)]

    def _written(self, make: Any) -> Correction:
        at = self._archive.clock()

        def write(connection: Connection) -> str:
            amendments.alone(connection)
            identifier: str = make(connection, at)
            return identifier

        identifier = self._archive.index.write(write)
        self._archive.events.announce()
        return self.get(identifier)

    def _make(
        self,
        connection: Connection,
        wanted: Wanted,
        values: Mapping[str, str],
        row: Mapping[Any, Any],
        by: Principal,
        at: datetime,
        reason: str,
    ) -> str:
        old = {keyword: row[NAMED[keyword].column] for keyword in values}
        if old == dict(values):
            raise AlreadyThere("it says so already", "nothing has to be corrected", "nothing_changed")
        identifier, moment = str(ULID.from_datetime(at)), to_microseconds(at)
        number = connection.execute(
            insert(correction)
            .values(
                id=identifier,
                kind=wanted.kind.value,
                level=wanted.level.value,
                identity=wanted.identity,
                study_instance_uid=wanted.study_instance_uid,
                series_instance_uid=wanted.series_instance_uid,
                sop_instance_uid=wanted.sop_instance_uid,
                into_identity=wanted.into_identity,
                new_values=json.dumps(dict(values), ensure_ascii=False),
                old_values=json.dumps(old, ensure_ascii=False),
                reason=reason,
                principal_kind=by.kind.value,
                principal_name=by.name,
                studies=0,
                at=moment,
                undo_until=to_microseconds(self._archive.retention.undo_until(at)),
            )
            .returning(correction.c.number)
        ).scalar_one()
        studies = affected(connection, wanted)
        for row_number, _ in studies:
            amendments.apply(connection, row_number, moment)
        for one in (wanted.identity, wanted.into_identity):
            amendments.settle_patient(connection, one)
        connection.execute(update(correction).where(correction.c.number == number).values(studies=len(studies)))
        _tell(connection, EVENTS[wanted.kind], at, by, identifier, wanted, [uid for _, uid in studies], values)
        return identifier

    def _require(self, by: Principal, action: Action, study_instance_uid: str | None) -> None:
        if not may(by, action, study_instance_uid):
            raise NotPermitted(f"{by.name} may not do that here", "ask an administrator")

    def _require_whole(self, by: Principal, action: Action) -> None:
        """Whoever may see some studies only does nothing that is about others too."""
        self._require(by, action, None)
        if by.study_instance_uids is not None:
            raise NotPermitted(f"{by.name} may not do that to every study of a patient", "ask an administrator")


# Undone --------------------------------------------------------------------------------------------------------


def _undo(connection: Connection, identifier: str, by: Principal, at: datetime) -> None:
    amendments.alone(connection)
    row = _row(connection, identifier)
    if row.undone_at is not None:
        raise AlreadyThere("it is undone already", code="already_undone")
    if row.undo_until <= to_microseconds(at):
        raise Gone("the time to undo it is over", "correct it again", "undo_over")
    _refuse_where_another_rests_on_it(connection, row)
    moment = to_microseconds(at)
    connection.execute(update(correction).where(correction.c.number == row.number).values(undone_at=moment))
    shown = (
        select(study.c.row, study.c.study_instance_uid)
        .join(corrected_study, corrected_study.c.study_instance_uid == study.c.study_instance_uid)
        .where(corrected_study.c.correction_number == row.number)
        .order_by(study.c.row)
    )
    studies = connection.execute(shown).all()
    for row_number, _ in studies:
        amendments.apply(connection, row_number, moment)
    for one in (row.identity, row.into_identity):
        amendments.settle_patient(connection, one)
    wanted = Wanted(
        CorrectionKind(row.kind),
        CorrectionLevel(row.level),
        row.identity,
        row.study_instance_uid,
        row.series_instance_uid,
        row.sop_instance_uid,
        row.into_identity,
    )
    uids = [uid for _, uid in studies]
    _tell(connection, EventKind.CORRECTION_UNDONE, at, by, identifier, wanted, uids, json.loads(row.new_values))


def _refuse_where_another_rests_on_it(connection: Connection, row: Any) -> None:
    """A later merge or move took over what this one had made of its patient."""
    if row.level != CorrectionLevel.PATIENT:
        return
    about = sorted({row.identity, row.into_identity} - {""})
    later = select(correction.c.id).where(
        correction.c.number > row.number,
        correction.c.undone_at.is_(None),
        correction.c.into_identity != "",
        or_(correction.c.identity.in_(about), correction.c.into_identity.in_(about)),
    )
    found = connection.execute(later.order_by(correction.c.number.desc()).limit(1)).scalar()
    if found is not None:
        message = f"correction {found} was made after it and rests on it"
        raise AlreadyThere(message, "undo that one first", "rests_on_it")


# Told ----------------------------------------------------------------------------------------------------------


def _tell(
    connection: Connection,
    kind: EventKind,
    at: datetime,
    by: Principal,
    identifier: str,
    wanted: Wanted,
    studies: Sequence[str],
    values: Mapping[str, str],
) -> None:
    code = AuditCode.PATIENT_RECORD if wanted.level is CorrectionLevel.PATIENT else AuditCode.INSTANCES_ACCESSED
    for uid in studies or [""]:
        payload = {"correction": identifier, "attributes": sorted(values)}
        EventLog.append(
            connection,
            at,
            kind,
            study_instance_uid=uid,
            series_instance_uid=wanted.series_instance_uid,
            sop_instance_uid=wanted.sop_instance_uid,
            payload=payload,
        )
        audit.record(
            connection,
            at,
            code=code,
            action=kind.value,
            principal=by,
            study_instance_uid=uid,
            detail=f"{identifier} {wanted.sop_instance_uid or wanted.series_instance_uid} {','.join(sorted(values))}",
        )


def _row(connection: Connection, identifier: str) -> Any:
    row = connection.execute(select(correction).where(correction.c.id == identifier)).one_or_none()
    if row is None:
        raise NotFound(
            f"there is no correction {identifier[:64]}", "`pacs corrections` lists them", "correction_unknown"
        )
    return row


def _correction_of(row: Any) -> Correction:
    patient_id, _, issuer = row.identity.partition(IDENTITY_SEPARATOR)
    return Correction(
        id=row.id,
        kind=CorrectionKind(row.kind),
        level=CorrectionLevel(row.level),
        patient_id=patient_id,
        issuer_of_patient_id=issuer if patient_id else "",
        study_instance_uid=row.study_instance_uid or (issuer if not patient_id else ""),
        series_instance_uid=row.series_instance_uid,
        sop_instance_uid=row.sop_instance_uid,
        new=json.loads(row.new_values),
        old=json.loads(row.old_values),
        reason=row.reason,
        principal_kind=row.principal_kind,
        principal_name=row.principal_name,
        studies=row.studies,
        at=from_microseconds(row.at),
        undo_until=from_microseconds(row.undo_until),
        undone_at=None if row.undone_at is None else from_microseconds(row.undone_at),
    )
