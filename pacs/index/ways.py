"""By which ways the rows of an answer are found where one statement would have to look at all there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, exists, func, not_, select

from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.names import folded
from pacs.index.criteria import Criterion, Equals, Like, Query, Test
from pacs.index.names import (
    at_beginning,
    bounds,
    from_literal,
    fuzzy_words,
    in_group,
    literal_beginning,
    name_condition,
)
from pacs.index.schema import IN_GROUPS, NAME_START, WORD_CHARACTERS, patient, patient_word, study
from pacs.index.writer import Statement


@dataclass(frozen=True, slots=True)
class Way:
    """A search whose rows are part of an answer, no row in two of them: `conditions` stand for `criterion`."""

    criterion: Criterion | None = None
    conditions: tuple[ColumnElement[bool], ...] = ()


EVERYWHERE = Way()


FEW_PATIENTS, SOME_PATIENTS = 200, 2000
"""So many patients' studies are found and sorted sooner than the newest are looked through for those of that name."""

MANY_PATIENTS = 20_000
"""So many names with a word are looked at for the other words."""

_NAME, _SOUND = patient.c.patient_name_folded, patient.c.patient_name_skeleton


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
    """How a patient's name is looked for of which the key gives a beginning, so that an index serves.

    In the order of the answer where many have such a name: whatever matches, a page of it takes as long.
    """
    if query.fuzzy:
        return [_by_word(connection, query)]
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


def _by_word(connection: Connection, query: Query) -> Way:
    """By the words of a fuzzy key, the one that the fewest names have first, where few have them all; else in the order
    of the answer."""
    criterion = _patient_name(query)
    if criterion is None:
        return EVERYWHERE
    text = _text(criterion.test)
    beginnings = {literal_beginning(word)[:WORD_CHARACTERS] for word in fuzzy_words(text)} - {""}
    counted = {one: _counted(connection, _with_words([one]), MANY_PATIENTS) for one in beginnings}
    rarest = sorted(beginnings, key=counted.__getitem__)
    if not rarest:
        return EVERYWHERE
    whole, all_words = name_condition(_NAME, _SOUND, text, query), _with_words(rarest)
    if query.level is not Level.STUDY or query.limit is None:
        return Way(criterion, (patient.c.row.in_(all_words), whole))
    if counted[rarest[0]] <= MANY_PATIENTS and _counted(connection, all_words, SOME_PATIENTS) <= SOME_PATIENTS:
        return Way(criterion, (patient.c.row.in_(all_words), whole))
    return Way(criterion, (name_condition(_NAME, _SOUND.concat(""), text, query),))  # no index of the name is wanted


def _with_words(beginnings: Sequence[str]) -> Select[tuple[int]]:
    """The rows of the patients with a word in their names for each of the beginnings; the first one is looked up."""
    found = select(patient_word.c.patient_row).where(*from_literal(patient_word.c.word, beginnings[0]))
    for beginning in beginnings[1:]:
        other = patient_word.alias()
        found = found.where(
            exists().where(other.c.patient_row == patient_word.c.patient_row, *from_literal(other.c.word, beginning))
        )
    return found


def _counted(connection: Connection, rows: Select[tuple[int]], most: int) -> int:
    """How many there are, no further than one past `most`."""
    return int(connection.execute(select(func.count()).select_from(rows.limit(most + 1).subquery())).scalar_one())


def _patient_name(query: Query) -> Criterion | None:
    """The one criterion of the patient's name, where it is of one value."""
    names = [criterion for criterion in query.criteria if criterion.attribute is BY_KEYWORD["PatientName"]]
    return names[0] if len(names) == 1 and isinstance(names[0].test, Equals | Like) else None


def _text(test: Test) -> str:
    assert isinstance(test, Equals | Like), "a test of one value"
    return test.value if isinstance(test, Equals) else test.pattern


def _name_with_beginning(query: Query) -> tuple[Criterion | None, str]:
    """The criterion of the patient's name and its pattern, where that is not open at its beginning."""
    criterion = None if query.across_scripts else _patient_name(query)
    if criterion is None:
        return None, ""
    pattern = folded(_text(criterion.test))
    return (criterion, pattern) if literal_beginning(pattern) else (None, "")
