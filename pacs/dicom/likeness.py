"""Whether what two objects say of a patient can be of one person: spelling, order and omissions tell nobody apart."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from pacs.dicom.names import skeleton

_PARTS: Final = re.compile("[ ^=]+")
_NO_DIGIT: Final = re.compile(r"\D")
_UNKNOWN_SEX: Final = "U"  # not of the standard, and written for "unknown"


class Told(NamedTuple):
    """A patient's name (PN), birth date (DA) and sex (CS) as an object says them; empty where it does not."""

    name: str
    birth_date: str
    sex: str


def may_be_one(one: Told, other: Told) -> bool:
    """Whether nothing speaks against both being the same person. What one leaves empty, is abbreviated, in another
    case, order or script is no difference; another birth date, sex or name is."""
    if one == other:
        return True
    return (
        _dates_agree(_NO_DIGIT.sub("", one.birth_date), _NO_DIGIT.sub("", other.birth_date))
        and _sexes_agree(one.sex.upper()[:1], other.sex.upper()[:1])
        and _names_agree(one.name, other.name)
    )


def _dates_agree(one: str, other: str) -> bool:
    """A year, or a year and a month, is the beginning of a date."""
    return one.startswith(other) or other.startswith(one)


def _sexes_agree(one: str, other: str) -> bool:
    return one == other or {one, other} & {"", _UNKNOWN_SEX} != set()


@lru_cache(maxsize=512)
def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in _PARTS.split(skeleton(name)) if word)


def _names_agree(one: str, other: str) -> bool:
    few, many = sorted((_words(one), _words(other)), key=len)
    if not few or "".join(few) == "".join(many):
        return True
    left = list(many)
    for word in sorted(few, key=len, reverse=True):  # initials take what whole words leave
        match = next((other for other in left if _same_word(word, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _same_word(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])
