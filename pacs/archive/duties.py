"""How far what is done again and again has come, and when it was last done: one row a duty, kept over restarts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from pacs.index.schema import duty
from pacs.index.upsert import upsert
from pacs.model import from_microseconds, to_microseconds


class Duty(StrEnum):
    """The names of the rows."""

    SCRUB_NEW = "scrub.new"  # position: the key up to which objects were read after they came
    SCRUB_ALL = "scrub.all"  # position: the key up to which this pass has read; empty between two passes
    BACKUP = "backup"  # position: where to


@dataclass(frozen=True, slots=True)
class Progress:
    """One row; `finished_at` is of the last time that it was done, so it may lie before `started_at`."""

    position: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


def progress(connection: Connection, name: Duty) -> Progress:
    """The row of `name`; an empty one when there is none yet."""
    found = connection.execute(select(duty).where(duty.c.name == name.value)).one_or_none()
    if found is None:
        return Progress()
    return Progress(found.position, _moment(found.started_at), _moment(found.finished_at))


def keep(connection: Connection, name: Duty, progress: Progress) -> None:
    """Write the row inside the caller's transaction."""
    values = {
        "position": progress.position,
        "started_at": to_microseconds(progress.started_at) if progress.started_at else None,
        "finished_at": to_microseconds(progress.finished_at) if progress.finished_at else None,
    }
    statement = upsert(connection, duty).values(name=name.value, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values)).close()


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)
