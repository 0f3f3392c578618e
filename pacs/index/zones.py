"""Dates and times of a question that tells its offset from UTC, against rows that tell theirs (PS3.4 C.4.1.1.3.1).

No database does this alike, so it is done after the rows are read; the database narrows the dates by two days more on
either side, which is what two places on Earth can be apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from pacs.attributes import BY_KEYWORD, Extended, Level
from pacs.index.criteria import AnyOf, Between, Criterion, Empty, Query, Test
from pacs.index.names import LAST

COMBINED = (
    ("StudyDate", "StudyTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    ("ContentDate", "ContentTime"),
    ("AcquisitionDate", "AcquisitionTime"),
)
"""Dates and times that are one moment."""

OFFSET = BY_KEYWORD["TimezoneOffsetFromUTC"]
_OFFSET_FORM = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")
_MOST = timedelta(days=2)


def valid_offset(text: str) -> bool:
    """Whether it is an offset from UTC as (0008,0201) has it (PS3.3 C.12.1.1.8)."""
    return _OFFSET_FORM.fullmatch(text) is not None


def zoned(query: Query) -> tuple[Criterion, ...]:
    """The criteria that are compared as moments of another place: of dates and times, no deeper than the answer."""
    if not query.timezone_offset or query.level < Level.STUDY:
        return ()
    return tuple(
        criterion
        for criterion in query.criteria
        if criterion.attribute.keyword in _PAIRS
        and not isinstance(criterion.attribute, Extended)
        and criterion.attribute.level <= query.level
    )


_PAIRS = {keyword: pair for pair in COMBINED for keyword in pair}


def needed(criteria: tuple[Criterion, ...]) -> list[str]:
    """Keywords of what a row has to have for `meets`."""
    keywords = [keyword for criterion in criteria for keyword in _PAIRS[criterion.attribute.keyword]]
    return [*keywords, OFFSET.keyword] if keywords else []


def widened(test: Test) -> Between | None:
    """A range of dates that holds every date the same moments can have elsewhere; None where it cannot be told."""
    if not isinstance(test, Between):
        return None
    try:
        low = _day(test.low, "0101") - _MOST if test.low else None
        high = _day(test.high, "1231") + _MOST if test.high else None
    except (ValueError, OverflowError):
        return None
    return Between(f"{low:%Y%m%d}" if low else "", f"{high:%Y%m%d}" if high else "")


def are_one(date: Test | None, time: Test | None) -> bool:
    """Whether two ranges are one interval of moments: a month or a year has no time of day."""
    return (
        isinstance(date, Between)
        and isinstance(time, Between)
        and all(len(end) in (0, 8) for end in (date.low, date.high))
    )


def _day(text: str, rest: str) -> datetime:
    """A day of what may be a month or a year: its first, or one that is not before its last."""
    if len(text) == 6:
        begin = datetime.strptime(f"{text}01", "%Y%m%d")  # noqa: DTZ007 - a day, wherever
        return begin if rest == "0101" else begin + timedelta(days=31)
    return datetime.strptime((text + rest)[:8], "%Y%m%d")  # noqa: DTZ007


def meets(row: Mapping[str, str], criteria: tuple[Criterion, ...], query: Query) -> bool:
    """Whether a row meets the criteria when its dates and times are told with the offset of the question."""
    tests = {criterion.attribute.keyword: criterion.test for criterion in criteria}
    for date_keyword, time_keyword in COMBINED:
        date_test, time_test = tests.get(date_keyword), tests.get(time_keyword)
        if date_test is None and time_test is None:
            continue
        date, time = moved(row[date_keyword], row[time_keyword], row[OFFSET.keyword], query.timezone_offset)
        if query.combined_date_time and are_one(date_test, time_test):
            assert isinstance(date_test, Between), "they are one interval"
            assert isinstance(time_test, Between), "they are one interval"
            low = date_test.low and date_test.low + time_test.low
            high = date_test.high and date_test.high + time_test.high
            if not (date and _is_between(date + time, low, high)):
                return False
        elif not (_value_meets(date, date_test) and _value_meets(time, time_test)):
            return False
    return True


def moved(date: str, time: str, offset: str, other: str) -> tuple[str, str]:
    """A date YYYYMMDD and time HHMMSS.F of one offset from UTC, as they are at another; as they are where the moment
    or the offset is not known."""
    if offset == other or not valid_offset(offset) or len(date) != 8 or len(time) < 2:
        return date, time
    whole, point, fraction = time.partition(".")
    try:
        at = datetime.strptime(date + (whole + "0000")[:6], "%Y%m%d%H%M%S")  # noqa: DTZ007 - its offset follows
        at += _distance(other) - _distance(offset)
    except (ValueError, OverflowError):
        return date, time
    return f"{at:%Y%m%d}", f"{at:%H%M%S}"[: max(4, len(whole))] + point + fraction


def _distance(offset: str) -> timedelta:
    distance = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    return -distance if offset[0] == "-" else distance


def _value_meets(value: str, test: Test | None) -> bool:
    match test:
        case None:
            return True
        case Between(low, high):
            return value != "" and _is_between(value, low, high)
        case Empty():
            return value == ""
        case AnyOf(tests):
            return any(_value_meets(value, one) for one in tests)
    raise AssertionError("dates and times are met by ranges")


def _is_between(value: str, low: str, high: str) -> bool:
    return value >= low and (not high or value <= high + LAST)
