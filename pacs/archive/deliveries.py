"""What each peer has taken of the archive: so that nothing is sent twice by a rule, and a cut-off job goes on where it
was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, delete, exists, func, select, tuple_

from pacs.archive.archive import Archive
from pacs.archive.commitments import Reference
from pacs.archive.selection import Selected
from pacs.index.schema import IS_LIVE, instance, series, study
from pacs.index.transfers import delivery
from pacs.index.upsert import upsert
from pacs.model import to_microseconds

ROWS_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Due:
    """An instance that is to be sent, and the object that would prove it was."""

    selected: Selected
    object_key: str
    size: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A C-STORE that the peer answered with success or a warning."""

    due: Due
    status: int


def due(
    connection: Connection,
    ae_title: str,
    study_instance_uid: str,
    *,
    series_uids: Sequence[str] = (),
    job_id: str,
    once: bool,
) -> list[Due]:
    """The live instances of the study, or of these series, that this job has not delivered yet; with `once` those that
    no job has, and without those that came from the peer itself. By series and instance number."""
    taken = and_(delivery.c.ae_title == ae_title, delivery.c.object_key == instance.c.object_key)
    if not once:
        taken = and_(taken, delivery.c.job_id == job_id)
    statement = (
        select(
            series.c.series_number,
            instance.c.instance_number,
            study.c.study_instance_uid,
            series.c.series_instance_uid,
            instance.c.sop_instance_uid,
            instance.c.sop_class_uid,
            instance.c.transfer_syntax_uid,
            instance.c.object_key,
            instance.c.size,
        )
        .select_from(
            instance.join(series, instance.c.series_row == series.c.row).join(study, series.c.study_row == study.c.row)
        )
        .where(
            study.c.study_instance_uid == study_instance_uid,
            IS_LIVE,
            ~exists().where(taken),
        )
    )
    if series_uids:
        statement = statement.where(series.c.series_instance_uid.in_(list(series_uids)))
    if once:
        statement = statement.where(instance.c.calling_ae_title != ae_title)
    rows = sorted(connection.execute(statement), key=lambda row: (_number(row[0]), row[3], _number(row[1]), row[4]))
    return [Due(Selected(*row[2:7]), row.object_key, row.size) for row in rows]


def record(connection: Connection, at: datetime, ae_title: str, job_id: str, delivered: Iterable[Delivered]) -> None:
    """Inside a write: these have been taken."""
    for one in delivered:
        values = {
            "sop_class_uid": one.due.selected.sop_class_uid,
            "sop_instance_uid": one.due.selected.sop_instance_uid,
            "status": one.status,
            "job_id": job_id,
            "at": to_microseconds(at),
        }
        statement = upsert(connection, delivery).values(ae_title=ae_title, object_key=one.due.object_key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["ae_title", "object_key"], set_=values))


def count_of_job(connection: Connection, job_id: str) -> int:
    """How many instances a job has delivered."""
    return int(connection.execute(select(func.count()).where(delivery.c.job_id == job_id)).scalar_one())


def references_of_job(connection: Connection, job_id: str) -> list[Reference]:
    """What a job has delivered, as a commitment refers to it."""
    columns = delivery.c
    statement = select(columns.sop_class_uid, columns.sop_instance_uid).where(columns.job_id == job_id)
    return [Reference(*row) for row in connection.execute(statement.order_by(columns.object_key))]


def pruning_duty(archive: Archive) -> Callable[[], int]:
    """The periodic duty that forgets what was taken of objects that no row names any more, `ROWS_AT_ONCE` further each
    time and round and round. What is here stays: a study of years ago may become stable anew, and nothing of it is to
    be sent twice."""
    place = delivery.c.ae_title, delivery.c.object_key
    after = ("", "")

    def duty() -> int:
        nonlocal after
        looked_at = (
            select(*place, instance.c.row)
            .select_from(delivery.outerjoin(instance, instance.c.object_key == delivery.c.object_key))
            .where(tuple_(*place) > tuple_(*after))
            .order_by(*place)
            .limit(ROWS_AT_ONCE)
        )
        with archive.index.read() as connection:
            rows = connection.execute(looked_at).all()
        gone = [(row.ae_title, row.object_key) for row in rows if row.row is None]
        if gone:
            archive.index.write(lambda connection: connection.execute(delete(delivery).where(tuple_(*place).in_(gone))))
        after = (rows[-1].ae_title, rows[-1].object_key) if len(rows) == ROWS_AT_ONCE else ("", "")
        return len(gone)

    return duty


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
