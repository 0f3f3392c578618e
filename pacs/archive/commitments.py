"""Storage commitments (PS3.4 Annex J): what peers asked this node to keep, and what it asked of them.

The strongest promise of the archive: the peer deletes its own copy on it. So each referenced object is read again from
the medium and its digests compared before anything is said, and what was said is kept for ever (invariant I8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, insert, or_, select, update

from pacs.archive.archive import Archive
from pacs.archive.damage import prove
from pacs.errors import NotFound
from pacs.index.deletions import tombstone
from pacs.index.schema import IS_LIVE, instance
from pacs.index.transfers import commitment, commitment_reference
from pacs.index.upsert import upsert
from pacs.model import InstanceState, StorageState, from_microseconds, to_microseconds

LOOKED_UP_AT_ONCE: Final = 500
REFERENCES_MAX: Final = 50_000

COMMITTED: Final = 0


class Direction(StrEnum):
    """Who asked whom."""

    RECEIVED = "received"
    REQUESTED = "requested"


class CommitmentState(StrEnum):
    """Waiting for the result; the result is known and is still to be told; all is said."""

    WAITING = "waiting"
    KNOWN = "known"
    SETTLED = "settled"


class FailureReason(IntEnum):
    """Why an instance is not committed to (PS3.3 C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119
    CLASS_NOT_SUPPORTED = 0x0122
    DUPLICATE_TRANSACTION = 0x0131
    RESOURCE_LIMITATION = 0x0213


class StorageSilent(Exception):
    """Storage cannot tell at the moment whether it has an object."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance of a commitment; `failure_reason` 0 when it is committed to, None while that is not known."""

    sop_class_uid: str
    sop_instance_uid: str
    failure_reason: int | None = None


@dataclass(frozen=True, slots=True)
class Commitment:
    """A row of `commitment`; `ae_title` is the peer, `job_id` what was forwarded where we asked."""

    transaction_uid: str
    direction: Direction
    ae_title: str
    state: CommitmentState
    created_at: datetime
    job_id: str


def begin(
    connection: Connection,
    at: datetime,
    transaction_uid: str,
    direction: Direction,
    ae_title: str,
    references: Sequence[Reference],
    job_id: str = "",
) -> bool:
    """Inside a write: keep a request with its references; False where the Transaction UID has been used before."""
    made = connection.execute(
        upsert(connection, commitment)
        .values(
            transaction_uid=transaction_uid,
            direction=direction.value,
            ae_title=ae_title,
            state=CommitmentState.WAITING.value,
            created_at=to_microseconds(at),
            job_id=job_id,
        )
        .on_conflict_do_nothing(index_elements=["transaction_uid"])
        .returning(commitment.c.transaction_uid)
    ).first()
    if made is None:
        return False
    rows = [
        {
            "transaction_uid": transaction_uid,
            "number": number,
            "sop_class_uid": reference.sop_class_uid,
            "sop_instance_uid": reference.sop_instance_uid,
            "failure_reason": reference.failure_reason,
        }
        for number, reference in enumerate(references)
    ]
    connection.execute(insert(commitment_reference), rows)
    return True


def find(connection: Connection, transaction_uid: str) -> Commitment | None:
    """The commitment with this Transaction UID."""
    row = connection.execute(select(commitment).where(commitment.c.transaction_uid == transaction_uid)).first()
    return _commitment(row) if row is not None else None


def _commitment(row: Any) -> Commitment:
    return Commitment(
        row.transaction_uid,
        Direction(row.direction),
        row.ae_title,
        CommitmentState(row.state),
        from_microseconds(row.created_at),
        row.job_id,
    )


def of_job(connection: Connection, job_id: str) -> list[Commitment]:
    """What was asked of a peer for this job, the newest first."""
    statement = select(commitment).where(commitment.c.job_id == job_id).order_by(commitment.c.created_at.desc())
    return [_commitment(row) for row in connection.execute(statement)]


def references_of(connection: Connection, transaction_uid: str) -> list[Reference]:
    """Every reference of a commitment in the order of the request."""
    columns = commitment_reference.c
    statement = select(columns.sop_class_uid, columns.sop_instance_uid, columns.failure_reason)
    statement = statement.where(columns.transaction_uid == transaction_uid).order_by(columns.number)
    return [Reference(*row) for row in connection.execute(statement)]


def record(
    connection: Connection,
    at: datetime,
    transaction_uid: str,
    judged: Sequence[Reference],
    state: CommitmentState,
) -> None:
    """Inside a write: what became of each reference, in the order of the request."""
    columns = commitment_reference.c
    statement = (
        update(commitment_reference)
        .where(columns.transaction_uid == transaction_uid, columns.number == bindparam("number_"))
        .values(failure_reason=bindparam("reason_"))
    )
    rows = [{"number_": number, "reason_": reference.failure_reason} for number, reference in enumerate(judged)]
    connection.execute(statement, rows)
    move(connection, at, transaction_uid, state)


def move(connection: Connection, at: datetime, transaction_uid: str, state: CommitmentState) -> None:
    """Inside a write: bring it to `state`."""
    settled_at = to_microseconds(at) if state is CommitmentState.SETTLED else None
    connection.execute(
        update(commitment)
        .where(commitment.c.transaction_uid == transaction_uid)
        .values(state=state.value, settled_at=settled_at)
    )


def judge(
    archive: Archive,
    references: Sequence[Reference],
    *,
    is_stored_class: Callable[[str], bool],
    check: Callable[[], None] = lambda: None,
    patient: bool = True,
) -> list[Reference]:
    """Each reference with what can be said of it now, every object read from the medium and compared.

    Of a SOP Instance UID under which different contents came, every version has to be whole: whoever asks may have
    sent any of them. `check` is called before each object and may raise. While `patient`, an object that storage does
    not give back to tell raises StorageSilent; else it is a processing failure.
    """
    return [
        replace(reference, failure_reason=_judged(archive, reference, versions, is_stored_class, check, patient))
        for reference, versions in _with_versions(archive, references)
    ]


_Version = tuple[str, str, str]  # SOP Class UID, state, object key


def _with_versions(archive: Archive, references: Sequence[Reference]) -> Iterator[tuple[Reference, Sequence[_Version]]]:
    for start in range(0, len(references), LOOKED_UP_AT_ONCE):
        page = references[start : start + LOOKED_UP_AT_ONCE]
        found: dict[str, list[_Version]] = {}
        statement = select(
            instance.c.sop_instance_uid, instance.c.sop_class_uid, instance.c.state, instance.c.object_key
        ).where(
            instance.c.sop_instance_uid.in_([reference.sop_instance_uid for reference in page]),
            instance.c.state.in_([InstanceState.LIVE.value, InstanceState.CONFLICT.value]),
        )
        with archive.index.read() as connection:
            for uid, *version in connection.execute(statement):
                found.setdefault(uid, []).append((version[0], version[1], version[2]))
        for reference in page:
            yield reference, found.get(reference.sop_instance_uid, ())


def _judged(
    archive: Archive,
    reference: Reference,
    versions: Sequence[_Version],
    is_stored_class: Callable[[str], bool],
    check: Callable[[], None],
    patient: bool,
) -> int:
    live = [sop_class for sop_class, state, _ in versions if state == InstanceState.LIVE.value]
    if not live:
        known = is_stored_class(reference.sop_class_uid)
        return FailureReason.NO_SUCH_INSTANCE if known else FailureReason.CLASS_NOT_SUPPORTED
    if reference.sop_class_uid not in live:
        return FailureReason.CLASS_INSTANCE_CONFLICT
    for _, _, object_key in versions:
        check()
        try:
            state = prove(archive, object_key)
        except NotFound:  # a re-send has healed it meanwhile: its new object is as good as the row says, but unread
            ((_, healed),) = _with_versions(archive, [reference])
            return _judged(archive, reference, healed, is_stored_class, check, patient)
        if state is None and patient:
            raise StorageSilent(object_key)
        if state is not StorageState.STORED:
            return FailureReason.PROCESSING_FAILURE
    return COMMITTED


def broken(connection: Connection, transaction_uid: str = "") -> Iterator[tuple[str, str, str]]:
    """Transaction UID, SOP Instance UID and what is wrong, of every instance that a peer was told is kept safe and is
    not: neither live and whole, nor removed by the way that deletes things and is audited. Of one transaction only
    where it is named."""
    of_live = and_(
        instance.c.sop_instance_uid == commitment_reference.c.sop_instance_uid,
        IS_LIVE,
    )
    removed = exists().where(tombstone.c.sop_instance_uid == commitment_reference.c.sop_instance_uid)
    wrong = or_(
        and_(instance.c.row.is_(None), ~removed.correlate(commitment_reference)),
        instance.c.storage == StorageState.DAMAGED.value,
        instance.c.sop_class_uid != commitment_reference.c.sop_class_uid,
    )
    statement = (
        select(
            commitment_reference.c.transaction_uid,
            commitment_reference.c.sop_instance_uid,
            instance.c.row,
            instance.c.storage,
        )
        .select_from(
            commitment_reference.join(
                commitment, commitment.c.transaction_uid == commitment_reference.c.transaction_uid
            ).outerjoin(instance, of_live)
        )
        .where(
            commitment.c.direction == Direction.RECEIVED.value,
            commitment.c.state != CommitmentState.WAITING.value,
            commitment_reference.c.failure_reason == COMMITTED,
            wrong,
        )
        .order_by(commitment_reference.c.transaction_uid, commitment_reference.c.number)
    )
    if transaction_uid:
        statement = statement.where(commitment.c.transaction_uid == transaction_uid)
    for transaction, sop_instance_uid, row, storage in connection.execute(statement):
        if row is None:
            yield transaction, sop_instance_uid, "no row of the index names it"
        elif storage == StorageState.DAMAGED.value:
            yield transaction, sop_instance_uid, "its object is damaged"
        else:
            yield transaction, sop_instance_uid, "it is of another SOP class"
