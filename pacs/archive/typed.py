"""Values of what a site searches besides the catalogue, as the index compares them: one form for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pacs.attributes import Matching
from pacs.dicom.keys import moment_span
from pacs.dicom.names import folded, skeleton
from pacs.dicom.uids import valid_uid
from pacs.index.extended import number_of

CHARACTERS_MAX: Final = 256
"""Of one value: a database's index takes no more."""

MATCHING_OF: Final[Mapping[str, Matching]] = MappingProxyType(
    {
        **dict.fromkeys(("AE", "AS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"), Matching.TEXT),
        **dict.fromkeys(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"), Matching.DECIMAL),
        "CS": Matching.CODE,
        "DA": Matching.DATE,
        "DT": Matching.MOMENT,
        "PN": Matching.NAME,
        "TM": Matching.TIME,
        "UI": Matching.UID,
    }
)
"""By which kind the values of a VR are compared; no other VR is searched."""

MOMENT_FORM: Final = "%Y%m%d%H%M%S.%f"
_DATE: Final = re.compile(r"\d{8}")
_TIME: Final = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


@dataclass(frozen=True, slots=True)
class Typed:
    """One value: as it is shown, as it is compared, by sound where it is a name, as a number where it is one."""

    text: str
    compared: str
    skeleton: str = ""
    number: float | None = None


def typed(vr: str, text: str) -> Typed:
    """A value of a searched VR. Raises ValueError with the reason where it is none."""
    if len(text) > CHARACTERS_MAX:
        raise ValueError(f"it has {len(text)} characters, at most {CHARACTERS_MAX} are searched")
    return _READERS[MATCHING_OF[vr]](vr, text)


def _text(vr: str, text: str) -> Typed:
    return Typed(text, text)


def _name(vr: str, text: str) -> Typed:
    return Typed(text, folded(text)[:CHARACTERS_MAX], skeleton(text)[:CHARACTERS_MAX])


def _uid(vr: str, text: str) -> Typed:
    if not valid_uid(text):
        raise ValueError("it is no UID")
    return Typed(text, text)


def _number(vr: str, text: str) -> Typed:
    try:
        return Typed(text, "", number=number_of(vr, text))
    except ValueError:
        raise ValueError("it is no number") from None


def _date(vr: str, text: str) -> Typed:
    plain = text.replace(".", "")
    if not _DATE.fullmatch(plain):
        raise ValueError("it is no date")
    return Typed(text, plain)


def _time(vr: str, text: str) -> Typed:
    plain = text.replace(":", "")
    if not _TIME.fullmatch(plain):
        raise ValueError("it is no time")
    return Typed(text, plain)


def _moment(vr: str, text: str) -> Typed:
    span = moment_span(text)
    if span is None:
        raise ValueError("it is no date and time")
    return Typed(text, f"{span[0]:{MOMENT_FORM}}")


_READERS: Final[Mapping[Matching, Callable[[str, str], Typed]]] = MappingProxyType(
    {
        Matching.TEXT: _text,
        Matching.CODE: _text,
        Matching.NAME: _name,
        Matching.UID: _uid,
        Matching.DECIMAL: _number,
        Matching.DATE: _date,
        Matching.TIME: _time,
        Matching.MOMENT: _moment,
    }
)
