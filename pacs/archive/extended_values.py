"""What objects say of the tags that a site searches besides the catalogue, and the rows of the index that keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from pacs.archive.typed import Typed, typed
from pacs.attributes import Extended, Level
from pacs.dicom.chosen import Choice, ChoiceUnreadable, Values, chosen_values
from pacs.dicom.headers import Buffer
from pacs.index.extended import VALUE_TABLES, extended_error, extended_pending
from pacs.index.schema import IS_LIVE, instance
from pacs.index.upsert import InsertOnce, upsert
from pacs.index.writer import Statement
from pacs.model import to_microseconds

VALUES_MAX: Final = 64
"""Of one element; of what has more the first are searched."""

Rows = Mapping[Level, int]
"""The row of an object at each level below the patient."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one object says of one tag; `error`: what of it cannot be searched, and why."""

    key: int
    level: Level
    values: tuple[Typed, ...]
    error: str = ""


def told_by(data: Buffer, transfer_syntax_uid: str, tags: Sequence[Extended]) -> tuple[Told, ...]:
    """What the data set says of each of `tags`; those it says nothing of are left out.

    Raises IncompleteDataSet, NotUnderstood where the data set cannot be walked.
    """
    if not tags:
        return ()
    choices = {Choice(tag.path, tag.vr, tag.private_creator): tag for tag in tags}
    found = chosen_values(data, transfer_syntax_uid, choices)
    return tuple(_told(choices[choice], values) for choice, values in found.items())


def _told(tag: Extended, texts: Values) -> Told:
    if isinstance(texts, ChoiceUnreadable):
        return Told(tag.key, tag.level, (), str(texts))
    values: list[Typed] = []
    errors = [f"of {len(texts)} values the first {VALUES_MAX} are searched"] if len(texts) > VALUES_MAX else []
    for text in texts[:VALUES_MAX]:
        try:
            values.append(typed(tag.vr, text))
        except (ValueError, OverflowError) as error:
            errors.append(f"{error} ({tag.vr})")
    return Told(tag.key, tag.level, tuple(values), "; ".join(dict.fromkeys(errors)))


_SOURCE = {
    level: Statement(
        select(table.c.source).where(table.c.row == bindparam("row"), table.c.tag_key == bindparam("tag_key")).limit(1)
    )
    for level, table in VALUE_TABLES.items()
}
_DELETE = {
    level: Statement(delete(table).where(table.c.row == bindparam("row_"), table.c.tag_key == bindparam("tag_key_")))
    for level, table in VALUE_TABLES.items()
}
_INSERT = {
    level: InsertOnce(
        table,
        ("row", "tag_key", "place"),
        returning="place",
        values={column.name: bindparam(column.name) for column in table.columns},
    )
    for level, table in VALUE_TABLES.items()
}
"""Once: another node may have been told the same of a study at the same moment."""


def keep(connection: Connection, told: Sequence[Told], rows: Rows, at: datetime) -> None:
    """Inside a write: keep what the object of the instance's row says. Of a study or series the object that came first
    is right, whenever it is read."""
    source = rows[Level.IMAGE]
    for one in told:
        if one.error:
            values = {"message": one.error, "at": to_microseconds(at)}
            statement = upsert(connection, extended_error).values(tag_key=one.key, instance_row=source, **values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["tag_key", "instance_row"], set_=values)
            ).close()
        if not one.values:
            continue
        place = {"row": rows[one.level], "tag_key": one.key}
        known = _SOURCE[one.level].one(connection, place)
        if known is not None:
            if known[0] < source:
                continue
            _DELETE[one.level].run(connection, {f"{name}_": value for name, value in place.items()}).close()
        for number, value in enumerate(one.values):
            _INSERT[one.level].run(
                connection,
                {
                    **place,
                    "place": number,
                    "source": source,
                    "text": value.text,
                    "compared": value.compared,
                    "skeleton": value.skeleton,
                    "number": value.number,
                },
            ).close()


def forget(connection: Connection, rows: Rows) -> None:
    """Inside a write: give up what the object of the instance's row told."""
    for level, table in VALUE_TABLES.items():
        connection.execute(delete(table).where(table.c.row == rows[level], table.c.source == rows[Level.IMAGE]))
    connection.execute(delete(extended_error).where(extended_error.c.instance_row == rows[Level.IMAGE]))


def read_later(connection: Connection, object_key: str) -> None:
    """Inside a write: have the object read again, beside everything else, where it is live."""
    found = connection.execute(select(instance.c.row).where(instance.c.object_key == object_key, IS_LIVE)).scalar()
    if found is not None:
        statement = upsert(connection, extended_pending).values(instance_row=found)
        connection.execute(statement.on_conflict_do_nothing()).close()
