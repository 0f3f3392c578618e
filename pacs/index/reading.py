"""The reading list: studies by priority, then by date, the newest first, and what is looked for among them.

However many studies there are, a page takes as long: bands are read from their ends, a filter that few studies meet is
where the reading begins, and words are found everywhere by the beginning of a name's word or of a number, inside of
anything among the newest studies only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    ScalarSelect,
    Select,
    and_,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    union,
    union_all,
)

from pacs.dicom.names import folded, skeleton
from pacs.index.engine import plan_by_values
from pacs.index.names import from_literal, word_begins
from pacs.index.people import reading_state
from pacs.index.schema import WORD_CHARACTERS, patient, patient_word, series, study

NEWEST: Final = 5_000
"""Of each priority, so many studies are looked into for words that stand anywhere."""

SOME: Final = 20_000
"""So many studies are found by a filter and sorted sooner than the list is read through for those that meet it."""

TOTAL_MAX: Final = 10_000
"""What is looked for is counted so far and no further."""

BEGINNING_MIN: Final = 3
"""A shorter word has to be the whole one, beyond the newest studies."""

_AND_PATIENT = study.join(patient, study.c.patient_row == patient.c.row)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is looked for: `words` of a name, number or description; dates YYYYMMDD, "" where the range is open;
    `read` when only what is read, or only what is not, is wanted; `patient_of` a study whose patient's are wanted;
    `studies`, when given, are the only ones that exist for the caller. `sort` is one of SORTS or of ORDERS.
    """

    words: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    read: bool | None = None
    patient_of: str = ""
    studies: frozenset[str] | None = None
    sort: str = ""
    descending: bool = False


@dataclass(frozen=True, slots=True)
class _Filter:
    """What a study has to meet: as a condition on it, and as the rows of those that do, which an index finds.

    `bounds` the order by date: the list is read from one end of what is wanted to the other, few or many.
    """

    condition: ColumnElement[bool]
    rows: Select[Any] | CompoundSelect[Any]
    bounds: bool = False


_MODALITY: Final[ScalarSelect[Any]] = (
    select(func.min(series.c.modality))
    .where(series.c.study_row == study.c.row, series.c.modality != "")
    .correlate(study)
    .scalar_subquery()
)
SORTS: Final[Mapping[str, tuple[ColumnElement[Any], ...]]] = MappingProxyType(
    {
        "patient": (patient.c.patient_name_folded, patient.c.patient_id),
        "date": (study.c.study_date, study.c.study_time, study.c.study_instance_uid),
        "modality": (func.coalesce(_MODALITY, literal_column("''")),),
        "study": (study.c.study_description,),
        "accession": (study.c.accession_number,),
        "images": (study.c.number_of_instances,),
        "received": (study.c.received_at,),
        "referring": (study.c.referring_physician_name_folded,),
        "institution": (study.c.institution_name,),
    }
)
"""By what a reader may sort instead, and within it."""


ORDERS: Final[Mapping[str, tuple[ColumnElement[Any], ...]]] = MappingProxyType(
    {
        "": (study.c.study_date, study.c.study_time, study.c.row),
        "arrival": (study.c.received_at, study.c.row),
    }
)
"""The list's own orders: within each priority from the end of these. A study without a date comes last by date."""


def page(connection: Connection, reading: Reading, limit: int, offset: int) -> list[int]:
    """The rows of `study` on a page, in the order of the list."""
    plan_by_values(connection)
    if reading.sort not in ORDERS:
        return _by_column(connection, reading, limit, offset)
    most = limit + offset
    conditions, few = _everywhere(connection, reading)
    # without words the index of the list alone is read where it does
    listed = _Listed(connection, ORDERS[reading.sort], _AND_PATIENT if reading.words else study, most)
    places = listed.sorted(conditions) if few else listed.in_bands(conditions)
    if reading.words:
        places = _merged(places, listed.sorted(_among_newest(connection, reading)))
    return [place[-1] for place in places[offset:most]]


def late(connection: Connection, reading: Reading, since: int, day: str) -> tuple[int, bool]:
    """How many arrived since a moment (microseconds) whose study date is before `day` (DA), or none: by date they stand
    among the older ones. Of the NEWEST arrivals alone; and whether there are more than were looked at.
    """
    plan_by_values(connection)
    arrived = (
        select(study.c.row).where(study.c.received_at >= since).order_by(study.c.received_at.desc()).limit(NEWEST)
    ).subquery()
    seen = int(connection.execute(select(func.count()).select_from(arrived)).scalar_one())
    conditions = [one.condition for one in _filters(reading)]
    of_before = (
        select(func.count())
        .select_from(study)
        .where(study.c.row.in_(select(arrived.c.row)), study.c.study_date < day, *conditions, *_allowed(reading))
    )
    return int(connection.execute(of_before).scalar_one()), seen == NEWEST


def total(connection: Connection, reading: Reading) -> int:
    """How many studies there are on all pages; of what is looked for no more than TOTAL_MAX and one."""
    plan_by_values(connection)
    filters = [*_filters(reading), *map(_begins, reading.words)]
    if not filters and reading.studies is None:
        return int(connection.execute(select(func.count()).select_from(study)).scalar_one())
    if len(filters) == 1 and reading.studies is None:
        found = _count(connection, filters[0].rows.subquery().select().distinct())
    else:
        conditions, _ = _everywhere(connection, reading)
        found = _count(connection, select(study.c.row).select_from(_AND_PATIENT).where(*conditions))
    if reading.words and found <= TOTAL_MAX:
        begins = and_(*(_begins(word).condition for word in reading.words))
        inside = [*_among_newest(connection, reading), not_(begins)]
        found += _count(connection, select(study.c.row).select_from(_AND_PATIENT).where(*inside))
    return min(found, TOTAL_MAX + 1)


def _by_column(connection: Connection, reading: Reading, limit: int, offset: int) -> list[int]:
    """The rows of a page sorted by a column; every one that matches is looked at, but for those an index sorts."""
    conditions, _ = _everywhere(connection, reading)
    if reading.words:
        found = [select(study.c.row).select_from(_AND_PATIENT).where(*conditions)]
        found += [select(study.c.row).select_from(_AND_PATIENT).where(*_among_newest(connection, reading))]
        conditions = [study.c.row.in_(union(*found))]
    keys = [key.desc() if reading.descending else key.asc() for key in (*SORTS[reading.sort], study.c.row)]
    tables = _AND_PATIENT if reading.sort == "patient" else study
    statement = select(study.c.row).select_from(tables).where(*conditions).order_by(*keys)
    return list(connection.execute(statement.limit(limit).offset(offset)).scalars())


def _count(connection: Connection, rows: Select[Any]) -> int:
    counted = select(func.count()).select_from(rows.limit(TOTAL_MAX + 1).subquery())
    return int(connection.execute(counted).scalar_one())


_Place = tuple[Any, ...]
"""Band, what the order goes by, and row."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """The first `most` places of the list, in one of ORDERS."""

    connection: Connection
    order: tuple[ColumnElement[Any], ...]
    tables: FromClause
    most: int

    def in_bands(self, conditions: Sequence[ColumnElement[bool]]) -> list[_Place]:
        """Band after band: each is read from its end, which no one statement does."""
        found: list[_Place] = []
        for band in _bands(self.connection):
            if len(found) >= self.most:
                break
            found += self.sorted([*conditions, study.c.priority_band == band], self.most - len(found))
        return found

    def sorted(self, conditions: Sequence[ColumnElement[bool]], most: int | None = None) -> list[_Place]:
        """Of all bands in one statement."""
        statement = (
            select(study.c.priority_band, *self.order)
            .select_from(self.tables)
            .where(*conditions)
            .order_by(study.c.priority_band, *(key.desc() for key in self.order))
            .limit(self.most if most is None else most)
        )
        return [tuple(row) for row in self.connection.execute(statement)]


def _merged(one: Sequence[_Place], other: Sequence[_Place]) -> list[_Place]:
    newest = sorted({*one, *other}, key=lambda place: place[1:], reverse=True)
    return sorted(newest, key=lambda place: place[0])


def _bands(connection: Connection) -> list[int]:
    """The bands that have a study, each found by one look into the index."""
    found: list[int] = []
    statement = select(func.min(study.c.priority_band))
    band = connection.execute(statement).scalar()
    while band is not None:
        found.append(band)
        band = connection.execute(statement.where(study.c.priority_band > band)).scalar()
    return found


def _newest(connection: Connection) -> Any:
    """The rows of the newest studies of each band: a SELECT."""
    parts = [
        select(
            select(study.c.row)
            .where(study.c.priority_band == band)
            .order_by(study.c.received_at.desc(), study.c.row.desc())
            .limit(NEWEST)
            .subquery()
            .c.row
        )
        for band in _bands(connection)
    ]
    return union_all(*parts) if parts else select(study.c.row)


# Filters -------------------------------------------------------------------------------------------------------


def _everywhere(connection: Connection, reading: Reading) -> tuple[list[ColumnElement[bool]], bool]:
    """What a study has to meet that is found by indexes alone; and whether the few that meet some filter are begun
    with, so that they are sorted."""
    filters = [*_filters(reading), *map(_begins, reading.words)]
    begins = (one for one in filters if not (one.bounds and reading.sort == ""))
    begun = next((one for one in begins if _few(connection, one)), None)
    conditions = [study.c.row.in_(one.rows) if one is begun else one.condition for one in filters]
    return [*conditions, *_allowed(reading)], begun is not None or reading.studies is not None


def _among_newest(connection: Connection, reading: Reading) -> list[ColumnElement[bool]]:
    """The same for words that stand anywhere in the newest studies."""
    filters = [one.condition for one in _filters(reading)]
    return [*filters, *map(_inside, reading.words), study.c.row.in_(_newest(connection)), *_allowed(reading)]


def _allowed(reading: Reading) -> list[ColumnElement[bool]]:
    return [] if reading.studies is None else [study.c.study_instance_uid.in_(sorted(reading.studies))]


def _filters(reading: Reading) -> Iterator[_Filter]:
    if reading.low or reading.high:
        dates = [study.c.study_date != ""]
        dates += [study.c.study_date >= reading.low] if reading.low else []
        dates += [study.c.study_date <= reading.high] if reading.high else []
        yield _Filter(and_(*dates), select(study.c.row).where(*dates), bounds=True)
    if reading.modalities:
        is_one = series.c.modality.in_(reading.modalities)
        inside = exists().where(series.c.study_row == study.c.row, is_one).correlate(study)
        yield _Filter(inside, select(series.c.study_row).where(is_one))

    if reading.patient_of:
        same = study.c.patient_row.in_(_rows_of_patient(reading.patient_of))
        yield _Filter(same, select(study.c.row).where(same))
    if reading.read is not None:
        said = exists().where(
            reading_state.c.study_instance_uid == study.c.study_instance_uid, reading_state.c.read_by != ""
        )
        wanted = said.correlate(study) if reading.read else not_(said.correlate(study))
        yield _Filter(wanted, select(study.c.row).where(wanted))


def _rows_of_patient(study_instance_uid: str) -> Select[Any]:
    """Every row of the Patient ID that the study is under, whatever name, birth date and sex its objects tell."""
    whose, other = study.alias(), patient.alias()
    return (
        select(other.c.row)
        .join(patient, patient.c.identity == other.c.identity)
        .join(whose, whose.c.patient_row == patient.c.row)
        .where(whose.c.study_instance_uid == study_instance_uid)
        .correlate(None)
    )


def _few(connection: Connection, one: _Filter) -> bool:
    counted = select(func.count()).select_from(one.rows.limit(SOME + 1).subquery())
    return int(connection.execute(counted).scalar_one()) <= SOME


# Words ---------------------------------------------------------------------------------------------------------


def _begins(word: str) -> _Filter:
    """A study of a patient with the word at the beginning of a word of the name or of the number, or with such an
    accession number."""
    sound = skeleton(word).strip("*?^= ")[:WORD_CHARACTERS]
    texts = list(dict.fromkeys([word, word.upper()]))  # as it is typed, and as most numbers are written
    numbers = [_from(column, text) for column in (patient.c.patient_id, study.c.accession_number) for text in texts]
    rows = [
        *(_of_patients(select(patient.c.row).where(_from(patient.c.patient_id, text))) for text in texts),
        *(select(study.c.row).where(_from(study.c.accession_number, text)) for text in texts),
        _of_patients(select(patient.c.row).where(_was_called(texts))),
    ]
    numbers.append(_was_called(texts))
    if sound:
        rows.append(_of_patients(select(patient_word.c.patient_row).where(_from(patient_word.c.word, sound))))
        ending = "" if len(sound) >= BEGINNING_MIN else " "
        numbers.append(word_begins(patient.c.patient_name_skeleton.concat(" "), _pattern(sound) + ending))
    return _Filter(or_(*numbers), union_all(*rows))


def _was_called(texts: Sequence[str]) -> ColumnElement[bool]:
    """A patient who had such a number before, and was merged; there are few who have others at all."""
    others = literal_column("'\\'").concat(patient.c.other_patient_ids)
    ending = "%" if len(texts[0]) >= BEGINNING_MIN else "\\%"
    called = [others.concat("\\").like(f"%\\{_pattern(text)}{ending}", escape="!") for text in texts]
    return and_(patient.c.other_patient_ids != literal_column("''"), or_(*called))


def _of_patients(rows: Select[Any]) -> Select[Any]:
    return select(study.c.row).where(study.c.patient_row.in_(rows))


def _from(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return and_(*from_literal(column, text)) if len(text) >= BEGINNING_MIN else column == text


def _inside(word: str) -> ColumnElement[bool]:
    """A study whose patient, number or description has the word; names are found across scripts."""
    name, sound = _pattern(folded(word)), _pattern(skeleton(word))
    alternatives = [
        _has(patient.c.patient_name_folded, name),
        *_in_any_case(patient.c.patient_id, word),
        *_in_any_case(patient.c.other_patient_ids, word),  # who was merged: the old wristband finds them
        *_in_any_case(study.c.accession_number, word),
        *_in_any_case(study.c.study_description, word),
    ]
    if sound:
        column = patient.c.patient_name_skeleton
        alternatives.append(and_(column != "", word_begins(column, sound)))
    return or_(*alternatives)


def _in_any_case(column: ColumnElement[Any], word: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """As written too: SQLite's lower() knows ASCII alone."""
    return _has(column, _pattern(word)), _has(func.lower(column), _pattern(word.lower()))


def _has(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    return column.like(f"%{pattern}%", escape="!")


def _pattern(text: str) -> str:
    return re.sub(r"([!%_])", r"!\1", text)
