"""Who and what a correction is of, as the index has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, RowMapping, Table, select

from pacs.archive.rows import identity
from pacs.archive.standing import CorrectionKind, CorrectionLevel
from pacs.archive.tombstones import missing
from pacs.attributes import BY_KEYWORD, OF_IMAGES
from pacs.dicom.keys import first
from pacs.errors import AlreadyThere, NotFound, QueryRefused
from pacs.index.schema import patient, series, study

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

_MODALITY: Final = "00080060"
_SIDED: Final = ("DX", "IO", "MG")  # their images each say a side (PS3.3 C.8.11.5)

WHO: Final = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "OtherPatientIDs")
"""What a study takes over from the patient to whom it comes."""


@dataclass(frozen=True, slots=True)
class PatientKey:
    """Who is meant: by ID and issuer; who has no ID, by a study."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A correction that is to be made. `identity` is of a patient whose every study is meant, `into_identity` whose
    they are then."""

    kind: CorrectionKind
    level: CorrectionLevel
    identity: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    into_identity: str = ""


def of_patient(connection: Connection, key: PatientKey, values: Mapping[str, str]) -> tuple[Wanted, RowMapping]:
    """A correction of a patient's own attributes, and their row. Raises NotFound, QueryRefused, AlreadyThere."""
    row = patient_row(connection, key, values)
    into = ""
    if {"PatientID", "IssuerOfPatientID"} & set(values):
        named = {"PatientID": row["patient_id"], "IssuerOfPatientID": row["issuer_of_patient_id"], **values}
        if not named["PatientID"]:
            raise QueryRefused("a Patient ID cannot be taken away", "give the right one", "patient_id_needed")
        into = identity(named)
        into = "" if into == row["identity"] else into
        if into and rows_of(connection, into):
            raise AlreadyThere("another patient has that ID", "merge the two, or move the study", "patient_exists")
    wanted = Wanted(CorrectionKind.ATTRIBUTES, CorrectionLevel.PATIENT, identity=row["identity"], into_identity=into)
    return wanted, row


def patient_row(
    connection: Connection, key: PatientKey, values: Mapping[str, str] = MappingProxyType({})
) -> RowMapping:
    """The row of a patient, found through a study with that one's columns too; where objects of theirs tell of several,
    the first that does not say `values` already. Raises NotFound, QueryRefused."""
    if not key.patient_id:
        if not key.study_instance_uid:
            raise QueryRefused("no patient is named", "give the Patient ID, or a study of theirs")
        return study_row(connection, key.study_instance_uid)
    wanted = identity({"PatientID": key.patient_id, "IssuerOfPatientID": key.issuer_of_patient_id})
    rows = rows_of(connection, wanted)
    if not rows:
        of = f" of {key.issuer_of_patient_id[:64]}" if key.issuer_of_patient_id else ""
        message = f"there is no patient {key.patient_id[:64]}{of} here"
        raise NotFound(message, "check the ID and who issued it", "patient_unknown")
    says = {BY_KEYWORD[keyword].column: text for keyword, text in values.items()}
    return next((row for row in rows if any(row[name] != text for name, text in says.items())), rows[0])


def rows_of(connection: Connection, patient_identity: str) -> Sequence[RowMapping]:
    """The rows of a patient, those first that came first."""
    found = select(patient).where(patient.c.identity == patient_identity).order_by(patient.c.person, patient.c.row)
    return connection.execute(found).mappings().all()


def study_row(connection: Connection, study_instance_uid: str) -> RowMapping:
    """A study and its patient in one row. Raises NotFound, Gone."""
    names = [*_columns(patient, "row"), *_columns(study, "row", "original", "patient_row")]
    statement = select(study.c.row, *names).select_from(study.join(patient, study.c.patient_row == patient.c.row))
    found = connection.execute(statement.where(study.c.study_instance_uid == study_instance_uid))
    row = found.mappings().one_or_none()
    if row is None:
        raise missing(connection, study_instance_uid)
    return row


def series_row(connection: Connection, study_instance_uid: str, series_instance_uid: str) -> RowMapping:
    """The row of a series. Raises NotFound, Gone."""
    statement = (
        select(series)
        .join(study, series.c.study_row == study.c.row)
        .where(study.c.study_instance_uid == study_instance_uid, series.c.series_instance_uid == series_instance_uid)
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise missing(connection, study_instance_uid, series_instance_uid)
    return row


def image_row(archive: Archive, study_instance_uid: str, sop_instance_uid: str) -> tuple[Wanted, dict[str, str]]:
    """A correction of one image, and what it says now by column. Raises NotFound, Gone, Unreadable, StoreFailed,
    QueryRefused where images of its kind have nothing of their own that is corrected."""
    if not sop_instance_uid:
        raise QueryRefused(f"{', '.join(one.keyword for one in OF_IMAGES)} is of an image", "name the image, too")
    [stored] = archive.instances(study_instance_uid, None, sop_instance_uid)
    says = archive.instance_metadata(stored)
    if first(says, _MODALITY) not in _SIDED and not any(f"{one.tag:08X}" in says for one in OF_IMAGES):
        raise QueryRefused("this image has no side of its own", "correct Laterality of its series", "no_side")
    wanted = Wanted(
        CorrectionKind.ATTRIBUTES,
        CorrectionLevel.INSTANCE,
        study_instance_uid=study_instance_uid,
        series_instance_uid=stored.series_instance_uid,
        sop_instance_uid=sop_instance_uid,
    )
    return wanted, {one.column: first(says, f"{one.tag:08X}") for one in OF_IMAGES}


def _columns(table: Table, *but: str) -> Iterable[Any]:
    return [column for column in table.c if column.name not in but]


def who(row: RowMapping) -> dict[str, str]:
    """What a study takes over from this patient."""
    return {keyword: row[BY_KEYWORD[keyword].column] for keyword in WHO}


def affected(connection: Connection, wanted: Wanted) -> list[tuple[int, str]]:
    """Row and UID of the studies that a new correction is of."""
    statement = select(study.c.row, study.c.study_instance_uid)
    if wanted.level is CorrectionLevel.PATIENT:
        owners = select(patient.c.row).where(patient.c.identity == wanted.identity)
        statement = statement.where(study.c.patient_row.in_(owners))
    else:
        statement = statement.where(study.c.study_instance_uid == wanted.study_instance_uid)
    return [(row, uid) for row, uid in connection.execute(statement.order_by(study.c.row))]
