"""Patients, studies and series as objects come out of sight and back: their rows are there while anything live is below
them, so that no question has to look for what is hidden; what was known of them is kept with the deletion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, func, select, update

from pacs.archive import amendments, mixed_series
from pacs.archive.arrived import Arrived
from pacs.archive.patients import remove_childless, tell_apart
from pacs.archive.rows import ATTRIBUTES, columns, demographics, identity
from pacs.attributes import Level
from pacs.index.schema import IS_LIVE, instance, patient, series, study
from pacs.index.upsert import upsert
from pacs.model import to_microseconds

COUNTED = {"row", "patient_row", "person", "study_row", "number_of_series", "number_of_instances", "changed_at"}
"""Columns that are made anew when a row comes back."""

Saved = dict[str, Any]
"""The rows of one study, its patient and some of its series, as JSON keeps them."""


def save(connection: Connection, study_row: int, series_rows: Sequence[int]) -> Saved:
    """What is known of the study, its patient and these series."""
    of_study = connection.execute(select(study).where(study.c.row == study_row)).mappings().one()
    of_patient = connection.execute(select(patient).where(patient.c.row == of_study["patient_row"])).mappings().one()
    of_series = connection.execute(select(series).where(series.c.row.in_(series_rows))).mappings()
    return {
        "patient": _kept(of_patient),
        "study": _kept(of_study),
        "series": [_kept(row) for row in of_series],
    }


def _kept(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in COUNTED}


def of(arrived: Arrived) -> Saved:
    """What the object itself tells of its patient, study and series."""
    values, at = arrived.values, to_microseconds(arrived.received_at)
    return {
        "patient": {
            "identity": identity(values),
            "demographics": demographics(values),
            **columns(Level.PATIENT, values),
        },
        "study": {"received_at": at, **columns(Level.STUDY, values)},
        "series": [{"said_beside": mixed_series.said_by(values), **columns(Level.SERIES, values)}],
    }


def together(parts: Iterable[Saved]) -> Saved:
    """What several parts of one study tell; the first that has a row is right, where it says something."""
    whole: Saved = {}
    series_known: dict[str, dict[str, Any]] = {}
    for part in parts:
        whole = part | whole
        for one in part.get("series", ()):
            uid = one["series_instance_uid"]
            series_known[uid] = mixed_series.merged(series_known[uid], one) if uid in series_known else one
    return whole | {"series": list(series_known.values())}


def only_series(saved: Saved, series_instance_uid: str) -> Saved:
    """What is saved, of one series."""
    return saved | {"series": [one for one in saved["series"] if one["series_instance_uid"] == series_instance_uid]}


def recount(connection: Connection, study_row: int, series_rows: Iterable[int], at: int) -> bool:
    """Count anew what is live below, and take the rows away that have nothing; whether the study is still there."""
    touched = list(series_rows)
    live = (
        select(func.count()).where(instance.c.series_row == series.c.row, IS_LIVE).correlate(series).scalar_subquery()
    )
    connection.execute(update(series).where(series.c.row.in_(touched)).values(number_of_instances=live, changed_at=at))
    connection.execute(delete(series).where(series.c.row.in_(touched), series.c.number_of_instances == 0))
    is_any_corrected = mixed_series.settle(connection, touched)
    of_study = select(func.count()).where(series.c.study_row == study_row).scalar_subquery()
    in_study = (
        select(func.coalesce(func.sum(series.c.number_of_instances), 0))
        .where(series.c.study_row == study_row)
        .scalar_subquery()
    )
    counted = connection.execute(
        update(study)
        .where(study.c.row == study_row)
        .values(number_of_series=of_study, number_of_instances=in_study, changed_at=at)
        .returning(study.c.number_of_instances, study.c.patient_row)
    ).one()
    if counted.number_of_instances:
        if is_any_corrected:
            amendments.alone(connection, sharing=True)
            amendments.apply(connection, study_row, at)
        return True
    connection.execute(delete(study).where(study.c.row == study_row))
    remove_childless(connection, counted.patient_row)
    return False


def give_back(connection: Connection, saved: Saved, at: int) -> tuple[int, dict[str, int]]:
    """The rows of what was saved, made again where they went: the study's, and the series' by UID. They are counted
    afterwards, by `recount`."""
    of_patient = saved["patient"]
    # kept by a release that had one row of an identity
    of_patient = {"demographics": demographics(_told(of_patient), of_patient["identity"])} | of_patient
    patient_row = _row(connection, patient, ("demographics",), of_patient)
    tell_apart(connection, of_patient["identity"])
    study_row = _row(
        connection, study, ("study_instance_uid",), {**saved["study"], "patient_row": patient_row, "changed_at": at}
    )
    remove_childless(connection, patient_row)  # the study is another's by now
    rows = {}
    for one in saved["series"]:
        values = {**one, "study_row": study_row, "changed_at": at}
        row = rows[one["series_instance_uid"]] = _row(connection, series, ("study_row", "series_instance_uid"), values)
        mixed_series.joined(connection, row, one)
    return study_row, rows


def _told(of_patient: Mapping[str, Any]) -> dict[str, str]:
    """What the objects of a saved patient say, by keyword."""
    if of_patient.get("original"):
        own: dict[str, str] = json.loads(of_patient["original"])
        return own
    return {one.keyword: of_patient.get(one.column, "") for one in ATTRIBUTES[Level.PATIENT]}


def _row(connection: Connection, table: Table, key: tuple[str, ...], values: Mapping[str, Any]) -> int:
    """The row under the unique `key`, which is made of `values` where there is none."""
    known = {name: value for name, value in values.items() if name in table.c}
    made = upsert(connection, table).values(known).on_conflict_do_nothing(index_elements=list(key))
    connection.execute(made)
    return int(
        connection.execute(select(table.c.row).where(*[table.c[name] == known[name] for name in key])).scalar_one()
    )
