"""The transaction that makes an object visible: patient, study, series, instance, event and audit, all or nothing.

One live row a SOP Instance UID: the same data set again is a duplicate; other content under a known UID is kept beside
the live one as a conflict version unless its sender's registration says otherwise, and nothing already acknowledged is
ever lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select, update

from pacs.access import audit
from pacs.access.grants import Action, may
from pacs.access.peer import DuplicatePolicy
from pacs.archive import amendments, mixed_series, patients, rejections, rows, standing, tombstones
from pacs.archive.arrived import WRITTEN_HERE, Arrived
from pacs.archive.events import EventLog
from pacs.archive.extended_values import keep, read_later
from pacs.archive.limits import Retention
from pacs.archive.proof import Recorded
from pacs.attributes import Level
from pacs.dicom.likeness import may_be_one
from pacs.dicom.rejection import RejectionNote
from pacs.index.schema import ANOTHER_PATIENT, instance, patient, series, study
from pacs.index.writer import Statement
from pacs.model import EventKind, GarbageReason, InstanceState, Outcome, StorageState, Stored, to_microseconds

HEALED_COLUMNS = frozenset(
    {"object_key", "envelope_sha256", "size", "dataset_offset", "dataset_length", "padding_length", "storage"}
)
"""What changes in the row of a damaged object when its data set comes again: where it is and what is around it."""


_ANOTHER_PATIENT = (ANOTHER_PATIENT,)

Proof = Callable[[str], StorageState | None]
"""Tells of an object key what storage gave back just now, None where nobody has looked."""


def register(
    connection: Connection, arrived: Arrived, proof: Proof, now: datetime, retention: Retention
) -> Stored | Recorded:
    """Write the rows of an arrival inside the caller's transaction and say what became of it.

    Where the same data set is here already but `proof` does not tell of its object, nothing is written and what was
    recorded of that object comes back: only when it was read and found whole may the newcomer be thrown away.
    What is thrown away is kept for its grace from `now`, which for an object found in storage is not its arrival.
    """
    values = arrived.values
    found = _existing(
        rows.LOOK,
        connection,
        {
            "sop_instance_uid": values["SOPInstanceUID"],
            "study_instance_uid": values["StudyInstanceUID"],
            "series_instance_uid": values["SeriesInstanceUID"],
        },
    )
    live, known, rejected_by = found[: rows.KNOWN_COUNT], found[rows.KNOWN_COUNT : -1], found[-1]
    if live[0] is None and rejected_by is not None:
        return _reject(connection, arrived, rejected_by, InstanceState.LIVE.value, proof, now)
    if live[0] is None and arrived.note is not None:
        met = _take_note(connection, arrived, arrived.note, proof, now, retention)
        if met is not None:
            return met
    if live[0] is None:
        stored = _store(connection, arrived, known[: rows.STUDY_COUNT], known[rows.STUDY_COUNT :])
        if stored is not None:
            return stored
        # Another process's transaction made it live between the look and the insert.
        live = _existing(rows.LIVE, connection, {"sop_instance_uid": values["SOPInstanceUID"]})
    return _meet(connection, arrived, _Known.of(live), proof, now)


@dataclass(frozen=True, slots=True)
class _Known:
    """A row under the arrival's SOP Instance UID."""

    row: int
    transfer_syntax_uid: str
    storage: StorageState
    recorded: Recorded

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> _Known:
        return cls(row[0], row[1], StorageState(row[2]), rows.recorded(row[3:]))

    def is_same(self, arrived: Arrived) -> bool:
        """Whether it is the same data set in the same coding."""
        theirs = (self.recorded.digests.dataset_sha256, self.transfer_syntax_uid)
        return theirs == (arrived.dataset_sha256, arrived.transfer_syntax_uid)


# A first arrival -----------------------------------------------------------------------------------------------


def _store(
    connection: Connection, arrived: Arrived, known_study: tuple[Any, ...], known_series: tuple[Any, ...]
) -> Stored | None:
    values = arrived.values
    at = to_microseconds(arrived.received_at)
    study_row, oddities, filled = _study_row(connection, values, at, known_study)
    series_row, new_series, filled_series = _series_row(connection, values, study_row, at, known_series)
    oddities = (*arrived.oddities, *oddities)
    inserted = rows.INSERT_LIVE.one(
        connection, rows.instance_values(arrived, series_row, InstanceState.LIVE, arrived.storage, oddities)
    )
    if inserted is None:
        return None
    if arrived.told:
        places = {Level.STUDY: study_row, Level.SERIES: series_row, Level.IMAGE: inserted[0]}
        keep(connection, arrived.told, places, arrived.received_at)
    rows.COUNT_SERIES.run(connection, {"series_row": series_row, "at": at}).close()
    rows.COUNT_STUDY.run(connection, {"study_row": study_row, "at": at, "new_series": new_series}).close()
    if filled or filled_series or (new_series and _is_corrected(connection, values, known_study)):
        amendments.alone(connection, sharing=True)
        amendments.apply(connection, study_row, at, values if known_study[0] is None else None)
    return _announce(connection, arrived, EventKind.INSTANCE_STORED, Outcome.STORED, oddities)


def _is_corrected(connection: Connection, values: dict[str, str], known_study: tuple[Any, ...]) -> bool:
    """Whether corrections stand that a new study, or a new series of a known one, has to follow."""
    amendments.alone(connection, sharing=True)
    known_original = known_study[0] is not None and known_study[3]
    return bool(known_original) or standing.any_of(connection, values["StudyInstanceUID"], rows.identity(values))


def _study_row(
    connection: Connection, values: dict[str, str], at: int, known: tuple[Any, ...]
) -> tuple[int, tuple[str, ...], bool]:
    """The study's row, made with its patient when it is new; the second part tells of a patient that differs, the
    third that what the objects say of a corrected study has become more."""
    identity = rows.identity(values)
    if known[0] is None:
        known = _new_study(connection, values, at, identity)
    row, patient_row, known_identity, known_demographics, original, *stored = known
    if original:
        own = json.loads(original)
        own_identity = rows.identity(own)
        is_theirs = identity == own_identity and may_be_one(patients.told_by(own), patients.told_by(values))
        levels = (Level.STUDY, Level.PATIENT) if is_theirs else (Level.STUDY,)
        filled = amendments.fill(connection, study, row, original, levels, values)
        differs = not is_theirs and (identity == own_identity or identity != known_identity)
        return row, _ANOTHER_PATIENT if differs else (), filled
    _fill(connection, Level.STUDY, row, stored[: len(rows.STUDY_COLUMNS)], values)
    if known_identity != identity:
        return row, _ANOTHER_PATIENT, False
    of_patient = stored[len(rows.STUDY_COLUMNS) :]
    if known_demographics != rows.demographics(values, identity):
        if not _completed(connection, row, patient_row, known_demographics, of_patient, values):
            return row, _ANOTHER_PATIENT, False
    else:
        _fill(connection, Level.PATIENT, patient_row, of_patient, values)
    return row, (), False


def _new_study(connection: Connection, values: dict[str, str], at: int, identity: str) -> tuple[Any, ...]:
    """Make the rows of a study and of its patient, who may be known."""
    key = rows.demographics(values, identity)
    made = rows.INSERT_PATIENT.one(
        connection, {"demographics": key, "identity": identity, **rows.columns(Level.PATIENT, values)}
    )
    if made is not None:
        patients.tell_apart(connection, identity)
    patient_row = made[0] if made else _existing(rows.FIND_PATIENT, connection, {"demographics": key})[0]
    rows.INSERT_STUDY.run(
        connection,
        {"patient_row": patient_row, "received_at": at, "changed_at": at, **rows.columns(Level.STUDY, values)},
    ).close()
    return _existing(rows.FIND_STUDY, connection, {"study_instance_uid": values["StudyInstanceUID"]})


def _completed(
    connection: Connection,
    study_row: int,
    patient_row: int,
    known_demographics: str,
    stored: Sequence[str],
    values: dict[str, str],
) -> bool:
    """Give a study whose patient was told in part what a later object tells besides; False where that object cannot be
    of the same person. The other studies of that patient stay what their objects say."""
    own = {attribute.keyword: text for attribute, text in zip(rows.ATTRIBUTES[Level.PATIENT], stored, strict=True)}
    if not may_be_one(patients.told_by(own), patients.told_by(values)):
        return False
    whole = values | {keyword: text for keyword, text in own.items() if text}
    if rows.demographics(whole) == known_demographics:
        _fill(connection, Level.PATIENT, patient_row, stored, values)
    else:
        patients.give(connection, study_row, patients.row_of(connection, whole), patient_row)
    return True


def _series_row(
    connection: Connection, values: dict[str, str], study_row: int, at: int, known: tuple[Any, ...]
) -> tuple[int, int, bool]:
    """The series' row, 1 when it is new, and whether what the objects say of a corrected one has become more."""
    if known[0] is None:
        told = {"said_beside": mixed_series.said_by(values), **rows.columns(Level.SERIES, values)}
        made = rows.INSERT_SERIES.one(connection, {"study_row": study_row, "changed_at": at, **told})
        if made is not None:
            return made[0], 1, False
        key = {"study_row": study_row, "series_instance_uid": values["SeriesInstanceUID"]}
        known = _existing(rows.FIND_SERIES, connection, key)
    row, original, said_beside, *stored = known
    if not original and said_beside == mixed_series.said_by(values) == mixed_series.IMAGES_ALONE:
        _fill(connection, Level.SERIES, row, stored, values)
        return row, 0, False
    if not mixed_series.is_news(original, said_beside, stored, values):
        return row, 0, False
    return row, 0, mixed_series.told(connection, row, values)


def _existing(statement: Statement, connection: Connection, key: dict[str, Any]) -> tuple[Any, ...]:
    row = statement.one(connection, key)
    assert row is not None, "the insert met this row, so it is there"
    return row


def _fill(connection: Connection, level: Level, row: int, stored: Any, values: dict[str, str]) -> None:
    """Give an attribute that the first instance left empty the value of a later one; a known value stays."""
    empty = [
        attribute
        for attribute, value in zip(rows.ATTRIBUTES[level], stored, strict=True)
        if value == "" and values.get(attribute.keyword)
    ]
    if empty:
        table = {Level.PATIENT: patient, Level.STUDY: study, Level.SERIES: series}[level]
        filled = {name: text for attribute in empty for name, text in rows.column_values(attribute, values)}
        connection.execute(update(table).where(table.c.row == row).values(filled))


# What is rejected ----------------------------------------------------------------------------------------------


def _take_note(
    connection: Connection,
    arrived: Arrived,
    note: RejectionNote,
    proof: Proof,
    now: datetime,
    retention: Retention,
) -> Stored | Recorded | None:
    """What a rejection note says is done in the transaction that registers it; None where its sender may not say it,
    so that it is an object like any other."""
    deletion_id = rejections.of_note(connection, arrived.values["SOPInstanceUID"])
    if deletion_id is None:
        named = [
            reference
            for reference in note.references
            if may(arrived.principal, Action.REJECT, reference.study_instance_uid)
        ]
        if not named:
            return None
        deletion_id = rejections.reject(
            connection,
            replace(note, references=tuple(named)),
            arrived,
            by=arrived.principal,
            at=arrived.received_at,
            retention=retention,
        )
    return _reject(connection, arrived, deletion_id, tombstones.NOTE, proof, now)


def _reject(
    connection: Connection, arrived: Arrived, deletion_id: str, before: str, proof: Proof, now: datetime
) -> Stored | Recorded:
    """Keep what came out of sight, as part of the rejection; its `before` is what it would be without."""
    twin = rows.REJECTED.one(
        connection,
        {
            "sop_instance_uid": arrived.values["SOPInstanceUID"],
            "dataset_sha256": arrived.dataset_sha256,
            "transfer_syntax_uid": arrived.transfer_syntax_uid,
        },
    )
    if twin is not None:
        known = _Known.of(twin)
        return _again(connection, arrived, known.row, known, Outcome.REJECTED, proof, now)
    rows.INSERT_HELD.run(
        connection,
        rows.instance_values(arrived, None, InstanceState.REJECTED, arrived.storage, arrived.oddities),
    ).close()
    tombstones.entomb(connection, deletion_id, arrived, before)
    return _announce(connection, arrived, EventKind.OBJECTS_REJECTED, Outcome.REJECTED, arrived.oddities)


# A known UID ---------------------------------------------------------------------------------------------------


def _meet(connection: Connection, arrived: Arrived, live: _Known, proof: Proof, now: datetime) -> Stored | Recorded:
    twin, outcome = live, Outcome.DUPLICATE
    if not live.is_same(arrived):
        held = rows.HELD.one(
            connection,
            {
                "sop_instance_uid": arrived.values["SOPInstanceUID"],
                "dataset_sha256": arrived.dataset_sha256,
                "transfer_syntax_uid": arrived.transfer_syntax_uid,
            },
        )
        if held is None:
            return _POLICIES[_policy(arrived)](connection, arrived, live, now)
        twin, outcome = _Known.of(held), Outcome.CONFLICT
    return _again(connection, arrived, live.row, twin, outcome, proof, now)


def _again(
    connection: Connection,
    arrived: Arrived,
    seen_row: int,
    twin: _Known,
    outcome: Outcome,
    proof: Proof,
    now: datetime,
) -> Stored | Recorded:
    """What is here already came again; one of the two is enough, the one that is whole."""
    at = to_microseconds(arrived.received_at)
    state = twin.storage if twin.storage is StorageState.DAMAGED else proof(twin.recorded.object_key)
    if state is None:
        return twin.recorded
    rows.SEEN.run(connection, {"row_": seen_row, "at": at}).close()
    if state is StorageState.DAMAGED and arrived.storage is StorageState.STORED:
        return _heal(connection, arrived, twin, outcome, now)
    reason = GarbageReason.DUPLICATE if arrived.storage is StorageState.STORED else GarbageReason.DAMAGED
    twin_of = arrived.dataset_sha256 if reason is GarbageReason.DUPLICATE else ""
    _throw_away(connection, arrived.object_key, reason, now, twin_of)
    return _answer(arrived, outcome, arrived.oddities)


def _policy(arrived: Arrived) -> DuplicatePolicy:
    """What the sender's registration says of other content; only who proved who it is may supersede an image. What the
    node writes is written once: of two nodes with the same index the second is told that the first was quicker."""
    if arrived.protocol == WRITTEN_HERE:
        return DuplicatePolicy.REFUSE
    sender = arrived.principal
    policy = sender.peer.options.duplicates if sender.peer is not None else DuplicatePolicy.KEEP_FIRST
    return DuplicatePolicy.KEEP_FIRST if policy is DuplicatePolicy.SUPERSEDE and not sender.certified else policy


def _hold(connection: Connection, arrived: Arrived, live: _Known, now: datetime) -> Stored:
    at = to_microseconds(arrived.received_at)
    rows.SEEN.run(connection, {"row_": live.row, "at": at}).close()
    rows.INSERT_HELD.run(
        connection,
        rows.instance_values(arrived, None, InstanceState.CONFLICT, arrived.storage, arrived.oddities),
    ).close()
    return _announce(connection, arrived, EventKind.INSTANCE_CONFLICT, Outcome.CONFLICT, arrived.oddities)


def _refuse(connection: Connection, arrived: Arrived, live: _Known, now: datetime) -> Stored:
    """The object is put already, so it goes the way of what nobody names; whoever asked says no after the commit."""
    rows.SEEN.run(connection, {"row_": live.row, "at": to_microseconds(arrived.received_at)}).close()
    _throw_away(connection, arrived.object_key, GarbageReason.REFUSED, now)
    return _answer(arrived, Outcome.REFUSED, arrived.oddities)


def _supersede(connection: Connection, arrived: Arrived, live: _Known, now: datetime) -> Stored:
    """The new content becomes the live one in its place, the old one is kept; never across studies or series."""
    values, at = arrived.values, to_microseconds(arrived.received_at)
    where = (instance.c.study_instance_uid, instance.c.series_instance_uid, instance.c.series_row)
    *uids, series_row = connection.execute(select(*where).where(instance.c.row == live.row)).one()
    if uids != [values["StudyInstanceUID"], values["SeriesInstanceUID"]]:
        return _hold(connection, arrived, live, now)
    old = {"state": InstanceState.SUPERSEDED.value, "series_row": None, "last_seen_at": at}
    connection.execute(update(instance).where(instance.c.row == live.row).values(old))
    rows.INSERT_LIVE.one(
        connection, rows.instance_values(arrived, series_row, InstanceState.LIVE, arrived.storage, arrived.oddities)
    )
    if arrived.told:
        read_later(connection, arrived.object_key)
    study_row = select(series.c.study_row).where(series.c.row == series_row).scalar_subquery()
    connection.execute(update(series).where(series.c.row == series_row).values(changed_at=at))
    connection.execute(update(study).where(study.c.row == study_row).values(changed_at=at, stable=0))
    return _announce(connection, arrived, EventKind.INSTANCE_SUPERSEDED, Outcome.SUPERSEDED, arrived.oddities)


_POLICIES: Mapping[DuplicatePolicy, Callable[[Connection, Arrived, _Known, datetime], Stored]] = MappingProxyType(
    {
        DuplicatePolicy.KEEP_FIRST: _hold,
        DuplicatePolicy.REFUSE: _refuse,
        DuplicatePolicy.SUPERSEDE: _supersede,
    }
)


def _heal(connection: Connection, arrived: Arrived, twin: _Known, outcome: Outcome, now: datetime) -> Stored:
    """The same data set came again for a damaged object: the new object takes the row, the old one goes."""
    healed = {
        name: value
        for name, value in rows.instance_values(
            arrived, None, InstanceState.LIVE, StorageState.STORED, arrived.oddities
        ).items()
        if name in HEALED_COLUMNS
    }
    connection.execute(update(instance).where(instance.c.row == twin.row).values(healed))
    if outcome is Outcome.REJECTED:
        tombstones.rename(connection, twin.recorded.object_key, arrived.object_key)
    _throw_away(connection, twin.recorded.object_key, GarbageReason.DAMAGED, now)
    return _announce(connection, arrived, EventKind.INSTANCE_HEALED, outcome, arrived.oddities)


def _throw_away(
    connection: Connection, object_key: str, reason: GarbageReason, since: datetime, dataset_sha256: str = ""
) -> None:
    """With `dataset_sha256`, a sound object: until its grace is over it can repair the one that was kept."""
    rows.INSERT_GARBAGE.run(
        connection,
        {
            "object_key": object_key,
            "reason": reason.value,
            "since": to_microseconds(since),
            "dataset_sha256": dataset_sha256,
        },
    ).close()


# Answers -------------------------------------------------------------------------------------------------------


def _announce(
    connection: Connection, arrived: Arrived, kind: EventKind, outcome: Outcome, oddities: tuple[str, ...]
) -> Stored:
    if not arrived.is_news:
        return _answer(arrived, outcome, oddities)
    values = arrived.values
    EventLog.append(
        connection,
        arrived.received_at,
        kind,
        study_instance_uid=values["StudyInstanceUID"],
        series_instance_uid=values["SeriesInstanceUID"],
        sop_instance_uid=values["SOPInstanceUID"],
    )
    audit.record(
        connection,
        arrived.received_at,
        code=audit.AuditCode.INSTANCES_TRANSFERRED,
        action=outcome.value,
        principal=arrived.principal,
        study_instance_uid=values["StudyInstanceUID"],
        detail=values["SOPInstanceUID"],
    )
    return _answer(arrived, outcome, oddities)


def _answer(arrived: Arrived, outcome: Outcome, oddities: tuple[str, ...]) -> Stored:
    values = arrived.values
    return Stored(
        outcome,
        arrived.sop_class_uid,
        values["SOPInstanceUID"],
        values["StudyInstanceUID"],
        values["SeriesInstanceUID"],
        oddities,
    )
