"""By which ways the rows of an answer are found where one statement would have to look at all there are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, exists, func, not_, select

from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.names import folded
from pacs.index.criteria import Criterion, Equals, Like, Query
from pacs.index.names import at_beginning, bounds, from_literal, in_group, literal_beginning
from pacs.index.schema import IN_GROUPS, NAME_START, patient, study
from pacs.index.writer import Statement


@dataclass(frozen=True, slots=True)
class Way:
    """A search whose rows are part of an answer, no row in two of them: `conditions` stand for `criterion`."""

    criterion: Criterion | None = None
    conditions: tuple[ColumnElement[bool], ...] = ()


EVERYWHERE = Way()


FEW_PATIENTS, SOME_PATIENTS = 200, 2000
"""So many patients' studies are found and sorted sooner than the newest are looked through for those of that name."""

_NAME = patient.c.patient_name_folded


_PROBE = Statement(
    select(
        select(func.count())
        .select_from(
            select(patient.c.row)
            .where(bindparam("low") <= _NAME, bindparam("high") > _NAME)
            .limit(bindparam("most", type_=Integer))
            .subquery()
        )
        .scalar_subquery(),
        exists().where(IN_GROUPS),
    )
)
"""How many patients have a name in a range, no further than `most`; and whether any name has several groups."""


def ways(connection: Connection, query: Query) -> list[Way]:
    """How a patient's name is looked for of which the key gives the beginning, so that an index serves.

    In the order of the answer where many have such a name: whatever matches, a page of it takes as long.
    """
    criterion, pattern = _name_with_beginning(query)
    if criterion is None:
        return [EVERYWHERE]
    literal = literal_beginning(pattern)
    long = len(literal) >= NAME_START
    few = FEW_PATIENTS if long else SOME_PATIENTS
    low, high = bounds(literal)
    text, values = _PROBE.bound(connection.dialect, {"low": low, "high": high, "most": few + 1})
    probed = connection.exec_driver_sql(text, tuple(values) if isinstance(values, list) else values)
    patients, in_groups = probed.one()
    beginning = at_beginning(_NAME, pattern)
    if query.level is not Level.STUDY or query.limit is None or patients <= few:
        ways = [Way(criterion, (*from_literal(_NAME, literal), beginning))]
    else:
        start = (study.c.patient_name_start == literal[:NAME_START],) if long else ()
        ways = [Way(criterion, (*start, at_beginning(_NAME.concat(""), pattern)))]  # no index of the name is wanted
    if in_groups:
        ways.append(Way(criterion, (IN_GROUPS, in_group(_NAME, pattern), not_(beginning))))
    return ways


def _name_with_beginning(query: Query) -> tuple[Criterion | None, str]:
    """The criterion of the patient's name and its pattern, where that is not open at its beginning."""
    names = [criterion for criterion in query.criteria if criterion.attribute is BY_KEYWORD["PatientName"]]
    if len(names) != 1 or query.fuzzy or query.across_scripts or not isinstance(names[0].test, Equals | Like):
        return None, ""
    test = names[0].test
    pattern = folded(test.value if isinstance(test, Equals) else test.pattern)
    return (names[0], pattern) if literal_beginning(pattern) else (None, "")
