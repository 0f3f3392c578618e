"""What a rejection note says is done: inside the write that registers it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from pacs.access.principals import Principal
from pacs.archive import out_of_sight
from pacs.archive.arrived import Arrived
from pacs.archive.limits import Retention
from pacs.archive.tombstones import DeletionKind
from pacs.dicom.rejection import MEANINGS, RejectionCode, RejectionNote
from pacs.index.deletions import deletion, rejection


def reject(
    connection: Connection,
    note: RejectionNote,
    arrived: Arrived,
    *,
    by: Principal,
    at: datetime,
    retention: Retention,
) -> str:
    """Inside a write: do what a rejection note says; the id of the deletion that the note itself goes with.

    A note that names another note takes back what that one rejected.
    """
    note_uid = arrived.values["SOPInstanceUID"]
    for reference in note.references:
        for taken_back in _open_of_note(connection, reference.sop_instance_uid):
            out_of_sight.restore(connection, taken_back, by=by, at=at)
    too_old = note.code is RejectionCode.RETENTION_EXPIRED
    until = retention.undo_until(at) if too_old else retention.rejected_until(at)
    by_study: dict[str, list[str]] = {arrived.values["StudyInstanceUID"]: []}
    for reference in note.references:
        by_study.setdefault(reference.study_instance_uid, []).append(reference.sop_instance_uid)
    made: list[str] = []
    for study_instance_uid, uids in by_study.items():
        if not uids and (made or len(by_study) > 1):
            continue
        series_uids = {r.series_instance_uid for r in note.references if r.study_instance_uid == study_instance_uid}
        wanted = out_of_sight.Wanted(
            DeletionKind.REJECTED,
            study_instance_uid,
            series_uids.pop() if len(series_uids) == 1 else "",
            uids[0] if len(uids) == 1 else "",
            note.code.value,
            MEANINGS[note.code],
            note_uid,
        )
        identifier = out_of_sight.take_away(connection, wanted, by=by, at=at, undo_until=until, only=uids)
        named = uids if made else [*uids, note_uid]
        connection.execute(
            insert(rejection),
            [
                {
                    "sop_instance_uid": uid,
                    "deletion_id": identifier,
                    "study_instance_uid": study_instance_uid,
                    "code": note.code.value,
                }
                for uid in named
            ],
        )
        made.append(identifier)
    return made[0]


def of_note(connection: Connection, note_uid: str) -> str | None:
    """The deletion that a note has caused, whatever became of it; None where it is not known."""
    statement = select(func.min(deletion.c.id)).where(deletion.c.note_uid == note_uid)
    return connection.execute(statement).scalar()


def _open_of_note(connection: Connection, note_uid: str) -> list[str]:
    statement = select(deletion.c.id).where(
        deletion.c.note_uid == note_uid, deletion.c.restored_at.is_(None), deletion.c.erased_at.is_(None)
    )
    return list(connection.execute(statement).scalars())
