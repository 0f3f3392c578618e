"""What a site searches besides the catalogue: tags, their values by level, and conditions on them.

A row of a level has one row a value here. `source` is the instance that told it: of several the one that came first is
right, in whatever order they are read.
"""

from __future__ import annotations

import struct
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    Select,
    Table,
    and_,
    or_,
    select,
    text,
)

from pacs.attributes import Extended, Level, Matching
from pacs.index.criteria import AllOf, AnyOf, Between, Empty, Equals, Item, Like, OneOf, Query, Test
from pacs.index.names import LAST, like, name_condition
from pacs.index.schema import LEVEL_TABLES, ROW, TEXT, _moment, _text, metadata

extended_tag = Table(
    "extended_tag",
    metadata,
    Column("key", ROW, primary_key=True),  # never given again: values that are left over are nobody's
    Column("tag", TEXT, nullable=False, unique=True),  # eight hexadecimal digits
    Column("vr", TEXT, nullable=False),
    _text("private_creator"),
    Column("level", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("enabled", Integer, nullable=False, server_default="1"),
    # What was stored before it was added is read again: instances up to `last_row`, of which `position` was the last.
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("last_row", BigInteger, nullable=True),
    Column("objects_done", BigInteger, nullable=False, server_default="0"),
    Column("objects_total", BigInteger, nullable=False, server_default="0"),
    _moment("created_at"),
    sqlite_autoincrement=True,
)

extended_error = Table(
    "extended_error",
    metadata,
    Column("tag_key", BigInteger, primary_key=True),
    Column("instance_row", ROW, ForeignKey("instance.row", ondelete="CASCADE"), primary_key=True),
    Column("message", TEXT, nullable=False),
    _moment("at"),
    Index("ix_extended_error_instance_row", "instance_row"),
)

extended_pending = Table(
    "extended_pending",
    metadata,
    # Instances whose values are to be read from their objects: a trigger adds those that come to another place.
    Column("instance_row", ROW, ForeignKey("instance.row", ondelete="CASCADE"), primary_key=True),
)


def _values(level: Level) -> Table:
    above = LEVEL_TABLES[level].name
    return Table(
        f"extended_{above}_value",
        metadata,
        Column("row", ROW, ForeignKey(f"{above}.row", ondelete="CASCADE"), primary_key=True),
        Column("tag_key", BigInteger, primary_key=True),
        Column("place", Integer, primary_key=True),  # among several values, from 0
        Column("source", BigInteger, nullable=False),
        Column("text", TEXT, nullable=False),
        Column("compared", TEXT, nullable=False),  # in one form for all: a name folded, a moment in UTC
        _text("skeleton"),  # of a name
        Column("number", Double, nullable=True),
        Index(f"ix_extended_{above}_value_compared", "tag_key", "compared", "row"),
        Index(
            f"ix_extended_{above}_value_number",
            "tag_key",
            "number",
            "row",
            sqlite_where=text("number IS NOT NULL"),
            postgresql_where=text("number IS NOT NULL"),
        ),
    )


VALUE_TABLES = {level: _values(level) for level in (Level.STUDY, Level.SERIES, Level.IMAGE)}


def values_of(attribute: Extended) -> Select[Any]:
    """The texts of one row of the attribute's level, in their order: a SELECT to be put into one of that level."""
    table, above = VALUE_TABLES[attribute.level], LEVEL_TABLES[attribute.level]
    return (
        select(table.c.text)
        .where(table.c.row == above.c.row, table.c.tag_key == attribute.key)
        .order_by(table.c.place)
        .correlate(above)
    )


def meets(attribute: Extended, test: Test, query: Query) -> ColumnElement[bool]:
    """Whether a row of the attribute's level has a value that meets the test."""
    table, row = VALUE_TABLES[attribute.level], LEVEL_TABLES[attribute.level].c.row
    known = select(table.c.row).where(table.c.tag_key == attribute.key)
    if isinstance(test, Empty):
        return row.not_in(known)
    if isinstance(test, AnyOf):
        return or_(*(meets(attribute, one, query) for one in test.tests))
    return row.in_(known.where(_value_meets(attribute, test, query)))


def _value_meets(attribute: Extended, test: Test, query: Query) -> ColumnElement[bool]:
    columns = VALUE_TABLES[attribute.level].c
    match test:
        case Equals(value) if attribute.matching is Matching.DECIMAL:
            return columns.number == number_of(attribute.vr, value)
        case Equals(value) | Like(value) if attribute.matching is Matching.NAME:
            return name_condition(columns.compared, columns.skeleton, value, query)
        case Equals(value):
            return columns.compared == value
        case OneOf(values):
            return columns.compared == values[0] if len(values) == 1 else columns.compared.in_(values)
        case Like(pattern):
            return like(columns.compared, pattern)
        case Between(low, high):
            bounds = [columns.compared >= low, columns.compared <= (high + LAST if high else LAST)]
            return and_(*bounds)
        case Empty() | AnyOf() | AllOf() | Item():
            raise AssertionError("no test of one value")


def number_of(vr: str, value: str) -> float:
    """A number as it is kept: what a VR cannot hold exactly is what it holds instead. Raises ValueError."""
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0]) if vr == "FL" else number
    except OverflowError:
        raise ValueError(value) from None
