"""When a study is complete, as far as anybody can tell: it becomes stable, one event a revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, or_, select, update

from pacs.archive.archive import Archive
from pacs.archive.events import EventLog
from pacs.index.schema import study
from pacs.model import EventKind, to_microseconds

STUDIES_AT_ONCE = 100
CLOCK_STEP = timedelta(hours=1)
"""A change so far ahead was dated by a clock that has stepped back since; smaller differences are another node's."""


def settle_studies(archive: Archive, quiet: timedelta) -> int:
    """Say of every study that got nothing for `quiet` that it is stable: one event a revision, surviving any crash.

    The row tells what is due, so a node that was down at the moment says it when it is up again.
    """
    now = archive.clock()
    before, ahead = to_microseconds(now - quiet), to_microseconds(now + CLOCK_STEP)
    quiet_enough = or_(study.c.changed_at <= before, study.c.changed_at > ahead)
    due = (
        select(study.c.row).where(study.c.stable == 0, quiet_enough).order_by(study.c.changed_at).limit(STUDIES_AT_ONCE)
    )
    with archive.index.read() as connection:
        rows = list(connection.execute(due).scalars())
    if not rows:
        return 0

    def settle(connection: Connection) -> int:
        return become_stable(connection, archive.clock(), rows, quiet_enough)

    settled = archive.index.write(settle)
    archive.events.announce()
    return settled


def become_stable(connection: Connection, at: datetime, rows: Sequence[int], *conditions: ColumnElement[bool]) -> int:
    """Inside a write: say of those of the studies in `rows` that meet `conditions` and have changed that they are
    stable; how many."""
    settled = connection.execute(
        update(study)
        .where(study.c.row.in_(rows), study.c.stable == 0, *conditions)
        .values(stable=1, revision=study.c.revision + 1)
        .returning(study.c.study_instance_uid, study.c.revision, study.c.number_of_instances)
    ).all()
    for study_instance_uid, revision, number_of_instances in settled:
        EventLog.append(
            connection,
            at,
            EventKind.STUDY_STABLE,
            study_instance_uid=study_instance_uid,
            payload={"revision": revision, "instances": number_of_instances},
        )
    return len(settled)
