"""The rows of an arrival: which columns it fills, and the statements that find and write them, prepared once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, literal_column, or_, select, text, update

from pacs.archive.arrived import Arrived
from pacs.archive.digests import Digests
from pacs.archive.proof import Recorded
from pacs.attributes import Attribute, Level, Matching, stored_at
from pacs.dicom.names import folded, skeleton
from pacs.dicom.rejection import RejectionCode
from pacs.index.deletions import rejection
from pacs.index.schema import IS_LIVE, NOT_LIVE, garbage, instance, patient, series, study
from pacs.index.upsert import InsertOnce
from pacs.index.writer import Statement
from pacs.model import InstanceState, StorageState, to_microseconds

ATTRIBUTES = {level: stored_at(level) for level in Level}


def column_values(attribute: Attribute, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """The columns of one attribute with their texts; a name has two more, folded for search."""
    text = values.get(attribute.keyword, "")
    if attribute.matching is Matching.NAME:
        return [
            (attribute.column, text),
            (f"{attribute.column}_folded", folded(text) if text else ""),
            (f"{attribute.column}_skeleton", skeleton(text) if text else ""),
        ]
    return [(attribute.column, _NORMAL[attribute.matching](text) if text else "")]


def _number(text: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        return text


def _same(text: str) -> str:
    return text


# The index compares dates, times and numbers in one form; the object keeps what was sent (PS3.5 6.2).
_NORMAL = dict.fromkeys(Matching, _same) | {
    Matching.DATE: lambda text: text.replace(".", ""),
    Matching.TIME: lambda text: text.replace(":", ""),
    Matching.NUMBER: _number,
}


def _is_plain(matching: Matching) -> bool:
    """Whether a text goes into its column as it is, and into no other."""
    return _NORMAL[matching] is _same and matching is not Matching.NAME


def columns(level: Level, values: Mapping[str, str]) -> dict[str, str]:
    """Every catalogue column of `level` for the walk's `values`."""
    found = dict.fromkeys(_NAMES[level], "")
    for keyword, plain_column, attribute in _PLAN[level]:
        text = values.get(keyword)
        if not text:
            continue
        if plain_column:
            found[plain_column] = text
        else:
            found.update(column_values(attribute, values))
    return found


_PLAN = {
    level: tuple(
        (attribute.keyword, attribute.column if _is_plain(attribute.matching) else "", attribute)
        for attribute in attributes
    )
    for level, attributes in ATTRIBUTES.items()
}
"""Keyword, the column that takes its text as it is where there is one, and the attribute."""

_NAMES = {
    level: tuple(name for attribute in attributes for name, _ in column_values(attribute, {}))
    for level, attributes in ATTRIBUTES.items()
}


IDENTITY_SEPARATOR = "\x1f"


def identity(values: Mapping[str, str]) -> str:
    """What tells patients apart: Patient ID and issuer; without an ID, a patient of this study alone."""
    patient_id = values.get("PatientID", "")
    if not patient_id:
        return f"{IDENTITY_SEPARATOR}{values['StudyInstanceUID']}"
    return f"{patient_id}{IDENTITY_SEPARATOR}{values.get('IssuerOfPatientID', '')}"


def demographics(values: Mapping[str, str], of: str = "") -> str:
    """The key of the one row of `patient` that says of whom these values tell: identity, name, birth date and sex;
    `of` is the identity where it is known."""
    name = values.get("PatientName", "").rstrip("^")
    birth_date = values.get("PatientBirthDate", "").replace(".", "")
    return f"{of or identity(values)}\x1e{name}\x1f{birth_date}\x1f{values.get('PatientSex', '')}"


def instance_values(
    arrived: Arrived,
    series_row: int | None,
    state: InstanceState,
    storage: StorageState,
    oddities: tuple[str, ...],
) -> dict[str, Any]:
    """The whole row of `instance`, by column."""
    values = arrived.values
    frames = arrived.walk.frames
    at = to_microseconds(arrived.received_at)
    return {
        "series_row": series_row,
        **columns(Level.IMAGE, values),
        "study_instance_uid": values["StudyInstanceUID"],
        "series_instance_uid": values["SeriesInstanceUID"],
        "state": state.value,
        "storage": storage.value,
        "object_key": arrived.object_key,
        "transfer_syntax_uid": arrived.transfer_syntax_uid,
        "dataset_sha256": arrived.dataset_sha256,
        "envelope_sha256": arrived.envelope_sha256,
        "size": arrived.size,
        "dataset_offset": arrived.dataset_offset,
        "dataset_length": arrived.dataset_length,
        "padding_length": arrived.padding_length,
        "pixel_element_offset": arrived.walk.pixel_element_offset,
        "pixel_element_end": arrived.walk.pixel_element_end,
        "pixel_data_vr": arrived.walk.pixel_data_vr,
        "frame_table": frames.to_bytes() if frames is not None else None,
        "oddities": ",".join(oddities),
        "calling_ae_title": arrived.calling_ae_title,
        "protocol": arrived.protocol,
        "received_at": at,
        "last_seen_at": at,
    }


def _bound(table: Any, *exclude: str) -> dict[str, Any]:
    return {column.name: bindparam(column.name) for column in table.columns if column.name not in exclude}


STUDY_COLUMNS = [attribute.column for attribute in ATTRIBUTES[Level.STUDY]]
_PATIENT_COLUMNS = [attribute.column for attribute in ATTRIBUTES[Level.PATIENT]]
_SERIES_COLUMNS = [attribute.column for attribute in ATTRIBUTES[Level.SERIES]]

RECORDED_COLUMNS = (
    instance.c.object_key,
    instance.c.dataset_offset,
    (instance.c.dataset_length - instance.c.padding_length).label("content_length"),
    instance.c.size,
    instance.c.dataset_sha256,
    instance.c.envelope_sha256,
)


def recorded(row: Sequence[Any]) -> Recorded:
    """The values of RECORDED_COLUMNS as what they stand for."""
    object_key, dataset_offset, content_length, *digests = row
    return Recorded(object_key, dataset_offset, content_length, Digests(*digests))


_IS_HELD = and_(
    NOT_LIVE,
    or_(instance.c.state == InstanceState.CONFLICT.value, instance.c.state == InstanceState.SUPERSEDED.value),
)
_IS_REJECTED = and_(NOT_LIVE, instance.c.state == InstanceState.REJECTED.value)
_KNOWN_COLUMNS = (instance.c.row, instance.c.transfer_syntax_uid, instance.c.storage, *RECORDED_COLUMNS)
KNOWN_COUNT = len(_KNOWN_COLUMNS)
_STUDY_COLUMNS = (
    study.c.row,
    study.c.patient_row,
    patient.c.identity,
    patient.c.demographics,
    study.c.original,
    *[study.c[name] for name in STUDY_COLUMNS],
    *[patient.c[name] for name in _PATIENT_COLUMNS],
)
STUDY_COUNT = len(_STUDY_COLUMNS)
_SERIES_FOUND = (series.c.row, series.c.original, series.c.said_beside, *[series.c[name] for name in _SERIES_COLUMNS])
_STUDY_AND_PATIENT = study.join(patient, study.c.patient_row == patient.c.row)

# Not of what was given up as too old: that is new when it comes again.
_REJECTED_BY = (
    select(func.min(rejection.c.deletion_id))
    .where(
        rejection.c.sop_instance_uid == bindparam("sop_instance_uid"),
        rejection.c.code != literal_column(f"'{RejectionCode.RETENTION_EXPIRED}'"),
    )
    .scalar_subquery()
)

LOOK = Statement(
    select(*_KNOWN_COLUMNS, *_STUDY_COLUMNS, *_SERIES_FOUND, _REJECTED_BY).select_from(
        select(literal_column("1").label("one"))
        .subquery("asked")
        .outerjoin(instance, and_(instance.c.sop_instance_uid == bindparam("sop_instance_uid"), IS_LIVE))
        .outerjoin(study, study.c.study_instance_uid == bindparam("study_instance_uid"))
        .outerjoin(patient, study.c.patient_row == patient.c.row)
        .outerjoin(
            series,
            and_(
                series.c.study_row == study.c.row,
                series.c.series_instance_uid == bindparam("series_instance_uid"),
            ),
        )
    )
)
"""Always one row: the live instance, the study with its patient, the series of an arrival, and the rejection that names
it, NULLs for what is not there."""

LIVE = Statement(select(*_KNOWN_COLUMNS).where(instance.c.sop_instance_uid == bindparam("sop_instance_uid"), IS_LIVE))


def _same_content(condition: ColumnElement[bool]) -> Statement:
    return Statement(
        select(*_KNOWN_COLUMNS).where(
            instance.c.sop_instance_uid == bindparam("sop_instance_uid"),
            condition,
            instance.c.dataset_sha256 == bindparam("dataset_sha256"),
            instance.c.transfer_syntax_uid == bindparam("transfer_syntax_uid"),
        )
    )


HELD = _same_content(_IS_HELD)
REJECTED = _same_content(_IS_REJECTED)
FIND_PATIENT = Statement(select(patient.c.row).where(patient.c.demographics == bindparam("demographics")))
FIND_STUDY = Statement(
    select(*_STUDY_COLUMNS)
    .select_from(_STUDY_AND_PATIENT)
    .where(study.c.study_instance_uid == bindparam("study_instance_uid"))
)
FIND_SERIES = Statement(
    select(*_SERIES_FOUND).where(
        series.c.study_row == bindparam("study_row"),
        series.c.series_instance_uid == bindparam("series_instance_uid"),
    )
)
INSERT_PATIENT = InsertOnce(
    patient, ("demographics",), returning="row", values=_bound(patient, "row", "original", "person")
)
INSERT_STUDY = InsertOnce(
    study,
    ("study_instance_uid",),
    returning="row",
    values=_bound(
        study,
        "row",
        "original",
        "patient_name_start",
        "number_of_series",
        "number_of_instances",
        "revision",
        "stable",
        "priority_band",
        "priority_reason",
        "priority_source",
    ),
)
INSERT_SERIES = InsertOnce(
    series,
    ("study_row", "series_instance_uid"),
    returning="row",
    values=_bound(series, "row", "original", "changes", "number_of_instances"),
)
INSERT_LIVE = InsertOnce(
    instance,
    ("sop_instance_uid",),
    returning="row",
    values=_bound(instance, "row"),
    where=text("state = 'live'"),
)
INSERT_HELD = Statement(insert(instance).values(_bound(instance, "row")))
INSERT_GARBAGE = Statement(insert(garbage).values(_bound(garbage)))
SEEN = Statement(update(instance).where(instance.c.row == bindparam("row_")).values(last_seen_at=bindparam("at")))
COUNT_SERIES = Statement(
    update(series)
    .where(series.c.row == bindparam("series_row"))
    .values(number_of_instances=series.c.number_of_instances + 1, changed_at=bindparam("at"))
)
COUNT_STUDY = Statement(
    update(study)
    .where(study.c.row == bindparam("study_row"))
    .values(
        number_of_instances=study.c.number_of_instances + 1,
        number_of_series=study.c.number_of_series + bindparam("new_series"),
        changed_at=bindparam("at"),
        stable=0,
    )
)
