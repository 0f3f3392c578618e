"""Keys against documents of DICOM JSON: what meets them and what of it is answered (PS3.4 C.2.2.2).

Worklist entries and workitems are kept whole, so every attribute of them is matched and returned, nested ones too.
Names are compared without case and accents and across scripts (`pacs.dicom.names`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

from pacs.dicom.names import folded, skeleton
from pacs.errors import QueryRefused

Document = Mapping[str, Any]
"""A DICOM JSON object (PS3.18 Annex F), in Unicode."""

KEY_CHARACTERS_MAX: Final = 1024

_ABOUT_THE_TEXT: Final = "00080005"
_WILDCARD_VRS: Final = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_BINARY_VRS: Final = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_LAST: Final = "~"  # sorts after every digit, so that a partial date or time covers its whole span
_DATE: Final = re.compile(r"\d{4}((0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?)?")
_TIME: Final = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")
# an offset from UTC lies between -1200 and +1400, so no year is taken for one (PS3.5 6.2, DT)
_MOMENT: Final = r"\d{4}(?:\d{2}){0,5}(?:\.\d{1,6})?(?:[+-](?:0\d|1[0-4])[0-5]\d)?"
_MOMENTS: Final = re.compile(rf"({_MOMENT})?(-)?({_MOMENT})?")
_MOMENT_PARTS: Final = re.compile(r"(\d{4}(?:\d{2}){0,5})(?:\.(\d{1,6}))?([+-]\d{4})?")
_SPANS: Final = {10: timedelta(hours=1), 12: timedelta(minutes=1), 14: timedelta(seconds=1), 8: timedelta(days=1)}

Test = Callable[[Sequence[str]], bool]
"""Whether the values of an element, as texts, meet a key."""


class Keys:
    """The keys of a query, understood once and compared with any number of documents.

    `combined` are pairs of tags of a date and a time whose ranges are one interval (PS3.4 K.6.1.2.2, PS3.18 8.3.4.1.1).
    Raises QueryRefused with the attribute, the value and what was expected.
    """

    def __init__(self, document: Document, combined: Sequence[tuple[str, str]] = ()) -> None:
        self.complete = True
        """Whether every key is of a kind that is matched and returned; else responses are FF01 and not FF00."""
        self._asked: dict[str, str] = {}  # tag to VR
        self._items: dict[str, Keys] = {}
        self._tests: dict[str, Test] = {}
        for tag, body in document.items():
            if tag == _ABOUT_THE_TEXT:
                continue
            self._asked[tag] = str(body.get("vr", "UN"))
            if self._asked[tag] == "SQ":
                self._read_sequence(tag, body, combined)
            else:
                self._read_value(tag, body)
        self._moments = _combined(document, combined)
        for date_tag, time_tag, _ in self._moments:
            del self._tests[date_tag], self._tests[time_tag]

    def _read_sequence(self, tag: str, body: Document, combined: Sequence[tuple[str, str]]) -> None:
        items = body.get("Value") or []
        if len(items) > 1:
            raise QueryRefused(f"{_name(tag)} has {len(items)} items", "a sequence key has one item")
        if items and items[0]:
            self._items[tag] = Keys(items[0], combined)
            self.complete = self.complete and self._items[tag].complete

    def _read_value(self, tag: str, body: Document) -> None:
        vr = self._asked[tag]
        if vr not in _TESTS or int(tag[:4], 16) & 1:
            self.complete = False  # binary, unknown or private: returned where it is there, but not matched
            return
        test = _test(tag, vr, [text for text in texts(body) if text])
        if test is not None:
            self._tests[tag] = test

    def meets(self, document: Document) -> bool:
        """Whether `document` meets every key; an attribute without value meets no key that has one."""
        return (
            all(test(texts(document.get(tag))) for tag, test in self._tests.items())
            and all(
                met(texts(document.get(date))[:1], texts(document.get(time))[:1]) for date, time, met in self._moments
            )
            and all(self._some_item(keys, document.get(tag)) for tag, keys in self._items.items() if keys.selective)
        )

    @property
    def selective(self) -> bool:
        """Whether there is a document that does not meet the keys."""
        return bool(self._tests or self._moments) or any(keys.selective for keys in self._items.values())

    def answer(self, document: Document) -> dict[str, Any]:
        """Every attribute that was asked for, empty where `document` has none; of a sequence the items that meet its
        keys, with the attributes these ask for (PS3.4 C.2.2.2.6)."""
        answered: dict[str, Any] = {}
        for tag, vr in self._asked.items():
            stored = document.get(tag) or {"vr": vr}
            keys = self._items.get(tag)
            if keys is not None:
                items = [keys.answer(item) for item in stored.get("Value", []) if keys.meets(item)]
                stored = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
            answered[tag] = stored
        return answered

    @staticmethod
    def _some_item(keys: Keys, element: Document | None) -> bool:
        return any(keys.meets(item) for item in (element or {}).get("Value", []))


def texts(element: Document | None) -> list[str]:
    """The values of an element of DICOM JSON as texts, "" where one of several is empty; a name's groups joined."""
    if element is None or element.get("vr") == "SQ":
        return []
    return [text_of(value) for value in element.get("Value", ())]


def text_of(value: Any) -> str:
    """One value of DICOM JSON as text; the groups of a name are joined by ``=``."""
    if isinstance(value, Mapping):
        groups = [str(value.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value).strip(" \0")


def first(document: Document, *path: str) -> str:
    """The first value at the end of `path`, tags from the outside in through first items; "" where there is none."""
    *sequences, tag = path
    for sequence in sequences:
        items = (document.get(sequence) or {}).get("Value") or [{}]
        document = items[0]
    found = texts(document.get(tag))
    return found[0] if found else ""


def wildcard_matches(pattern: str, value: str) -> bool:
    """`*` and `?` by PS3.4 C.2.2.2.4, in linear space and without a regular expression."""
    position = retry = 0
    star = -1
    while position < len(value):
        if retry < len(pattern) and (pattern[retry] == "?" or pattern[retry] == value[position] != "*"):
            position += 1
            retry += 1
        elif retry < len(pattern) and pattern[retry] == "*":
            star, anchor = retry, position
            retry += 1
        elif star >= 0:
            anchor += 1
            position, retry = anchor, star + 1
        else:
            return False
    return pattern[retry:].strip("*") == ""


def _name(tag: str) -> str:
    return keyword_for_tag(int(tag, 16)) or f"({tag[:4]},{tag[4:]})"


def _refused(tag: str, value: str, expected: str) -> QueryRefused:
    return QueryRefused(f"{_name(tag)} {value[:64]!r} is not understood", f"expected {expected}")


def _test(tag: str, vr: str, values: Sequence[str]) -> Test | None:
    """The test of a key of a VR that is matched; None for universal matching.

    Several values mean any of them: the standard leaves them open (C.2.2.2.8), and a worklist is asked for the
    stations or states of interest."""
    long = next((value for value in values if len(value) > KEY_CHARACTERS_MAX), None)
    if long is not None:
        raise QueryRefused(f"{_name(tag)} is {len(long)} characters long", f"at most {KEY_CHARACTERS_MAX}")
    tests = [_TESTS[vr](tag, value) for value in values]
    if not tests or any(test is None for test in tests):
        return None
    made = [test for test in tests if test is not None]
    return lambda stored: any(text and test(text) for text in stored for test in made)


_ValueTest = Callable[[str], bool]


def _exact(tag: str, value: str) -> _ValueTest | None:
    return lambda stored: stored == value


def _wildcard(tag: str, value: str) -> _ValueTest | None:
    if set(value) == {"*"}:
        return None
    if "*" in value or "?" in value:
        return lambda stored: wildcard_matches(value, stored)
    return _exact(tag, value)


def _person(tag: str, value: str) -> _ValueTest | None:
    patterns = [(fold, fold(value)) for fold in (folded, skeleton)]
    if not patterns[0][1] or set(value) == {"*"}:
        return None
    return lambda stored: any(pattern and name_meets(pattern, fold(stored)) for fold, pattern in patterns)


def name_meets(pattern: str, name: str) -> bool:
    """Whether a folded name meets a folded key: any group of it, and its beginning where the key has fewer parts."""
    for candidate in [name] if "=" in pattern else name.split("="):
        if "*" in pattern or "?" in pattern:
            if wildcard_matches(pattern, candidate):
                return True
        elif candidate == pattern or candidate.startswith((f"{pattern}^", f"{pattern}=")):
            return True
    return False


def _number(tag: str, value: str) -> _ValueTest | None:
    def number(text: str) -> Decimal | None:
        try:
            return Decimal(text)
        except InvalidOperation:
            return None

    asked = number(value)
    if asked is None:
        raise _refused(tag, value, "a number")
    return lambda stored: number(stored) == asked


def _binary_number(tag: str, value: str) -> _ValueTest | None:
    return None if value == "0" else _number(tag, value)  # 0 is what some devices make of an empty number


def _dates(tag: str, value: str) -> _ValueTest | None:
    low, high, _ = _range(tag, value.replace(".", ""), _DATE, "a date YYYYMMDD or a range YYYYMMDD-YYYYMMDD")
    return lambda stored: low <= stored.replace(".", "") <= high


def _times(tag: str, value: str) -> _ValueTest | None:
    low, high, _ = _range(tag, value.replace(":", ""), _TIME, "a time HHMMSS or a range HHMMSS-HHMMSS")
    return lambda stored: low <= _whole_time(stored) <= high


def _whole_time(text: str) -> str:
    plain = text.replace(":", "")
    return plain if len(plain) >= 6 else plain.ljust(6, "0")


def _range(tag: str, text: str, pattern: re.Pattern[str], expected: str) -> tuple[str, str, bool]:
    """Both ends as texts to compare with, and whether it was a range; an open end compares with everything."""
    low, dash, high = (part.strip() for part in text.partition("-"))
    if any(part and not pattern.fullmatch(part) for part in (low, high)) or not (low or high):
        raise _refused(tag, text, expected)
    end = high if dash else low
    return low, end + _LAST, bool(dash)


def _combined(document: Document, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str, Any]]:
    """Pairs of ranges that are one interval: tags of date and time, and the test of both."""
    found: list[tuple[str, str, Any]] = []
    for date_tag, time_tag in pairs:
        dates, times = "".join(texts(document.get(date_tag))[:1]), "".join(texts(document.get(time_tag))[:1])
        if "-" not in dates or "-" not in times:
            continue
        first_day, last_day, _ = _range(date_tag, dates.replace(".", ""), _DATE, "")
        begin, end, _ = _range(time_tag, times.replace(":", ""), _TIME, "")
        low = first_day + begin if first_day else ""
        high = last_day.rstrip(_LAST) + end if last_day != _LAST else _LAST
        found.append((date_tag, time_tag, _interval(low, high)))
    return found


def _interval(low: str, high: str) -> Callable[[Sequence[str], Sequence[str]], bool]:
    def met(dates: Sequence[str], times: Sequence[str]) -> bool:
        if not any(dates) or not any(times):
            return False
        return low <= dates[0].replace(".", "") + _whole_time(times[0]) <= high

    return met


def _moments(tag: str, value: str) -> _ValueTest | None:
    found = _MOMENTS.fullmatch(value)
    if found is None or not (found[1] or found[3]) or (found[3] and not found[2]):
        raise _refused(tag, value, "a moment YYYYMMDDHHMMSS or a range of two")
    low = _moment(found[1]) if found[1] else None
    high = _moment(found[3]) if found[3] else None if found[2] else low
    if (found[1] and low is None) or (found[3] and high is None):
        raise _refused(tag, value, "a moment that exists")

    def met(stored: str) -> bool:
        moment = _moment(stored)
        return (
            moment is not None
            and (low is None or _before(low[0], moment[0]))
            and (high is None or _before(moment[0], high[1], strictly=True))
        )

    return met


def _moment(text: str) -> tuple[datetime, datetime] | None:
    """Beginning and end of what a DT names, aware where it has an offset; None where it is no moment."""
    found = _MOMENT_PARTS.fullmatch(text)
    if found is None:
        return None
    digits, fraction, offset = found.groups()
    full = digits + "00000101000000"[len(digits) :]
    try:
        begin = datetime.strptime(full, "%Y%m%d%H%M%S")  # noqa: DTZ007 - an offset follows where there is one
        begin += timedelta(microseconds=int((fraction or "0").ljust(6, "0")))
        if offset:
            ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
            begin = begin.replace(tzinfo=timezone(ahead if offset[0] == "+" else -ahead))
        if fraction:
            end = begin + timedelta(microseconds=10 ** (6 - len(fraction)))
        elif len(digits) in _SPANS:
            end = begin + _SPANS[len(digits)]
        elif len(digits) == 6:
            end = (begin + timedelta(days=31)).replace(day=1)
        else:
            end = begin.replace(year=begin.year + 1)
    except (ValueError, OverflowError):
        return None
    return begin, end


def moment_span(text: str) -> tuple[datetime, datetime] | None:
    """Beginning and end of what a DT names, naive: in UTC where it has an offset, else as it is written. None where it
    is no moment."""
    found = _moment(text)
    try:
        begin, end = (one.astimezone(UTC).replace(tzinfo=None) if one.tzinfo else one for one in found or ())
    except (ValueError, OverflowError):  # there is no such key, or no such moment in UTC
        return None
    return begin, end


def moments_between(text: str) -> tuple[datetime | None, datetime | None] | None:
    """Both ends of a key of a DT, as `moment_span` has them; None for an end that is open, and where it is no key."""
    found = _MOMENTS.fullmatch(text)
    if found is None or not (found[1] or found[3]) or (found[3] and not found[2]):
        return None
    low = moment_span(found[1]) if found[1] else None
    high = moment_span(found[3]) if found[3] else None if found[2] else low
    if (found[1] and low is None) or (found[3] and high is None):
        return None
    return low and low[0], high and high[1]


def _before(one: datetime, other: datetime, *, strictly: bool = False) -> bool:
    """Compared in UTC where both have an offset, else as they are written."""
    if one.tzinfo is not None and other.tzinfo is not None:
        one, other = one.astimezone(UTC), other.astimezone(UTC)
    one, other = one.replace(tzinfo=None), other.replace(tzinfo=None)
    return one < other if strictly else one <= other


_TESTS: Final[Mapping[str, Callable[[str, str], _ValueTest | None]]] = {
    **dict.fromkeys(_WILDCARD_VRS, _wildcard),
    **dict.fromkeys(_BINARY_VRS, _binary_number),
    **dict.fromkeys(("DS", "IS"), _number),
    **dict.fromkeys(("AS", "AT", "UI"), _exact),
    "PN": _person,
    "DA": _dates,
    "TM": _times,
    "DT": _moments,
}
