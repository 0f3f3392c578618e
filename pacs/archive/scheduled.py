"""Scheduled procedure steps: the modality worklist (PS3.4 Annex K), one entry a step, kept as DICOM JSON.

An entry is known by its Study Instance UID and Scheduled Procedure Step ID, by which performed steps name it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, insert, select, tuple_, update

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.events import EventLog
from pacs.dicom.documents import read_document, refuse
from pacs.dicom.keys import Document, Keys, first, text_of
from pacs.errors import AlreadyThere, NotFound, NotPermitted
from pacs.index.abandonment import Abandoned, Abandonment
from pacs.index.worklists import performed_step, scheduled_step, step_link
from pacs.model import EventKind, to_microseconds

PAGE_ROWS: Final = 500

STEP_SEQUENCE: Final = "00400100"
STATUS: Final = "00400020"
START: Final = ("00400002", "00400003")
"""Date and time of the start; ranges of both are one interval (PS3.4 Table K.6-1)."""

_STUDY_INSTANCE_UID: Final = "0020000D"
_STEP_ID: Final = "00400009"
_STEP_DESCRIPTION, _PROTOCOL_CODES = "00400007", "00400008"
_PROCEDURE_ID: Final = "00401001"
_PROCEDURE_DESCRIPTION, _PROCEDURE_CODES = "00321060", "00321064"


class StepStatus(StrEnum):
    """Scheduled Procedure Step Status (PS3.3 C.4.10), and how a step may have ended."""

    SCHEDULED = "SCHEDULED"
    ARRIVED = "ARRIVED"
    READY = "READY"
    STARTED = "STARTED"
    DEPARTED = "DEPARTED"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"
    CANCELED = "CANCELED"


OVER: Final = (StepStatus.COMPLETED, StepStatus.DISCONTINUED, StepStatus.CANCELED)
"""What is not offered to modalities unless they ask for it by status."""

# what every answer has a value of (type 1 of Table K.6-1), with its place in an entry
_REQUIRED: Final = (
    ("PatientName", ("00100010",)),
    ("PatientID", ("00100020",)),
    ("Modality", (STEP_SEQUENCE, "00080060")),
    ("ScheduledStationAETitle", (STEP_SEQUENCE, "00400001")),
    ("ScheduledProcedureStepStartDate", (STEP_SEQUENCE, "00400002")),
    ("ScheduledProcedureStepStartTime", (STEP_SEQUENCE, "00400003")),
)
_COLUMNS: Final = {
    "start_date": (STEP_SEQUENCE, "00400002"),
    "start_time": (STEP_SEQUENCE, "00400003"),
    "modality": (STEP_SEQUENCE, "00080060"),
    "patient_id": ("00100020",),
    "accession_number": ("00080050",),
    "status": (STEP_SEQUENCE, STATUS),
}
_ALIKE: Final = ("modality", "patient_id", "accession_number")
"""Columns whose key, where it has one value without wildcard, is compared by the database already."""


def read_entries(given: Any) -> list[dict[str, Any]]:
    """The worklist entries in a document, one for each of its scheduled steps, made whole: what identifies a step and
    was left out is invented, one description stands in for the other. Raises AttributesRefused."""
    document = read_document(given)
    items = (document.get(STEP_SEQUENCE) or {}).get("Value") or []
    if not items:
        refuse(["ScheduledProcedureStepSequence (0040,0100): expected an item for each step"])
    common = {tag: body for tag, body in document.items() if tag != STEP_SEQUENCE}
    _complete(common, _STUDY_INSTANCE_UID, "UI", f"2.25.{uuid4().int}")
    _complete(common, _PROCEDURE_ID, "SH", uuid4().hex[:16].upper())
    mistakes: list[str] = []
    entries = []
    for item in items:
        step = dict(item)
        _complete(step, _STEP_ID, "SH", uuid4().hex[:16].upper())
        _complete(step, STATUS, "CS", StepStatus.SCHEDULED.value)
        entry = {**common, STEP_SEQUENCE: {"vr": "SQ", "Value": [step]}}
        _describe(entry, step)
        mistakes += _mistakes(entry)
        step_in_order = dict(sorted(step.items()))
        entries.append(dict(sorted({**entry, STEP_SEQUENCE: {"vr": "SQ", "Value": [step_in_order]}}.items())))
    if mistakes:
        refuse(list(dict.fromkeys(mistakes)))
    return entries


def _complete(document: dict[str, Any], tag: str, vr: str, value: str) -> None:
    if not first(document, tag):
        document[tag] = {"vr": vr, "Value": [value]}


def _describe(entry: dict[str, Any], step: dict[str, Any]) -> None:
    """A description or a code of the procedure and of the step are type 1C each: one without takes the other's."""
    of_step = first(step, _STEP_DESCRIPTION)
    of_procedure = first(entry, _PROCEDURE_DESCRIPTION)
    if of_procedure and not of_step and not _has_items(step, _PROTOCOL_CODES):
        step[_STEP_DESCRIPTION] = {"vr": "LO", "Value": [of_procedure]}
    if of_step and not of_procedure and not _has_items(entry, _PROCEDURE_CODES):
        entry[_PROCEDURE_DESCRIPTION] = {"vr": "LO", "Value": [of_step]}


def _has_items(document: Document, tag: str) -> bool:
    return bool((document.get(tag) or {}).get("Value"))


def _mistakes(entry: Document) -> list[str]:
    found = [
        f"{keyword} ({path[-1][:4]},{path[-1][4:]}): a worklist entry needs a value"
        + (" in its item of ScheduledProcedureStepSequence" if len(path) > 1 else "")
        for keyword, path in _REQUIRED
        if not first(entry, *path)
    ]
    step = entry[STEP_SEQUENCE]["Value"][0]
    if not (first(step, _STEP_DESCRIPTION) or _has_items(step, _PROTOCOL_CODES)):
        found.append("ScheduledProcedureStepDescription (0040,0007): expected it, or codes of the protocol (0040,0008)")
    if not (first(entry, _PROCEDURE_DESCRIPTION) or _has_items(entry, _PROCEDURE_CODES)):
        found.append("RequestedProcedureDescription (0032,1060): expected it, or a code of the procedure (0032,1064)")
    status = first(step, STATUS)
    if status not in list(StepStatus):
        found.append(f"ScheduledProcedureStepStatus {status!r}: expected one of {', '.join(StepStatus)}")
    return found


class ScheduledSteps:
    """The worklist of one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    # Changing ----------------------------------------------------------------------------------------------------

    def add(self, given: Any, *, by: Principal) -> list[dict[str, Any]]:
        """Schedule what is in a document and give the entries back whole; all of them or none.

        Raises NotPermitted, AttributesRefused, AlreadyThere.
        """
        _require(by)
        entries = read_entries(given)

        def work(connection: Connection) -> dict[str, Any] | None:
            for entry in entries:
                if connection.execute(select(scheduled_step.c.row).where(_is(*identity(entry)))).first() is not None:
                    return entry
            for entry in entries:
                self._insert(connection, entry, by)
            return None

        taken = self._archive.index.write(work)
        if taken is not None:
            study, step = identity(taken)
            raise AlreadyThere(f"step {step} of study {study} is scheduled already", "change that entry, or remove it")
        self._archive.events.announce()
        return entries

    def change(self, study_instance_uid: str, step_id: str, given: Any, *, by: Principal) -> dict[str, Any]:
        """Replace an entry, whose identity stays, and its status where none is given; gives it back whole.

        Raises NotPermitted, AttributesRefused, NotFound.
        """
        _require(by)
        document = read_document(given)
        items = (document.get(STEP_SEQUENCE) or {}).get("Value") or [{}]
        document[_STUDY_INSTANCE_UID] = {"vr": "UI", "Value": [study_instance_uid]}
        document[STEP_SEQUENCE] = {"vr": "SQ", "Value": [{**items[0], _STEP_ID: {"vr": "SH", "Value": [step_id]}}]}
        if len(items) > 1:
            refuse([f"ScheduledProcedureStepSequence (0040,0100): {len(items)} items, expected the one of this entry"])
        keeps_status = not first(items[0], STATUS)
        (entry,) = read_entries(document)

        def work(connection: Connection) -> bool:
            known = connection.execute(select(scheduled_step.c.status).where(_is(study_instance_uid, step_id))).scalar()
            if known is None:
                return False
            if keeps_status:
                _set_status(entry, known)
            self._write(connection, entry)
            self._tell(connection, entry, "changed", by)
            return True

        if not self._archive.index.write(work):
            raise _no_such_step(study_instance_uid, step_id)
        self._archive.events.announce()
        return entry

    def remove(self, study_instance_uid: str, step_id: str, *, by: Principal) -> None:
        """Take an entry off the worklist. Raises NotPermitted, NotFound."""
        _require(by)

        def work(connection: Connection) -> bool:
            document = connection.execute(
                delete(scheduled_step).where(_is(study_instance_uid, step_id)).returning(scheduled_step.c.document)
            ).scalar()
            if document is not None:
                self._tell(connection, json.loads(document), "removed", by)
            return document is not None

        if not self._archive.index.write(work):
            raise _no_such_step(study_instance_uid, step_id)
        self._archive.events.announce()

    def _insert(self, connection: Connection, entry: dict[str, Any], by: Principal) -> None:
        study_instance_uid, step_id = identity(entry)
        connection.execute(
            insert(scheduled_step).values(
                study_instance_uid=study_instance_uid,
                step_id=step_id,
                created_at=self._now(),
                changed_at=self._now(),
                **_columns(entry),
            )
        )
        self._tell(connection, entry, "scheduled", by)
        self.follow(connection, study_instance_uid, step_id, by)

    def _tell(self, connection: Connection, entry: Document, what: str, by: Principal) -> None:
        study_instance_uid, step_id = identity(entry)
        status = first(entry, STEP_SEQUENCE, STATUS)
        EventLog.append(
            connection,
            self._archive.clock(),
            EventKind.SCHEDULED_STEP,
            payload={"study_instance_uid": study_instance_uid, "step_id": step_id, "what": what, "status": status},
        )
        audit.record(
            connection,
            self._archive.clock(),
            code=AuditCode.PROCEDURE_RECORD,
            action=f"scheduled_step_{what}",
            principal=by,
            study_instance_uid=study_instance_uid,
            detail=f"{step_id} {status}",
        )

    def _now(self) -> int:
        return to_microseconds(self._archive.clock())

    # What is performed -------------------------------------------------------------------------------------------

    def follow(
        self, connection: Connection, study_instance_uid: str, step_id: str, by: Principal, *, released: bool = False
    ) -> None:
        """Inside a write: give a step the status that the performed steps which name it make of it; `released` when one
        that named it by mistake does no longer."""
        found = connection.execute(
            select(scheduled_step.c.document, scheduled_step.c.status).where(_is(study_instance_uid, step_id))
        ).first()
        if found is None:
            return
        performed = set(
            connection.execute(
                select(performed_step.c.status)
                .join(step_link, step_link.c.performed == performed_step.c.sop_instance_uid)
                .where(step_link.c.study_instance_uid == study_instance_uid, step_link.c.step_id == step_id)
            ).scalars()
        )
        otherwise = StepStatus.SCHEDULED if released else found.status
        status = next((made for said, made in _PERFORMED if said in performed), otherwise)
        if status != found.status:
            entry = json.loads(found.document)
            _set_status(entry, status)
            self._write(connection, entry)
            self._tell(connection, entry, "performed", by)

    def _write(self, connection: Connection, entry: Document) -> None:
        connection.execute(
            update(scheduled_step).where(_is(*identity(entry))).values(**_columns(entry), changed_at=self._now())
        )

    # Finding -----------------------------------------------------------------------------------------------------

    def get(self, study_instance_uid: str, step_id: str) -> dict[str, Any]:
        """One entry. Raises NotFound."""
        with self._archive.index.read() as connection:
            document = connection.execute(
                select(scheduled_step.c.document).where(_is(study_instance_uid, step_id))
            ).scalar()
        if document is None:
            raise _no_such_step(study_instance_uid, step_id)
        entry: dict[str, Any] = json.loads(document)
        return entry

    def matching(
        self, document: Document, keys: Keys, abandoned: Abandonment | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every entry that meets `keys`, which are read from `document`, by start and then by age. Without a key for
        the status, only what is still to be done. No connection is held between pages. Raises Abandoned after a page
        once `abandoned` says that nobody waits any more."""
        after: tuple[str, str, int] | None = None
        while True:
            page = self._page(_conditions(document), after)
            for row in page:
                entry = json.loads(row.document)
                if keys.meets(entry):
                    yield entry
            if len(page) < PAGE_ROWS:
                return
            if abandoned is not None and abandoned():
                raise Abandoned
            after = (page[-1].start_date, page[-1].start_time, page[-1].row)

    def _page(self, conditions: list[ColumnElement[bool]], after: tuple[str, str, int] | None) -> list[Any]:
        columns = scheduled_step.c
        order = (columns.start_date, columns.start_time, columns.row)
        statement = select(*order, columns.document).where(*conditions).order_by(*order).limit(PAGE_ROWS)
        if after is not None:
            statement = statement.where(tuple_(*order) > tuple_(*after))
        with self._archive.index.read() as connection:
            return list(connection.execute(statement).all())


_PERFORMED: Final = (
    ("IN PROGRESS", StepStatus.STARTED),
    ("COMPLETED", StepStatus.COMPLETED),
    ("DISCONTINUED", StepStatus.DISCONTINUED),
)


def identity(entry: Document) -> tuple[str, str]:
    """Study Instance UID and Scheduled Procedure Step ID."""
    return first(entry, _STUDY_INSTANCE_UID), first(entry, STEP_SEQUENCE, _STEP_ID)


def _set_status(entry: dict[str, Any], status: str) -> None:
    entry[STEP_SEQUENCE]["Value"][0][STATUS] = {"vr": "CS", "Value": [str(status)]}


def _is(study_instance_uid: str, step_id: str) -> ColumnElement[bool]:
    columns = scheduled_step.c
    return (columns.study_instance_uid == study_instance_uid) & (columns.step_id == step_id)


def _columns(entry: Document) -> dict[str, str]:
    values = {column: first(entry, *path) for column, path in _COLUMNS.items()}
    return {**values, "document": json.dumps(entry, ensure_ascii=False, separators=(",", ":"))}


def _conditions(document: Document) -> list[ColumnElement[bool]]:
    """What the database can tell already: never more than the keys themselves ask for."""
    asked = {column: _asked(document, *path) for column, path in _COLUMNS.items()}
    found: list[ColumnElement[bool]] = [
        scheduled_step.c[column] == asked[column]
        for column in _ALIKE
        if asked[column] and not set("*?\\") & set(asked[column])
    ]
    if not asked["status"]:
        found.append(scheduled_step.c.status.not_in([status.value for status in OVER]))
    low, _, high = asked["start_date"].replace(".", "").partition("-")
    exact = "-" not in asked["start_date"]
    if low:
        found.append(scheduled_step.c.start_date >= low.strip())
    if high or (exact and low):
        found.append(scheduled_step.c.start_date <= (low if exact else high).strip() + "~")
    return found


def _asked(document: Mapping[str, Any], *path: str) -> str:
    """The key at `path`, its values joined; "" where there is none or it is universal."""
    *sequences, tag = path
    for sequence in sequences:
        items = (document.get(sequence) or {}).get("Value") or [{}]
        document = items[0] if isinstance(items[0], dict) else {}
    text = "\\".join(text_of(value) for value in (document.get(tag) or {}).get("Value", ()))
    return "" if set(text) <= {"*"} else text


def _require(by: Principal) -> None:
    if not may(by, Action.WORKLIST):
        raise NotPermitted("you may not change the worklist", "ask an administrator for an account that may")


def _no_such_step(study_instance_uid: str, step_id: str) -> NotFound:
    return NotFound(
        f"no step {step_id[:64]} of study {study_instance_uid[:64]} is scheduled", "`pacs mwl list --all` shows them"
    )
