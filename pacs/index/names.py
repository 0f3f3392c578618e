"""Names, and patterns of any text, as conditions of SQL.

Names are compared folded (PS3.4 C.2.2.2.1 leaves their matching to the implementation).
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from pacs.dicom.names import folded, skeleton
from pacs.index.criteria import Query

LAST = "~"  # sorts after every digit and point, so that a partial time covers its whole span


def name_condition(
    as_written: ColumnElement[Any], by_sound: ColumnElement[Any], text: str, query: Query
) -> ColumnElement[bool]:
    """Component by component; a key that names fewer components or groups than are stored matches their beginning.

    The columns hold the name folded, and its skeleton.
    """
    if query.fuzzy and (words := fuzzy_words(text)):
        # every word may stand anywhere in the name, in any order, from its beginning
        return and_(by_sound != "", *[word_begins(by_sound, sql_pattern(word)) for word in words])
    pattern = folded(text)
    if not query.across_scripts or not pattern.strip("*?^= "):
        return _components(as_written, pattern)
    # Latin letters sort before all others: the first one tells the script of a name
    latin = pattern.lstrip("*?^= ")[0] < _FIRST_BEYOND_LATIN
    other_script = as_written >= _FIRST_BEYOND_LATIN if latin else as_written < _FIRST_BEYOND_LATIN
    return or_(_components(as_written, pattern), and_(other_script, _components(by_sound, skeleton(text))))


def fuzzy_words(text: str) -> list[str]:
    """The words of a key by their sounds; none where it has no letters, and then it is matched as it is written."""
    return [word for word in re.split("[ ^=]", skeleton(text)) if word.strip("*?")]


_FIRST_BEYOND_LATIN = "\u0370"  # Greek, then Cyrillic; accents of Latin letters are folded away


def _components(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    return and_(column != "", or_(at_beginning(column, pattern), in_group(column, pattern)))


def at_beginning(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """The whole name meets the key, or its first group does, or its first components."""
    whole, *longer = _forms(pattern)
    exact = column == whole if not _has_wildcards(pattern) else like(column, whole)
    return or_(exact, *(like(column, form) for form in longer))


def in_group(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """The ideographic or phonetic group, or the first components of it, meet the key; its first group may be empty."""
    return or_(*(like(column, f"*={form}") for form in _forms(pattern.lstrip("="))))


def _forms(pattern: str) -> list[str]:
    """What meets a key: itself, itself with more groups, and without wildcards itself with more components too."""
    if pattern.endswith("*"):
        return [pattern]
    more = [] if _has_wildcards(pattern) else [f"{pattern}^*"]
    return [pattern, f"{pattern}=*", *more]


def _has_wildcards(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def word_begins(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """Whether any word of a name begins with the LIKE pattern, which is escaped with `!`."""
    return (" " + func.replace(func.replace(column, "^", " "), "=", " ")).like(f"% {pattern}%", escape="!")


def like(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """`*` and `?` of PS3.4 C.2.2.2.4 as LIKE, with the literal beginning as a range that an index serves."""
    literal = literal_beginning(pattern)
    bounds = from_literal(column, literal) if literal else [column != ""]
    return and_(column.like(sql_pattern(pattern), escape="!"), *bounds)


def literal_beginning(pattern: str) -> str:
    return pattern.split("*", 1)[0].split("?", 1)[0]


def bounds(literal: str) -> tuple[str, str]:
    """What begins with `literal` is not less than the first and less than the second."""
    return literal, literal[:-1] + chr(ord(literal[-1]) + 1)


def from_literal(column: ColumnElement[Any], literal: str) -> list[ColumnElement[bool]]:
    """The same as conditions, which an index serves."""
    low, high = bounds(literal)
    return [column >= low, column < high]


def sql_pattern(pattern: str) -> str:
    escaped = pattern.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return escaped.replace("*", "%").replace("?", "_")
