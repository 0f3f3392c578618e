"""A question to the index, already understood: what the wires parse their keys into (PS3.4 C.2.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from pacs.attributes import Attribute, Level


@dataclass(frozen=True, slots=True)
class Equals:
    """Single value matching, PS3.4 C.2.2.2.1."""

    value: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """List of UID matching, PS3.4 C.2.2.2.2."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """Wildcard matching, PS3.4 C.2.2.2.4: `*` any run of characters, `?` any one."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """Range matching, PS3.4 C.2.2.2.5: inclusive; an empty end is open. Dates YYYYMMDD, times HHMMSS.FFFFFF."""

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Empty:
    """Empty value matching, PS3.4 C.2.2.2.7: what has no value."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A list of values where the standard leaves the meaning open (PS3.4 C.2.2.2.8, note 4): some test is met."""

    tests: tuple[Equals | Like | Between | Empty, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Multiple value matching, PS3.4 C.2.2.2.8: each test is met by a value of an attribute that has several."""

    tests: tuple[Equals | Like | Between | Empty, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """Sequence matching, PS3.4 C.2.2.2.6: some stored item meets every key of the one item of the key, which is given
    as the text of a DICOM JSON object."""

    document: str


Test = Equals | OneOf | Like | Between | Empty | AnyOf | AllOf | Item


@dataclass(frozen=True, slots=True)
class Criterion:
    """One attribute and the test it has to pass."""

    attribute: Attribute
    test: Test


@dataclass(frozen=True, slots=True)
class Query:
    """What to find at `level`.

    `returns` are the attributes of the answer; those of lower levels are ignored. `fuzzy` matches names by their
    skeleton, every word by itself; `across_scripts` matches them as they are written, and by their skeleton where key
    and name are in different scripts. `combined_date_time` reads a date range and a time range as one interval
    (PS3.18 8.3.4.1.1). `timezone_offset`, as ``+0600``, is that of the dates and times of the criteria: of a study that
    tells its own they are compared as the same moments, of others as they are written. `study_instance_uids`, when
    given, are the only studies that exist for the caller. Of rows that came after `last_row` nothing is told: pages
    that are asked for one after the other are of one moment.
    """

    level: Level
    criteria: tuple[Criterion, ...] = ()
    returns: tuple[Attribute, ...] = ()
    limit: int | None = None
    offset: int = 0
    fuzzy: bool = False
    across_scripts: bool = False
    combined_date_time: bool = False
    timezone_offset: str = ""
    study_instance_uids: frozenset[str] | None = None
    last_row: int | None = None
