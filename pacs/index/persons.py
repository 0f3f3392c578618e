"""Patients at their own level: a Patient ID has a row for every name, birth date and sex that objects tell, and rows
that differ in mere spelling are answered once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, func, not_, select
from sqlalchemy.sql.util import ClauseAdapter

from pacs.index.schema import patient, study


def first_of_person(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """No earlier row of the same person meets the `conditions` too."""
    earlier = patient.alias("earlier")
    same = (
        earlier.c.identity == patient.c.identity,
        earlier.c.person == patient.c.person,
        earlier.c.row < patient.c.row,
    )
    moved = [ClauseAdapter(earlier).traverse(condition) for condition in conditions]
    return not_(select(1).select_from(earlier).where(and_(*same, *moved)).correlate(patient).exists())


def related(what: ColumnElement[int]) -> ColumnElement[int]:
    """`what`, an aggregate of studies, of all rows of the person."""
    alike = patient.alias("alike")
    whose: Select[tuple[int]] = select(func.coalesce(what, 0))
    return (
        whose.select_from(alike.join(study, study.c.patient_row == alike.c.row))
        .where(alike.c.identity == patient.c.identity, alike.c.person == patient.c.person)
        .correlate(patient)
        .scalar_subquery()
    )
