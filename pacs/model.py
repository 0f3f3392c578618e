"""Values that cross floors, in the standard's words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

Clock = Callable[[], datetime]
"""Gives the present moment, aware; enters at the roof, so that tests and simulations can own time."""

DICOMWEB_ROOT = "/dicom-web"
"""Where the web has its DICOMweb resources, and where the BulkDataURIs of metadata begin."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z: how the index keeps moments, alike on both databases."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """The inverse of `to_microseconds`."""
    return EPOCH + timedelta(microseconds=microseconds)


class InstanceState(StrEnum):
    """What a row of `instance` stands for (one live row per SOP Instance UID)."""

    LIVE = "live"
    CONFLICT = "conflict"  # other content under a known SOP Instance UID, held for a person
    SUPERSEDED = "superseded"
    DELETED = "deleted"  # out of sight, and back again when the deletion is undone
    REJECTED = "rejected"  # out of sight because a rejection note names it (IHE IOCM)


HIDDEN = (InstanceState.DELETED, InstanceState.REJECTED)
"""States of what is kept and not shown; every one has a tombstone."""


class StorageState(StrEnum):
    """Whether the object behind a row may be served."""

    STORED = "stored"
    DAMAGED = "damaged"


class GarbageReason(StrEnum):
    """Why no row names an object any more."""

    DUPLICATE = "duplicate"
    DAMAGED = "damaged"  # a good one has taken its place
    REFUSED = "refused"  # other content under a known SOP Instance UID, from a peer whose duplicates are refused
    ERASED = "erased"  # deleted, and the time to undo it is over


class EventKind(StrEnum):
    """Kinds of rows in the event log."""

    INSTANCE_STORED = "instance.stored"
    INSTANCE_CONFLICT = "instance.conflict"
    INSTANCE_HEALED = "instance.healed"
    INSTANCE_SUPERSEDED = "instance.superseded"
    INSTANCE_DAMAGED = "instance.damaged"
    OBJECTS_DELETED = "objects.deleted"
    OBJECTS_REJECTED = "objects.rejected"
    OBJECTS_RESTORED = "objects.restored"
    OBJECTS_ERASED = "objects.erased"
    ATTRIBUTES_CORRECTED = "attributes.corrected"
    PATIENTS_MERGED = "patients.merged"
    STUDY_MOVED = "study.moved"
    CORRECTION_UNDONE = "correction.undone"
    STUDY_STABLE = "study.stable"
    STUDY_PRIORITY = "study.priority"
    STUDY_READING = "study.reading"
    SCHEDULED_STEP = "scheduled_step.changed"
    PERFORMED_STEP = "performed_step.changed"
    WORKITEM = "workitem.changed"


class Outcome(StrEnum):
    """What became of an object that came whole; all but `REFUSED` are answered with success."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # the same data set was here already
    CONFLICT = "conflict"  # kept beside the live one, for a person to resolve
    SUPERSEDED = "superseded"  # became the live one, the one before is kept
    REJECTED = "rejected"  # kept out of sight: a rejection note names it, or it is one
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender says it is about to send (PS3.7 9.1.1, PS3.18 10.5); empty where the transport does not say."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to an object that was taken in. `oddities` are codes of deviations that were kept as sent."""

    outcome: Outcome
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    oddities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """One live instance as its readers need it.

    `dataset_offset` is where the data set starts in the object (after group 0002), `pixel_element_offset` and
    `pixel_element_end` where the pixel data element lies within the data set (None: there is none), `pixel_data_vr` how
    it is really written; sizes and offsets in bytes. `frame_table` is `pacs.dicom.frames.FrameTable.to_bytes()`.
    `changes` tells what corrections make of it as it goes out (`pacs.archive.standing`), "" where there are none.
    """

    row: int
    object_key: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: str
    size: int
    dataset_offset: int
    dataset_length: int
    pixel_element_offset: int | None
    pixel_element_end: int | None
    pixel_data_vr: str
    frame_table: bytes | None
    dataset_sha256: str
    storage: StorageState
    changes: str = ""

    @property
    def shown_as(self) -> str:
        """Another digest whenever what goes out of the object is another: of its data set, and of its corrections."""
        if not self.changes:
            return self.dataset_sha256
        return hashlib.sha256(f"{self.dataset_sha256} {self.changes}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the event log. `payload` holds UIDs, counts and codes, never a patient's name."""

    number: int
    kind: EventKind
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    at: datetime
    payload: dict[str, object]
