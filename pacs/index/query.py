"""From a `Query` to rows: one SELECT built from the catalogue, streamed.

Names are compared folded (PS3.4 C.2.2.2.1 leaves their matching to the implementation), everything else as PS3.4 says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)

from pacs.attributes import BY_KEYWORD, UNIQUE_KEY, Attribute, Extended, Level, Matching
from pacs.index import zones
from pacs.index.criteria import AllOf, AnyOf, Between, Criterion, Empty, Equals, Item, Like, OneOf, Query, Test
from pacs.index.extended import meets, values_of
from pacs.index.forms import Forms, streamed
from pacs.index.items import items_meet
from pacs.index.names import LAST, like, name_condition, sql_pattern
from pacs.index.persons import first_of_person, related
from pacs.index.schema import IS_LIVE, LEVEL_TABLES, instance, patient, series, study
from pacs.index.ways import EVERYWHERE, Way, ways
from pacs.index.zones import COMBINED, are_one, widened, zoned

ROWS_AT_ONCE = 500
PAGE_MAX = 5000
"""What is read at once and not streamed."""

_ABOVE = {
    Level.STUDY: (patient, study.c.patient_row == patient.c.row),
    Level.SERIES: (study, series.c.study_row == study.c.row),
    Level.IMAGE: (series, instance.c.series_row == series.c.row),
}
"""What each level hangs on: the table of the level above, and by which columns."""

# Newest study first; below it the order of numbers; the unique key makes every order total (PS3.18 8.3.4.4.1).
_DOWN, _UP = True, False
_BY_STUDY = ((study.c.study_date, _DOWN), (study.c.study_time, _DOWN), (study.c.study_instance_uid, _DOWN))
_ORDER: Mapping[Level, tuple[tuple[ColumnElement[Any], bool], ...]] = {
    Level.PATIENT: ((patient.c.patient_name_folded, _UP), (patient.c.row, _UP)),
    Level.STUDY: _BY_STUDY,
    Level.SERIES: (
        *_BY_STUDY,
        (func.length(series.c.series_number), _UP),
        (series.c.series_number, _UP),
        (series.c.series_instance_uid, _UP),
    ),
    Level.IMAGE: (
        (series.c.row, _UP),
        (func.length(instance.c.instance_number), _UP),
        (instance.c.instance_number, _UP),
        (instance.c.sop_instance_uid, _UP),
    ),
}

Place = tuple[Any, ...]
"""Where a row stands in the order of its level."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that follow each other, keyword to text, and the place of the last one; None where no more follow."""

    rows: list[dict[str, str]]
    last: Place | None


def find(connection: Connection, query: Query) -> Iterator[dict[str, str]]:
    """Rows of the answer, keyword to text; see `pacs.archive.archive.Archive.find`."""
    returned = _returned(query)
    late = _Late.of(query)
    needed = list(dict.fromkeys([*returned, *late.needed]))
    if not late:
        yield from _texts(needed, _found(connection, query, needed))
        return
    rows = _texts(
        needed,
        streamed(connection, _select(query, needed).where(*_conditions(query, EVERYWHERE)), ROWS_AT_ONCE),
    )
    # What no database compares is compared here, and the page is cut here.
    end = None if query.limit is None else query.offset + query.limit
    keywords = [attribute.keyword for attribute in returned]
    for position, row in enumerate(row for row in rows if late.meets(row)):
        if end is not None and position >= end:
            return
        if position >= query.offset:
            yield {keyword: row[keyword] for keyword in keywords}


def page(connection: Connection, query: Query, after: Place | None, most: int) -> Page:
    """At most `most` rows behind the place `after`, whatever limit and offset the query has. Each page costs the same,
    however many came before it, and none of them has to be remembered."""
    returned = _returned(query)
    late = _Late.of(query)
    needed = list(dict.fromkeys([*returned, *late.needed]))
    found = list(_found(connection, replace(query, limit=most, offset=0), needed, after))
    rows = list(_texts(needed, found))
    if late:
        rows = [
            {attribute.keyword: row[attribute.keyword] for attribute in returned} for row in rows if late.meets(row)
        ]
    return Page(rows, tuple(found[-1][len(needed) :]) if len(found) == most else None)


def _found(
    connection: Connection, query: Query, attributes: Sequence[Attribute], after: Place | None = None
) -> Iterable[Sequence[Any]]:
    """The rows that the database finds, `attributes` and then their place in the order."""
    found_by = ways(connection, query) if query.limit is not None else [EVERYWHERE]
    end = None if query.limit is None else query.offset + query.limit
    offset = query.offset if len(found_by) == 1 else 0
    lists: list[Iterable[Sequence[Any]]] = []
    for way in found_by:
        conditions = _conditions(query, way)
        if after is not None:
            conditions.append(_behind(query.level, after))
        if end is not None and end - query.offset <= PAGE_MAX and _has_form(query):
            kind = (query.level, tuple(attributes), tuple(_levels_asked(query)))
            make = partial(_select, query, attributes)
            lists.append(_FORMS.rows(connection, kind, make, conditions, end - offset, offset))
            continue
        statement = _select(query, attributes).where(*conditions)
        statement = statement.limit(None if end is None else end - offset).offset(offset or None)
        lists.append(streamed(connection, statement, ROWS_AT_ONCE))
    if len(lists) == 1:
        return lists[0]
    order = _ORDER[query.level]
    rows = [row for found in lists for row in found]
    for number in reversed(range(len(order))):  # the least of the order first: sorting is stable
        rows.sort(key=itemgetter(len(attributes) + number), reverse=order[number][1])
    return rows[query.offset : end]


_FORMS = Forms()


def _has_form(query: Query) -> bool:
    several = any(isinstance(criterion.test, OneOf) and len(criterion.test.values) > 1 for criterion in query.criteria)
    return query.study_instance_uids is None and not several


def _select(query: Query, attributes: Sequence[Attribute]) -> Select[Any]:
    """Every row there is at the level of `query`, in the order of its answer."""
    columns = [_column(attribute, query.level).label(attribute.keyword) for attribute in attributes]
    places = [column.label(f"place_{number}") for number, (column, _) in enumerate(_ORDER[query.level])]
    top = Level.PATIENT if query.level <= Level.STUDY else Level.STUDY
    top = min([top, *(attribute.level for attribute in attributes), *_levels_asked(query)])
    return select(*columns, *places).select_from(_tables(query.level, top)).order_by(*_order(query.level))


def _tables(level: Level, top: Level) -> FromClause:
    """The table of `level` with those above it, up to `top`."""
    joined: FromClause = LEVEL_TABLES[level]
    for below in range(level, top, -1):
        above, condition = _ABOVE[Level(below)]
        joined = joined.join(above, condition)
    return joined


def _levels_asked(query: Query) -> list[Level]:
    """The levels whose tables the conditions of `query` speak of."""
    restricted = query.study_instance_uids is not None and query.level > Level.PATIENT
    return [*([Level.STUDY] if restricted else []), *(criterion.attribute.level for criterion in query.criteria)]


def _texts(attributes: Sequence[Attribute], rows: Iterable[Sequence[Any]]) -> Iterator[dict[str, str]]:
    keywords = [attribute.keyword for attribute in attributes]
    for row in rows:
        yield {
            keyword: value if type(value) is str else _text(value)
            for keyword, value in zip(keywords, row, strict=False)
        }


def _order(level: Level) -> list[ColumnElement[Any]]:
    return [column.desc() if down else column for column, down in _ORDER[level]]


def _behind(level: Level, place: Place) -> ColumnElement[bool]:
    """Whether a row stands behind `place`: equal in the first columns of the order and beyond it in the next."""
    order = _ORDER[level]
    beyond = [column < value if down else column > value for (column, down), value in zip(order, place, strict=True)]
    equal = [column == value for (column, _), value in zip(order, place, strict=True)]
    first, value = order[0][0], place[0]
    # true of every such row, and a range that an index serves
    bound = first <= value if order[0][1] else first >= value
    return and_(bound, or_(*(and_(*equal[:number], beyond[number]) for number in range(len(order)))))


def count(connection: Connection, query: Query) -> int:
    """How many rows `find` would give without limit and offset."""
    if _Late.of(query):
        everything = replace(query, returns=(), limit=None, offset=0)
        return sum(1 for _ in find(connection, everything))
    top = min([query.level, *_levels_asked(query)])
    total = 0
    counted = select(func.count()).select_from(_tables(query.level, top))
    for way in ways(connection, replace(query, limit=None)):
        conditions = _conditions(query, way)
        if _has_form(query):
            [(found,)] = _FORMS.rows(connection, (query.level, top), lambda: counted, conditions, 1, 0)
        else:
            found = streamed(connection, counted.where(*conditions), 1).scalar_one()
        total += int(found)
    return total


def last_row(connection: Connection, level: Level) -> int:
    """The row that came last at `level`, 0 where there is none."""
    return connection.execute(select(func.max(LEVEL_TABLES[level].c.row))).scalar_one() or 0


def _returned(query: Query) -> list[Attribute]:
    keys = [UNIQUE_KEY[level] for level in Level if level <= query.level]
    asked = [attribute for attribute in query.returns if attribute.level <= query.level]
    return list(dict.fromkeys([*keys, *asked]))


def _conditions(query: Query, way: Way) -> list[ColumnElement[bool]]:
    elsewhere = zoned(query)
    combined = _combined(query) if query.combined_date_time and not elsewhere else {}
    conditions = [
        _condition(criterion, query)
        for criterion in query.criteria
        if not isinstance(criterion.test, Item)
        and criterion not in elsewhere
        and criterion.attribute.keyword not in combined
        and criterion is not way.criterion
    ]
    conditions += [*way.conditions, *(condition for parts in combined.values() for condition in parts)]
    conditions += _late_prefilter(query)
    for criterion in elsewhere:
        around = widened(criterion.test) if criterion.attribute.matching is Matching.DATE else None
        if around is not None:
            conditions.append(_condition(replace(criterion, test=around), query))
    if query.level is Level.IMAGE:
        conditions.append(IS_LIVE)
    if query.last_row is not None:
        conditions.append(LEVEL_TABLES[query.level].c.row <= query.last_row)
    if query.study_instance_uids is not None:
        allowed: ColumnElement[bool] = study.c.study_instance_uid.in_(sorted(query.study_instance_uids))
        if query.level is Level.PATIENT:
            allowed = exists().where(study.c.patient_row == patient.c.row, allowed)
        conditions.append(allowed)
    if query.level is Level.PATIENT:
        conditions.append(first_of_person(conditions))
    return conditions


# Columns -------------------------------------------------------------------------------------------------------


def _column(attribute: Attribute, level: Level) -> ColumnElement[Any]:
    if isinstance(attribute, Extended):
        return _joined(values_of(attribute))
    if attribute.matching is Matching.COMPUTED:
        return _COMPUTED[attribute.keyword]
    assert attribute.level <= level
    return LEVEL_TABLES[attribute.level].c[attribute.column]


def _joined(values: Select[Any]) -> ColumnElement[Any]:
    inner = values.subquery()
    return select(func.coalesce(func.aggregate_strings(inner.c[0], "\\"), "")).scalar_subquery()


_COMPUTED: dict[str, ColumnElement[Any]] = {
    "ModalitiesInStudy": _joined(
        select(series.c.modality)
        .distinct()
        .where(series.c.study_row == study.c.row, series.c.modality != "")
        .order_by(series.c.modality)
        .correlate(study)
    ),
    "SOPClassesInStudy": _joined(
        select(instance.c.sop_class_uid)
        .distinct()
        .join(series, instance.c.series_row == series.c.row)
        .where(series.c.study_row == study.c.row, IS_LIVE)
        .order_by(instance.c.sop_class_uid)
        .correlate(study)
    ),
    "NumberOfPatientRelatedStudies": related(func.count()),
    "NumberOfPatientRelatedSeries": related(func.sum(study.c.number_of_series)),
    "NumberOfPatientRelatedInstances": related(func.sum(study.c.number_of_instances)),
    "NumberOfStudyRelatedSeries": study.c.number_of_series,
    "NumberOfStudyRelatedInstances": study.c.number_of_instances,
    "NumberOfSeriesRelatedInstances": series.c.number_of_instances,
    "AvailableTransferSyntaxUID": instance.c.transfer_syntax_uid,
}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


# Conditions ----------------------------------------------------------------------------------------------------


def _condition(criterion: Criterion, query: Query) -> ColumnElement[bool]:
    if isinstance(criterion.test, AllOf):
        return and_(*(_condition(replace(criterion, test=one), query) for one in criterion.test.tests))
    attribute = IN_STUDY.get(criterion.attribute.keyword)
    if attribute is not None and isinstance(criterion.test, Empty):
        return not_(_below(attribute, Like("*"), min(query.level, Level.STUDY), query))
    if attribute is not None:
        return _below(attribute, criterion.test, min(query.level, Level.STUDY), query)
    attribute = criterion.attribute
    if attribute.level > query.level:
        return _below(attribute, criterion.test, query.level, query)
    return _meets(attribute, criterion.test, query)


IN_STUDY = {"ModalitiesInStudy": BY_KEYWORD["Modality"], "SOPClassesInStudy": BY_KEYWORD["SOPClassUID"]}
"""Computed keys of a study that are met when anything in the study meets the attribute named here."""

_CHILDREN = ((study, "patient_row"), (series, "study_row"), (instance, "series_row"))


def _below(attribute: Attribute, test: Test, anchor: Level, query: Query) -> ColumnElement[bool]:
    """A key of a lower level: met when anything under the row of the `anchor` level meets it.

    The tables inside shadow those outside, so that a study's other series are looked at too.
    """
    (first, link), *rest = _CHILDREN[anchor : attribute.level]
    inside = select(1).select_from(first).where(first.c[link] == LEVEL_TABLES[anchor].c.row)
    for table, key in rest:
        inside = inside.where(table.c[key] == LEVEL_TABLES[Level(LEVELS_OF[table] - 1)].c.row)
    if attribute.level is Level.IMAGE:
        inside = inside.where(IS_LIVE)
    return exists(inside.where(_meets(attribute, test, query)).correlate(LEVEL_TABLES[anchor]))


LEVELS_OF = {table: level for level, table in LEVEL_TABLES.items()}


def _meets(attribute: Attribute, test: Test, query: Query) -> ColumnElement[bool]:
    if isinstance(attribute, Extended):
        return meets(attribute, test, query)
    if attribute.matching is Matching.COMPUTED:
        column: ColumnElement[Any] = _COMPUTED[attribute.keyword]
    else:
        column = LEVEL_TABLES[attribute.level].c[attribute.column]
    match test:
        case Equals(value) | Like(value) if attribute.matching is Matching.NAME:
            columns = LEVEL_TABLES[attribute.level].c
            return name_condition(
                columns[f"{attribute.column}_folded"], columns[f"{attribute.column}_skeleton"], value, query
            )
        case Equals(value):
            return _one_of_several(column, value) if attribute.multiple else column == value
        case OneOf(values):
            return column == values[0] if len(values) == 1 else column.in_(values)
        case Like(pattern):
            return like(column, pattern)
        case Between(low, high):
            bounds = [column != ""]
            if low:
                bounds.append(column >= low)
            if high:
                bounds.append(column <= high + LAST)
            return and_(*bounds)
        case Empty():
            counted = attribute.matching is Matching.COMPUTED and attribute.vr == "IS"
            return false() if counted else column == ""
        case AnyOf(tests):
            return or_(*(_meets(attribute, one, query) for one in tests))
        case AllOf() | Item():
            raise AssertionError("each of all is a condition by itself; items are compared after the rows are read")


def _one_of_several(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """A value among several of a multi-valued attribute (they are joined by backslashes)."""
    return ("\\" + column + "\\").like(f"%\\{sql_pattern(value)}\\%", escape="!")


def _combined(query: Query) -> dict[str, list[ColumnElement[bool]]]:
    """Date and time ranges of one moment as one interval (PS3.18 8.3.4.1.1), under the keyword of the time.

    The date's own range stays beside it: it is true of every row of the interval and has an index.
    """
    ranges = {c.attribute.keyword: c.test for c in query.criteria if isinstance(c.test, Between)}
    combined: dict[str, list[ColumnElement[bool]]] = {}
    for date_keyword, time_keyword in COMBINED:
        date, time = ranges.get(date_keyword), ranges.get(time_keyword)
        attribute = BY_KEYWORD[date_keyword]
        if date is None or time is None or attribute.level > query.level or not are_one(date, time):
            continue
        columns = LEVEL_TABLES[attribute.level].c
        moment = columns[attribute.column] + columns[BY_KEYWORD[time_keyword].column]
        combined[time_keyword] = []
        if date.low:
            combined[time_keyword].append(moment >= date.low + time.low)
        if date.high:
            combined[time_keyword].append(moment <= date.high + time.high + LAST)
    return combined


# What is compared after the rows are read ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Late:
    """Items of sequences, each of which is one text, and moments of another place."""

    query: Query
    items: tuple[Criterion, ...]
    elsewhere: tuple[Criterion, ...]

    @classmethod
    def of(cls, query: Query) -> _Late:
        items = tuple(criterion for criterion in query.criteria if isinstance(criterion.test, Item))
        return cls(query, items, zoned(query))

    def __bool__(self) -> bool:
        return bool(self.items or self.elsewhere)

    @property
    def needed(self) -> list[Attribute]:
        """What has to be read for it."""
        keywords = zones.needed(self.elsewhere)
        return [*(criterion.attribute for criterion in self.items), *(BY_KEYWORD[keyword] for keyword in keywords)]

    def meets(self, row: Mapping[str, str]) -> bool:
        """Whether a row is part of the answer."""
        return items_meet(row, self.items) and zones.meets(row, self.elsewhere, self.query)


def _late_prefilter(query: Query) -> list[ColumnElement[bool]]:
    return [
        LEVEL_TABLES[criterion.attribute.level].c[criterion.attribute.column] != ""
        for criterion in query.criteria
        if isinstance(criterion.test, Item) and criterion.attribute.level <= query.level
    ]
