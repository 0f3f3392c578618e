"""Which attributes may be corrected, and to what: the rules of their value representations (PS3.5 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydicom import config
from pydicom.valuerep import validate_value

from pacs.archive.standing import CorrectionLevel
from pacs.attributes import NAMED, OF_IMAGES, Level, Matching, stored_at
from pacs.errors import AttributesRefused, QueryRefused

VALUES_MAX: Final = 64

_LEVELS: Final = {
    Level.PATIENT: CorrectionLevel.PATIENT,
    Level.STUDY: CorrectionLevel.STUDY,
    Level.SERIES: CorrectionLevel.SERIES,
}
# who or what made it is not for people to say, and times of objects are relative to their zone
_LEFT_ALONE: Final = frozenset({"TimezoneOffsetFromUTC", "Manufacturer", "ManufacturerModelName"})

_SIDES: Final = ("R", "L", "U", "B")

LEVELS: Final[Mapping[str, CorrectionLevel]] = MappingProxyType(
    {
        attribute.keyword: name
        for level, name in _LEVELS.items()
        for attribute in stored_at(level)
        if attribute.matching not in (Matching.UID, Matching.SEQUENCE) and attribute.keyword not in _LEFT_ALONE
    }
    | {attribute.keyword: CorrectionLevel.INSTANCE for attribute in OF_IMAGES}
)
"""Keyword to the level of every attribute that may be corrected."""


def checked(attributes: Mapping[str, str]) -> tuple[CorrectionLevel, dict[str, str]]:
    """Their level and their values without padding. Raises QueryRefused, AttributesRefused with every mistake."""
    unknown = sorted(set(attributes) - set(LEVELS))
    if unknown:
        raise QueryRefused(f"{', '.join(unknown)[:200]} cannot be corrected", f"there are {', '.join(LEVELS)}")
    levels = {LEVELS[keyword] for keyword in attributes}
    if not levels:
        raise QueryRefused("no attribute is given", f"there are {', '.join(LEVELS)}")
    if len(levels) > 1:
        told = ", ".join(f"{keyword} is of the {LEVELS[keyword]}" for keyword in attributes)
        raise QueryRefused(f"these are of several levels: {told}"[:300], "correct one level after the other")
    values = {keyword: "\\".join(part.strip() for part in text.split("\\")) for keyword, text in attributes.items()}
    mistakes = {keyword: wrong for keyword, text in values.items() if (wrong := _mistake(keyword, text))}
    if mistakes:
        message = "\n".join(f"{keyword}: {words}" for keyword, (_, words) in mistakes.items())
        fields = {keyword: code for keyword, (code, _) in mistakes.items()}
        raise AttributesRefused(message, "correct them and try again", "values_wrong", fields)
    return levels.pop(), values


def _mistake(keyword: str, text: str) -> tuple[str, str] | None:
    """What is wrong with a value, as a code and in words."""
    attribute = NAMED[keyword]
    parts = text.split("\\")
    if len(parts) > (VALUES_MAX if attribute.multiple else 1):
        return "value_many", "has too many values"
    for part in parts:
        if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in part):
            return "value_control", "has control characters"
        try:
            validate_value(attribute.vr, part, config.RAISE)
        except ValueError as error:
            long = "exceeds the maximum" in str(error)
            code = "value_long" if long else "value_date" if attribute.vr == "DA" else "value_wrong"
            return code, " ".join(str(error).split())[:200]
        if attribute.vr == "DA" and part and not (len(part) == 8 and part.isdecimal()):
            return "value_date", "is one date, YYYYMMDD"
        if attribute.vr == "TM" and "-" in part:
            return "value_wrong", "is one time, HHMMSS"
    if keyword == "ImageLaterality" and text not in _SIDES:
        return "value_wrong", f"is one of {', '.join(_SIDES)} (PS3.3 C.8.11.5)"
    return None
