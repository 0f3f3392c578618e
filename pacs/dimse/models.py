"""The query/retrieve information models: levels, unique keys and what an identifier has to name (PS3.4 C.4, C.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pacs.attributes import UNIQUE_KEY, Level
from pacs.dimse.identifier import Key

QUERY_RETRIEVE_LEVEL: Final = 0x00080052


@dataclass(frozen=True, slots=True)
class Model:
    """An information model: its levels from the root down (PS3.4 C.6)."""

    name: str
    levels: tuple[Level, ...]


_PATIENT_ROOT: Final = Model("patient root", tuple(Level))
_STUDY_ROOT: Final = Model("study root", (Level.STUDY, Level.SERIES, Level.IMAGE))
_PATIENT_STUDY_ONLY: Final = Model("patient/study only", (Level.PATIENT, Level.STUDY))


def _classes(operation: int) -> Mapping[str, Model]:
    return MappingProxyType(
        {
            f"1.2.840.10008.5.1.4.1.2.1.{operation}": _PATIENT_ROOT,
            f"1.2.840.10008.5.1.4.1.2.2.{operation}": _STUDY_ROOT,
            f"1.2.840.10008.5.1.4.1.2.3.{operation}": _PATIENT_STUDY_ONLY,
        }
    )


FIND_MODELS: Final = _classes(1)
MOVE_MODELS: Final = _classes(2)
GET_MODELS: Final = _classes(3)


class IdentifierRefused(Exception):
    """The identifier breaks the rules of its model; the tag is the Offending Element of the response."""

    def __init__(self, tag: int, message: str) -> None:
        super().__init__(message)
        self.tag = tag


def level_of(keys: Mapping[int, Key], model: Model) -> Level:
    """The level of a request (PS3.4 C.4.1.1.3.1). Raises IdentifierRefused."""
    text = keys[QUERY_RETRIEVE_LEVEL].text("") if QUERY_RETRIEVE_LEVEL in keys else ""
    for level in model.levels:
        if level.name == text:
            return level
    expected = ", ".join(level.name for level in model.levels)
    raise IdentifierRefused(QUERY_RETRIEVE_LEVEL, f"Query/Retrieve Level must be {expected}")


def check_hierarchy(keys: Mapping[int, Key], model: Model, level: Level, character_set: str) -> None:
    """Each level above the one asked for is named by one value of its unique key, unless relational behaviour was
    negotiated (PS3.4 C.4.1.2.2.1, C.4.2.2.1). Raises IdentifierRefused."""
    for above in model.levels:
        if above >= level:
            return
        unique = UNIQUE_KEY[above]
        text = keys[unique.tag].text(character_set) if unique.tag in keys else ""
        if not text or any(mark in text for mark in "\\*?"):
            raise IdentifierRefused(unique.tag, f"{unique.keyword} must have one value at this level")
