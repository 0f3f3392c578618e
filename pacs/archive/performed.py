"""Performed procedure steps (MPPS, PS3.4 Annex F.7): what modalities say they do, kept as DICOM JSON.

What they say moves the worklist entries that they name, and tells when a study is complete; nobody ever waits for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.events import EventLog
from pacs.archive.scheduled import OVER, ScheduledSteps
from pacs.archive.stability import become_stable
from pacs.dicom.keys import Document, Keys, first
from pacs.dicom.uids import valid_uid
from pacs.errors import OperationRefused
from pacs.index.schema import IS_LIVE, instance, study
from pacs.index.worklists import performed_step, scheduled_step, step_link
from pacs.model import EventKind, to_microseconds

IN_PROGRESS: Final = "IN PROGRESS"
COMPLETED: Final = "COMPLETED"
DISCONTINUED: Final = "DISCONTINUED"

DUPLICATE_INSTANCE: Final = 0x0111
NO_SUCH_INSTANCE: Final = 0x0112
INVALID_INSTANCE: Final = 0x0117
NO_SUCH_ATTRIBUTE: Final = 0x0105
INVALID_VALUE: Final = 0x0106
NO_LONGER_UPDATED: Final = 0x0110
MISSING_ATTRIBUTE: Final = 0x0120
MISSING_VALUE: Final = 0x0121
NO_LONGER_UPDATED_ERROR_ID: Final = 0xA710

AWAITED_FOR: Final = timedelta(hours=24)
AWAITED_AT_ONCE: Final = 100
UIDS_AT_ONCE: Final = 500

PERFORMED_STEP_CLASS: Final = "1.2.840.10008.3.1.2.3.3"
STEPS: Final = "00400270"
"""Scheduled Step Attributes Sequence: what a performed step was scheduled as."""
PAGE_ROWS: Final = 200

_STATUS: Final = "00400252"
_SERIES: Final = "00400340"
_STUDY_INSTANCE_UID, _STEP_ID, _ACCESSION_NUMBER = "0020000D", "00400009", "00080050"
_REASONS: Final = "00400281"
_WRONG_ENTRY: Final = ("110514", "DCM")
"""Incorrect worklist entry selected (PS3.16 CID 9300): the step that was named is still to be done."""

# Table F.7.2-1
_TYPE_1: Final = ("00080060", "00400241", "00400244", "00400245", _STATUS, "00400253", STEPS)
_TYPE_2: Final = {
    "00081032": "SQ", "00081120": "SQ", "00100010": "PN", "00100020": "LO", "00100030": "DA", "00100040": "CS",
    "00200010": "SH", "00400242": "SH", "00400243": "SH", "00400250": "DA", "00400251": "TM", "00400254": "LO",
    "00400255": "LO", "00400260": "SQ", "00400340": "SQ",
}  # fmt: skip
_OF_A_SERIES: Final = ("00181030", "0020000E")
_AT_THE_END: Final = ("00400250", "00400251", _SERIES)
_NOT_SET: Final = frozenset(
    {"00080060", "00081120", "00100010", "00100020", "00100021", "00100024", "00100030", "00100040", "00101002"}
    | {"00200010", "00400241", "00400242", "00400243", "00400244", "00400245", "00400253", STEPS}
)


class PerformedSteps:
    """What modalities have told one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._scheduled = ScheduledSteps(archive)

    def create(self, sop_instance_uid: str, document: Document, ae_title: str, *, by: Principal) -> str:
        """N-CREATE (F.7.2.1): keep a step that was begun; its UID, made here where the modality gives none.

        Raises OperationRefused.
        """
        if sop_instance_uid and not valid_uid(sop_instance_uid):
            raise _refused(INVALID_INSTANCE, "the SOP Instance UID is malformed")
        _check_created(document)
        uid = sop_instance_uid or f"2.25.{uuid4().int}"
        whole = {tag: {"vr": vr} for tag, vr in _TYPE_2.items()} | dict(document)

        def work(connection: Connection) -> bool:
            if connection.execute(_find(uid)).first() is not None:
                return False
            now = to_microseconds(self._archive.clock())
            values = {"sop_instance_uid": uid, "status": IN_PROGRESS, "ae_title": ae_title}
            connection.execute(
                insert(performed_step).values(**values, document=_text(whole), created_at=now, changed_at=now)
            )
            for study_instance_uid, step_id in dict.fromkeys([*self._named(connection, whole), *_own(whole)]):
                link = {"performed": uid, "study_instance_uid": study_instance_uid, "step_id": step_id}
                connection.execute(insert(step_link).values(link))
            self._tell(connection, uid, IN_PROGRESS, by)
            return True

        if not self._archive.index.write(work):
            raise _refused(DUPLICATE_INSTANCE, "this performed procedure step exists already")
        self._archive.events.announce()
        return uid

    def change(self, sop_instance_uid: str, changes: Document, *, by: Principal) -> None:
        """N-SET (F.7.2.2): change a step that is in progress, and end it. Raises OperationRefused."""

        def work(connection: Connection) -> OperationRefused | None:
            row = connection.execute(_find(sop_instance_uid).with_for_update()).first()
            if row is None:
                return _refused(NO_SUCH_INSTANCE, "there is no such performed procedure step")
            known: dict[str, Any] = json.loads(row.document)
            try:
                _check_changes(known, row.status, changes)
            except OperationRefused as refused:
                return refused
            whole = dict(sorted({**known, **changes}.items()))
            status = first(whole, _STATUS)
            now = to_microseconds(self._archive.clock())
            connection.execute(
                update(performed_step)
                .where(performed_step.c.sop_instance_uid == sop_instance_uid)
                .values(status=status, document=_text(whole), changed_at=now, awaited=int(status == COMPLETED))
            )
            self._tell(connection, sop_instance_uid, status, by, released=_taken_by_mistake(whole))
            if status == COMPLETED:
                self._settle(connection, sop_instance_uid, whole)
            return None

        refused = self._archive.index.write(work)
        if refused is not None:
            raise refused
        self._archive.events.announce()

    def get(self, sop_instance_uid: str) -> dict[str, Any]:
        """N-GET (F.8.2.1): a step as it is. Raises OperationRefused."""
        with self._archive.index.read() as connection:
            row = connection.execute(_find(sop_instance_uid)).first()
        if row is None:
            raise _refused(NO_SUCH_INSTANCE, "there is no such performed procedure step")
        document: dict[str, Any] = json.loads(row.document)
        return document

    def named(self, sop_instance_uid: str) -> dict[str, Any]:
        """A step with its own class and UID among its attributes. Raises OperationRefused."""
        return _identified(sop_instance_uid, self.get(sop_instance_uid))

    def matching(self, document: Document, keys: Keys) -> Iterator[dict[str, Any]]:
        """Every step that meets `keys`, which are read from `document`, with its class and UID; the newest first. No
        connection is held between pages."""
        columns = performed_step.c
        order = (columns.created_at.desc(), columns.sop_instance_uid.desc())
        statement = select(columns.sop_instance_uid, columns.created_at, columns.document).order_by(*order)
        if (status := first(document, _STATUS)) in (IN_PROGRESS, COMPLETED, DISCONTINUED):
            statement = statement.where(columns.status == status)
        after: tuple[int, str] | None = None
        while True:
            beyond = () if after is None else (tuple_(columns.created_at, columns.sop_instance_uid) < tuple_(*after),)
            with self._archive.index.read() as connection:
                page = connection.execute(statement.where(*beyond).limit(PAGE_ROWS)).all()
            for row in page:
                found = _identified(row.sop_instance_uid, json.loads(row.document))
                if keys.meets(found):
                    yield found
            if len(page) < PAGE_ROWS:
                return
            after = (page[-1].created_at, page[-1].sop_instance_uid)

    def of_study(self, study_instance_uid: str) -> list[str]:
        """The UIDs of the steps by which a study was made, the oldest first."""
        statement = (
            select(performed_step.c.sop_instance_uid)
            .join(step_link, step_link.c.performed == performed_step.c.sop_instance_uid)
            .where(step_link.c.study_instance_uid == study_instance_uid)
            .order_by(performed_step.c.created_at, performed_step.c.sop_instance_uid)
        )
        with self._archive.index.read() as connection:
            return list(dict.fromkeys(connection.execute(statement).scalars()))

    def settle_awaited(self) -> int:
        """Say that studies are stable whose last listed instance has come since their step was completed."""
        since = to_microseconds(self._archive.clock() - AWAITED_FOR)
        columns = performed_step.c
        waiting = (
            select(columns.sop_instance_uid, columns.document, columns.changed_at)
            .where(columns.awaited == 1)
            .order_by(columns.changed_at.desc())
            .limit(AWAITED_AT_ONCE)
        )
        with self._archive.index.read() as connection:
            due = [
                (row.sop_instance_uid, json.loads(row.document))
                for row in connection.execute(waiting)
                if row.changed_at < since or _studies_if_all_here(connection, json.loads(row.document)) is not None
            ]
        for uid, document in due:
            self._archive.index.write(partial(self._settle, uid=uid, document=document))
        if due:
            self._archive.events.announce()
        return len(due)

    # Inside a write ----------------------------------------------------------------------------------------------

    def _named(self, connection: Connection, document: Document) -> Iterator[tuple[str, str]]:
        """Study and step of the worklist entries that a step names, as these know themselves: by study and step, else
        by accession number and step, else by the study where it has one entry only."""
        columns = scheduled_step.c
        both = select(columns.study_instance_uid, columns.step_id).limit(2)
        for item in (document.get(STEPS) or {}).get("Value", ()):
            uid, step_id = first(item, _STUDY_INSTANCE_UID), first(item, _STEP_ID)
            accession_number = first(item, _ACCESSION_NUMBER)
            here = [columns.study_instance_uid == uid, *([columns.step_id == step_id] if step_id else [])]
            found = connection.execute(both.where(*here)).all()
            if not found and step_id and accession_number:
                same = (columns.accession_number == accession_number, columns.step_id == step_id)
                found = connection.execute(both.where(*same)).all()
            yield (found[0].study_instance_uid, found[0].step_id) if len(found) == 1 else (uid, step_id)

    def _tell(self, connection: Connection, uid: str, status: str, by: Principal, *, released: bool = False) -> None:
        """The event, the audit record, and what it makes of the worklist."""
        links = connection.execute(
            select(step_link.c.study_instance_uid, step_link.c.step_id)
            .where(step_link.c.performed == uid)
            .order_by(step_link.c.study_instance_uid, step_link.c.step_id)
        ).all()
        studies = list(dict.fromkeys(link.study_instance_uid for link in links))
        now = self._archive.clock()
        payload = {"status": status, "study_instance_uids": studies}
        EventLog.append(connection, now, EventKind.PERFORMED_STEP, sop_instance_uid=uid, payload=payload)
        audit.record(
            connection,
            now,
            code=AuditCode.PROCEDURE_RECORD,
            action="performed_step",
            principal=by,
            study_instance_uid=studies[0] if studies else "",
            detail=f"{uid} {status}",
        )
        if released:
            connection.execute(delete(step_link).where(step_link.c.performed == uid))
        for link in links:
            self._scheduled.follow(connection, link.study_instance_uid, link.step_id, by, released=released)

    def _settle(self, connection: Connection, uid: str, document: Document) -> None:
        """Where everything that was listed is here and nothing else is to be done for its studies, they are stable."""
        studies = _studies_if_all_here(connection, document)
        if studies is None:
            old = performed_step.c.changed_at < to_microseconds(self._archive.clock() - AWAITED_FOR)
            connection.execute(
                update(performed_step).where(performed_step.c.sop_instance_uid == uid, old).values(awaited=0)
            )
            return
        connection.execute(update(performed_step).where(performed_step.c.sop_instance_uid == uid).values(awaited=0))
        done = [one for one in studies if not self._goes_on(connection, one)]
        rows = list(connection.execute(select(study.c.row).where(study.c.study_instance_uid.in_(done))).scalars())
        become_stable(connection, self._archive.clock(), rows)

    def _goes_on(self, connection: Connection, study_instance_uid: str) -> bool:
        """Whether another step of the study is in progress, is still to be done, or has not sent everything."""
        performed = (
            select(performed_step.c.sop_instance_uid)
            .join(step_link, step_link.c.performed == performed_step.c.sop_instance_uid)
            .where(step_link.c.study_instance_uid == study_instance_uid)
            .where((performed_step.c.status == IN_PROGRESS) | (performed_step.c.awaited == 1))
        )
        scheduled = select(scheduled_step.c.row).where(
            scheduled_step.c.study_instance_uid == study_instance_uid,
            scheduled_step.c.status.not_in([status.value for status in OVER]),
        )
        return any(connection.execute(other.limit(1)).first() is not None for other in (performed, scheduled))


def awaited_duty(archive: Archive) -> Callable[[], int]:
    """The periodic duty of `PerformedSteps.settle_awaited`, which looks only when something has happened."""
    steps, seen = PerformedSteps(archive), -1

    def duty() -> int:
        nonlocal seen
        latest = archive.events.latest()
        if latest == seen:
            return 0
        settled = steps.settle_awaited()
        seen = latest
        return settled

    return duty


def _own(document: Document) -> Iterator[tuple[str, str]]:
    """Study and step as the modality says them itself: its images may be in another study than was scheduled."""
    for item in (document.get(STEPS) or {}).get("Value", ()):
        yield first(item, _STUDY_INSTANCE_UID), first(item, _STEP_ID)


def _identified(sop_instance_uid: str, document: Document) -> dict[str, Any]:
    identity = {"00080016": PERFORMED_STEP_CLASS, "00080018": sop_instance_uid}
    return dict(sorted({**document, **{tag: {"vr": "UI", "Value": [uid]} for tag, uid in identity.items()}}.items()))


def listed_instances(document: Document) -> list[str]:
    """SOP Instance UIDs of everything that a performed step says it made."""
    found = []
    for series in (document.get(_SERIES) or {}).get("Value", ()):
        for tag in ("00081140", "00400220"):
            found += [first(item, "00081155") for item in (series.get(tag) or {}).get("Value", ())]
    return list(dict.fromkeys(uid for uid in found if uid))


def _studies_if_all_here(connection: Connection, document: Document) -> list[str] | None:
    """The studies of the listed instances once all of these are here; None while some are not, or none are listed."""
    uids = listed_instances(document)
    studies: dict[str, None] = {}
    here = 0
    for batch in _batches(uids):
        rows = connection.execute(
            select(instance.c.study_instance_uid, func.count())
            .where(instance.c.sop_instance_uid.in_(batch), IS_LIVE)
            .group_by(instance.c.study_instance_uid)
        ).all()
        here += sum(number for _, number in rows)
        studies |= dict.fromkeys(str(uid) for uid, _ in rows)
    return list(studies) if uids and here == len(uids) else None


def _batches(uids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(uids)
    while batch := list(islice(rest, UIDS_AT_ONCE)):
        yield batch


def _check_created(document: Document) -> None:
    missing = [tag for tag in _TYPE_1 if tag not in document]
    steps = (document.get(STEPS) or {}).get("Value") or []
    missing += [_STUDY_INSTANCE_UID for item in steps if _STUDY_INSTANCE_UID not in item]
    if missing:
        raise _refused(MISSING_ATTRIBUTE, "attributes of type 1 are missing", missing)
    empty = [tag for tag in _TYPE_1 if tag != STEPS and not first(document, tag)]
    empty += [STEPS] if not steps else []
    empty += [_STUDY_INSTANCE_UID for item in steps if not first(item, _STUDY_INSTANCE_UID)]
    if empty:
        raise _refused(MISSING_VALUE, "attributes of type 1 have no value", empty)
    if first(document, _STATUS) != IN_PROGRESS:
        raise _refused(INVALID_VALUE, "a step is created IN PROGRESS", [_STATUS])
    _check_series(document)


def _check_series(document: Document) -> None:
    items = (document.get(_SERIES) or {}).get("Value") or []
    missing = [tag for tag in _OF_A_SERIES if any(tag not in item for item in items)]
    if missing:
        raise _refused(MISSING_ATTRIBUTE, "a performed series lacks attributes of type 1", missing)
    empty = [tag for tag in _OF_A_SERIES if any(not first(item, tag) for item in items)]
    if empty:
        raise _refused(MISSING_VALUE, "a performed series has type 1 without value", empty)


def _check_changes(known: Document, status: str, changes: Document) -> None:
    if status != IN_PROGRESS:
        refused = _refused(NO_LONGER_UPDATED, "Performed Procedure Step Object may no longer be updated")
        refused.error_id = NO_LONGER_UPDATED_ERROR_ID
        raise refused
    unknown = [tag for tag in changes if tag not in known]
    if unknown:
        raise _refused(NO_SUCH_ATTRIBUTE, "N-SET of attributes that N-CREATE did not make", unknown)
    fixed = [tag for tag in changes if tag in _NOT_SET and changes[tag] != known[tag]]
    if fixed:
        raise _refused(INVALID_VALUE, "these attributes are not changed by N-SET", fixed)
    whole = {**known, **changes}
    if first(whole, _STATUS) not in (IN_PROGRESS, COMPLETED, DISCONTINUED):
        raise _refused(INVALID_VALUE, "expected IN PROGRESS, COMPLETED or DISCONTINUED", [_STATUS])
    if first(whole, _STATUS) != IN_PROGRESS:
        empty = [tag for tag in _AT_THE_END if not whole[tag].get("Value")]
        if empty:
            raise _refused(MISSING_VALUE, "a step ends with its end and its series", empty)
    _check_series(whole)


def _taken_by_mistake(document: Document) -> bool:
    """Whether a step was discontinued because the wrong worklist entry had been chosen."""
    reasons = (document.get(_REASONS) or {}).get("Value", ())
    codes = [(first(item, "00080100"), first(item, "00080102")) for item in reasons]
    return first(document, _STATUS) == DISCONTINUED and _WRONG_ENTRY in codes


def _refused(status: int, message: str, tags: Iterable[str] = ()) -> OperationRefused:
    return OperationRefused(message, status=status, tags=tuple(dict.fromkeys(int(tag, 16) for tag in tags)))


def _find(sop_instance_uid: str) -> Any:
    columns = performed_step.c
    return select(columns.status, columns.document).where(columns.sop_instance_uid == sop_instance_uid)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(dict(sorted(document.items())), ensure_ascii=False, separators=(",", ":"))
