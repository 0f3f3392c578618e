"""What is said of the instances of a storage commitment, on every pair of back ends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from pacs.archive import commitments
from pacs.archive.archive import Archive
from pacs.archive.commitments import (
    COMMITTED,
    CommitmentState,
    Direction,
    FailureReason,
    Reference,
    StorageSilent,
    judge,
)
from pacs.archive.verify import verify
from pacs.model import StoredInstance, utc_now
from storage.errors import StorageFailed
from tests.support.archives import send
from tests.support.factories import ct_series, ct_slice

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"


def _reference(dataset: Dataset) -> Reference:
    return Reference(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))


def _stored(archive: Archive, dataset: Dataset) -> StoredInstance:
    (stored,) = archive.instances(str(dataset.StudyInstanceUID), None, str(dataset.SOPInstanceUID))
    return stored


def _reasons(archive: Archive, *references: Reference, patient: bool = True) -> list[int | None]:
    judged = judge(
        archive, references, is_stored_class=lambda uid: uid.startswith("1.2.840.10008.5.1.4.1.1."), patient=patient
    )
    assert [one.sop_instance_uid for one in judged] == [one.sop_instance_uid for one in references]
    return [one.failure_reason for one in judged]


def _spoil(archive: Archive, dataset: Dataset, spare: Path) -> None:
    """Other bytes under the key: what a disk or a person may do to an object."""
    key = _stored(archive, dataset).object_key
    with archive.store.open(key) as stream:
        content = bytearray(stream.read())
    content[-1] ^= 1
    archive.store.delete(key)
    file = archive.store.incoming / "spoilt.part"
    file.write_bytes(content)
    archive.store.put(key, file, {})


def test_what_is_whole_is_committed_to_and_the_rest_has_its_reason(archive: Archive, tmp_path: Path):
    whole, damaged, *_ = series = ct_series(3)
    for dataset in series:
        send(archive, dataset)
    _spoil(archive, damaged, tmp_path)
    assert _reasons(
        archive,
        _reference(whole),
        Reference(CT, "1.2.3.4.5"),
        Reference(MR, str(whole.SOPInstanceUID)),
        Reference("1.2.840.10008.1.1", "1.2.3.4.5"),
        _reference(damaged),
        _reference(series[2]),
    ) == [
        COMMITTED,
        FailureReason.NO_SUCH_INSTANCE,
        FailureReason.CLASS_INSTANCE_CONFLICT,
        FailureReason.CLASS_NOT_SUPPORTED,
        FailureReason.PROCESSING_FAILURE,
        COMMITTED,
    ]
    assert _stored(archive, damaged).storage == "damaged"


def test_a_lost_object_is_not_committed_to(archive: Archive):
    dataset = ct_slice()
    send(archive, dataset)
    archive.store.delete(_stored(archive, dataset).object_key)
    assert _reasons(archive, _reference(dataset)) == [FailureReason.PROCESSING_FAILURE]


def test_of_a_uid_with_two_contents_both_have_to_be_whole(archive: Archive, tmp_path: Path):
    first, second = ct_slice(), ct_slice(InstitutionName="Elsewhere")
    send(archive, first)
    assert send(archive, second).outcome == "conflict"
    assert _reasons(archive, _reference(first)) == [COMMITTED]
    live = _stored(archive, first).object_key
    (held,) = [key for key in archive.store.list("objects/") if key != live]
    archive.store.delete(held)
    assert _reasons(archive, _reference(first)) == [FailureReason.PROCESSING_FAILURE]


def test_while_storage_is_silent_nothing_is_said_and_after_that_a_failure(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    dataset = ct_slice()
    send(archive, dataset)

    def silent(*_: object) -> None:
        raise StorageFailed("the disk is away")

    monkeypatch.setattr(archive.store, "open", silent)
    with pytest.raises(StorageSilent):
        _reasons(archive, _reference(dataset))
    assert _reasons(archive, _reference(dataset), patient=False) == [FailureReason.PROCESSING_FAILURE]
    monkeypatch.undo()
    assert _reasons(archive, _reference(dataset)) == [COMMITTED]


def _promise(archive: Archive, *judged: Reference, state: CommitmentState = CommitmentState.SETTLED) -> None:
    def work(connection):
        assert commitments.begin(connection, utc_now(), "2.25.1", Direction.RECEIVED, "CT1", judged)
        assert not commitments.begin(connection, utc_now(), "2.25.1", Direction.RECEIVED, "MR1", judged)
        commitments.record(connection, utc_now(), "2.25.1", judged, state)

    archive.index.write(work)


def _i8(archive: Archive) -> list[str]:
    found = verify(archive.index, archive.store, now=utc_now(), grace=timedelta(minutes=10))
    return [violation.subject for violation in found if violation.invariant == "I8"]


def test_verify_tells_of_a_promise_that_is_not_kept(archive: Archive):
    kept, lost, never = ct_series(3)
    send(archive, kept)
    send(archive, lost)
    committed = [Reference(*[str(one.SOPClassUID), str(one.SOPInstanceUID)], COMMITTED) for one in (kept, lost)]
    failed = Reference(str(never.SOPClassUID), str(never.SOPInstanceUID), FailureReason.NO_SUCH_INSTANCE)
    _promise(archive, *committed, failed)
    assert _i8(archive) == []
    archive.store.delete(_stored(archive, lost).object_key)
    assert _reasons(archive, _reference(lost)) == [FailureReason.PROCESSING_FAILURE]  # marks it
    assert _i8(archive) == [str(lost.SOPInstanceUID)]


def test_verify_tells_of_a_promised_instance_without_a_row(archive: Archive):
    _promise(archive, Reference(CT, "1.2.3", COMMITTED), state=CommitmentState.KNOWN)
    assert _i8(archive) == ["1.2.3"]


def test_what_is_not_told_yet_is_no_promise(archive: Archive):
    _promise(archive, Reference(CT, "1.2.3", COMMITTED), state=CommitmentState.WAITING)
    assert _i8(archive) == []


def test_every_object_is_read_from_the_medium_and_not_from_memory(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    datasets = ct_series(2)
    for dataset in datasets:
        send(archive, dataset)
    keys = [_stored(archive, dataset).object_key for dataset in datasets]
    did: list[tuple[str, str]] = []
    forget, open_ = archive.store.forget, archive.store.open

    def forgetting(key: str) -> None:
        did.append(("forgotten", key))
        forget(key)

    def opening(key: str, *more: Any) -> Any:
        did.append(("read", key))
        return open_(key, *more)

    monkeypatch.setattr(archive.store, "forget", forgetting)
    monkeypatch.setattr(archive.store, "open", opening)
    assert _reasons(archive, *map(_reference, datasets)) == [COMMITTED, COMMITTED]
    for key in keys:
        assert did.index(("forgotten", key)) < did.index(("read", key))
