"""Deleted, rejected, restored and erased, on both pairs of back ends: nothing points at nothing, nothing comes back."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pydicom
import pytest
from pydicom import Dataset
from sqlalchemy import delete, func, select

from pacs.access.principals import OPERATOR, Principal, PrincipalKind, Role
from pacs.archive.archive import Archive
from pacs.archive.deletion import Deletions
from pacs.archive.forgetting import Erased, Forgetting
from pacs.archive.housekeeping import remove_garbage
from pacs.archive.out_of_sight import Deletion
from pacs.archive.recovery import rebuild, recover
from pacs.archive.tombstones import DeletionKind
from pacs.archive.verify import verify
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.rejection import Referenced, RejectionCode, make_note
from pacs.errors import AlreadyThere, Gone, NotFound, NotPermitted
from pacs.index.criteria import Query
from pacs.index.deletions import deletion, rejection, tombstone
from pacs.index.schema import audit, instance, patient, series, study
from pacs.model import EventKind, InstanceState, Outcome
from tests.contract.conftest import UNDO, Time
from tests.support.archives import send
from tests.support.factories import KAZAKH, ct_series, ct_slice, mr_slice, part10


@pytest.fixture
def deletions(archive: Archive, time: Time) -> Deletions:
    return Deletions(archive)


def _sound(archive: Archive) -> bool:
    return not list(verify(archive.index, archive.store, now=archive.clock() + timedelta(days=1), grace=timedelta()))


def _uids(archive: Archive, uid: str) -> list[str]:
    return sorted(stored.sop_instance_uid for stored in archive.instances(uid))


def _studies(archive: Archive) -> list[dict[str, str]]:
    keywords = ("PatientID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances", "NumberOfStudyRelatedSeries")
    return list(archive.find(Query(Level.STUDY, (), tuple(BY_KEYWORD[keyword] for keyword in keywords))))


def _rows(archive: Archive) -> tuple[int, ...]:
    with archive.index.read() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (patient, study, series, instance, tombstone)
        )


def _keys(archive: Archive) -> list[str]:
    return list(archive.store.list("objects/"))


def _erase(archive: Archive, deletions: Deletions, time: Time) -> None:
    time.now += UNDO
    assert deletions.erase_due() == 1
    time.now += timedelta(days=2)
    remove_garbage(archive, timedelta(days=1))


def note(code: RejectionCode, *rejected: Dataset) -> bytes:
    """A rejection note of these objects, as another system would send it."""
    references = [
        Referenced(str(one.StudyInstanceUID), str(one.SeriesInstanceUID), str(one.SOPClassUID), str(one.SOPInstanceUID))
        for one in rejected
    ]
    values = {"PatientID": str(rejected[0].PatientID), "PatientName": str(rejected[0].PatientName)}
    return make_note(code, references, values, at=datetime.fromisoformat("2026-11-28T08:00:00+00:00"))


def test_a_study_goes_and_comes_back_as_it_was(archive: Archive, deletions: Deletions) -> None:
    sent = [*ct_series(3, patient=KAZAKH), mr_slice(patient=KAZAKH)]
    for dataset in sent:
        send(archive, dataset)
    uid = str(sent[0].StudyInstanceUID)
    before, rows, listed = _uids(archive, uid), _rows(archive), _studies(archive)
    gone = deletions.delete(uid, by=OPERATOR, reason="a test patient")
    assert (gone.instances, gone.kind, gone.undo_until) == (4, DeletionKind.DELETED, archive.clock() + UNDO)
    assert _studies(archive) == []
    assert _rows(archive) == (0, 0, 0, 4, 4)
    with pytest.raises(Gone):
        archive.instances(uid)
    with pytest.raises(Gone):
        archive.series_metadata(uid, str(sent[0].SeriesInstanceUID))
    with pytest.raises(Gone):
        deletions.delete(uid, by=OPERATOR)
    assert _sound(archive)
    deletions.restore(gone.id, by=OPERATOR)
    assert (_uids(archive, uid), _rows(archive), _studies(archive)) == (before, rows, listed)
    contents = {str(dataset.SOPInstanceUID): part10(dataset) for dataset in sent}
    for stored in archive.instances(uid):
        with archive.open(stored) as stream:
            assert contents[stored.sop_instance_uid].endswith(stream.read()[stored.dataset_offset :])
    with pytest.raises(AlreadyThere):
        deletions.restore(gone.id, by=OPERATOR)
    assert _sound(archive)
    kinds = [event.kind for event in archive.events.after(0)]
    assert kinds[-2:] == [EventKind.OBJECTS_DELETED, EventKind.OBJECTS_RESTORED]
    with archive.index.read() as connection:
        actions = connection.execute(select(audit.c.action).where(audit.c.code == "110105")).scalars().all()
    assert actions == ["deleted", "restored"]


def test_a_series_goes_and_the_study_counts_what_is_left(archive: Archive, deletions: Deletions) -> None:
    ct, mr = ct_series(3), mr_slice()
    for dataset in [*ct, mr]:
        send(archive, dataset)
    uid = str(mr.StudyInstanceUID)
    etag = archive.series_metadata(uid, str(ct[0].SeriesInstanceUID)).etag
    first = deletions.delete(uid, str(ct[0].SeriesInstanceUID), str(ct[0].SOPInstanceUID), by=OPERATOR)
    assert archive.series_metadata(uid, str(ct[0].SeriesInstanceUID)).etag != etag
    second = deletions.delete(uid, str(ct[0].SeriesInstanceUID), by=OPERATOR)
    [row] = _studies(archive)
    assert (row["ModalitiesInStudy"], row["NumberOfStudyRelatedInstances"], row["NumberOfStudyRelatedSeries"]) == (
        "MR",
        "1",
        "1",
    )
    assert (first.instances, second.instances) == (1, 2)
    assert _sound(archive)
    deletions.restore(first.id, by=OPERATOR)
    deletions.restore(second.id, by=OPERATOR)
    [row] = _studies(archive)
    assert (row["ModalitiesInStudy"], row["NumberOfStudyRelatedInstances"]) == ("CT\\MR", "4")
    assert _sound(archive)


def test_what_was_derived_goes_with_the_erased_and_no_name_is_left(
    archive: Archive, deletions: Deletions, time: Time
) -> None:
    kept, gone = ct_slice(study="kept"), ct_slice(study="gone", patient=KAZAKH)
    for dataset in (kept, gone):
        send(archive, dataset)
        archive.series_metadata(str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID))
        archive.derived_frames.get(str(dataset.SOPInstanceUID), "digest", 1, "1.2.840.10008.1.2.1", lambda: b"frame")
    made = deletions.delete(str(gone.StudyInstanceUID), by=OPERATOR)
    derived = [path for path in archive.derived.rglob("*") if path.is_file()]
    assert len(derived) == 4
    told: list[Erased] = []
    archive.forgetting.tell(told.extend)
    deletions.erase(made.id, by=OPERATOR)
    left = [path for path in derived if path.exists()]
    assert (len(left), len({path.parts[-3] for path in left})) == (2, 2)
    assert [one.sop_instance_uid for one in told] == [str(gone.SOPInstanceUID)]
    with archive.index.read() as connection:
        assert connection.execute(select(deletion.c.levels)).scalar_one() == "{}"
        assert connection.execute(select(tombstone.c.levels)).scalar_one() == ""
    Forgetting(archive.index, archive.events, archive.derived / "forgotten").catch_up()  # the place outlives a restart


def test_another_process_erased_or_the_node_ended_before_it_forgot(
    archive: Archive, deletions: Deletions, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ct_slice()
    send(archive, gone)
    archive.derived_frames.get(str(gone.SOPInstanceUID), "digest", 1, "1.2.840.10008.1.2.1", lambda: b"frame")
    monkeypatch.setattr(Forgetting, "catch_up", lambda self: None)
    deletions.erase(deletions.delete(str(gone.StudyInstanceUID), by=OPERATOR).id, by=OPERATOR)
    monkeypatch.undo()
    assert [*archive.derived.glob("frames/*/*")]
    archive.forgetting.catch_up()
    assert not [*archive.derived.glob("frames/*/*")]


def test_when_its_time_is_over_it_is_erased_and_nothing_brings_it_back(
    archive: Archive, deletions: Deletions, time: Time
) -> None:
    kept, gone = ct_slice(study="kept"), ct_slice(study="gone")
    for dataset in (kept, gone):
        send(archive, dataset)
    contents = {key: archive.store.open(key).read() for key in _keys(archive)}
    made = deletions.delete(str(gone.StudyInstanceUID), by=OPERATOR)
    time.now += UNDO - timedelta(seconds=1)
    assert deletions.erase_due() == 0
    time.now += timedelta(seconds=1)
    assert deletions.erase_due() == 1
    assert _rows(archive) == (1, 1, 1, 1, 1)  # rows go before objects
    assert len(_keys(archive)) == 2
    assert _sound(archive)
    recover(archive, adopt_hours=24 * 365)
    assert _rows(archive)[3] == 1
    rebuild(archive)
    assert _rows(archive)[3] == 1
    time.now += timedelta(days=2)
    assert remove_garbage(archive, timedelta(days=1)) == 1
    assert len(_keys(archive)) == 1
    with pytest.raises(Gone):
        deletions.restore(made.id, by=OPERATOR)
    with pytest.raises(Gone):
        archive.instances(str(gone.StudyInstanceUID))
    [erased] = set(contents) - set(_keys(archive))
    part = archive.store.incoming / "again.part"
    part.write_bytes(contents[erased])
    archive.store.put(erased, part, {})  # somebody copies an old backup of the objects over them
    recover(archive, adopt_hours=24 * 365)
    rebuild(archive)
    assert _rows(archive)[3] == 1
    assert _sound(archive)
    assert send(archive, gone).outcome is Outcome.STORED  # a new arrival, under a key of its own
    assert _uids(archive, str(gone.StudyInstanceUID)) == [gone.SOPInstanceUID]
    assert _sound(archive)


@pytest.mark.parametrize("starts", ["recovers", "rebuilds"])
@pytest.mark.parametrize("erases", [False, True])
def test_a_copy_that_no_row_named_does_not_bring_back_what_was_deleted(
    archive: Archive, deletions: Deletions, time: Time, starts: str, erases: bool
) -> None:
    sent = ct_slice()
    uid = str(sent.StudyInstanceUID)
    send(archive, sent)
    [first] = _keys(archive)
    content = archive.store.open(first).read()
    archive.index.write(lambda connection: connection.execute(delete(instance)))  # the node died before its COMMIT …
    time.now += timedelta(minutes=1)
    assert send(archive, sent).outcome is Outcome.STORED  # … and could not read the object when it started again
    made = deletions.delete(uid, by=OPERATOR)
    if erases:
        deletions.erase(made.id, by=OPERATOR)
    if starts == "recovers":
        recover(archive, adopt_hours=24 * 365)
    else:
        rebuild(archive)
    assert _studies(archive) == []
    assert _sound(archive)
    time.now += timedelta(days=2)
    remove_garbage(archive, timedelta(days=1))
    assert first not in _keys(archive)
    if not erases:
        deletions.restore(made.id, by=OPERATOR)
        [back] = archive.instances(uid)
        with archive.open(back) as stream:
            assert stream.read() == content
    assert _sound(archive)


@pytest.mark.parametrize("erases", [False, True])
def test_a_rebuild_takes_no_duplicate_for_what_was_deleted(
    archive: Archive, deletions: Deletions, time: Time, erases: bool
) -> None:
    sent = ct_slice()
    sent.file_meta.MediaStorageSOPInstanceUID = sent.SOPInstanceUID
    send(archive, sent)
    time.now += timedelta(minutes=1)
    assert send(archive, sent).outcome is Outcome.DUPLICATE
    made = deletions.delete(str(sent.StudyInstanceUID), by=OPERATOR)
    if erases:
        deletions.erase(made.id, by=OPERATOR)
    rebuild(archive)
    assert _studies(archive) == []
    assert _sound(archive)
    time.now += timedelta(days=2)
    remove_garbage(archive, timedelta(days=1))
    assert len(_keys(archive)) == (0 if erases else 1)
    if not erases:
        deletions.restore(made.id, by=OPERATOR)
        assert _uids(archive, str(sent.StudyInstanceUID)) == [sent.SOPInstanceUID]
    assert _sound(archive)


def test_other_content_that_no_row_named_is_kept(archive: Archive, deletions: Deletions, time: Time) -> None:
    other, sent = ct_slice(seed=1), ct_slice(seed=2)
    uid = str(sent.StudyInstanceUID)
    send(archive, other)
    archive.index.write(lambda connection: connection.execute(delete(instance)))
    time.now += timedelta(minutes=1)
    send(archive, sent)
    deletions.delete(uid, by=OPERATOR)
    recover(archive, adopt_hours=24 * 365)
    assert [one["StudyInstanceUID"] for one in _studies(archive)] == [uid]
    assert _sound(archive)


def test_a_rebuild_keeps_out_of_sight_what_was(archive: Archive, deletions: Deletions) -> None:
    sent = ct_series(3)
    for dataset in sent:
        send(archive, dataset)
    uid = str(sent[0].StudyInstanceUID)
    gone = deletions.delete(uid, by=OPERATOR)
    rebuild(archive)
    assert _studies(archive) == []
    assert _sound(archive)
    deletions.restore(gone.id, by=OPERATOR)
    assert len(_uids(archive, uid)) == 3
    assert _sound(archive)


def test_what_came_again_meanwhile_keeps_its_place(archive: Archive, deletions: Deletions, time: Time) -> None:
    same, other = ct_slice(seed=1), ct_slice(seed=2)
    same.file_meta.MediaStorageSOPInstanceUID = same.SOPInstanceUID
    send(archive, same)
    first = deletions.delete(str(same.StudyInstanceUID), by=OPERATOR)
    assert send(archive, same).outcome is Outcome.STORED
    second = deletions.delete(str(same.StudyInstanceUID), by=OPERATOR)
    assert send(archive, other).outcome is Outcome.STORED
    deletions.restore(first.id, by=OPERATOR)
    deletions.restore(second.id, by=OPERATOR)
    with archive.index.read() as connection:
        states = sorted(connection.execute(select(instance.c.state)).scalars())
    assert states == [InstanceState.CONFLICT, InstanceState.CONFLICT, InstanceState.LIVE]
    [stored] = archive.instances(str(same.StudyInstanceUID))
    with archive.open(stored) as stream:
        assert part10(other).endswith(stream.read()[stored.dataset_offset :])
    assert _sound(archive)
    gone = deletions.delete(str(same.StudyInstanceUID), by=OPERATOR)
    assert gone.instances == 3  # what was held beside goes with it
    assert send(archive, other).outcome is Outcome.STORED
    deletions.restore(gone.id, by=OPERATOR)
    assert len(_uids(archive, str(same.StudyInstanceUID))) == 1
    assert _sound(archive)


@pytest.mark.parametrize("code", [code for code in RejectionCode if code is not RejectionCode.RETENTION_EXPIRED])
def test_a_note_hides_what_it_names_and_itself(archive: Archive, deletions: Deletions, code: RejectionCode) -> None:
    sent = ct_series(3)
    for dataset in sent:
        send(archive, dataset)
    content = note(code, sent[0], sent[1])
    assert send(archive, content).outcome is Outcome.REJECTED
    uid = str(sent[0].StudyInstanceUID)
    assert _uids(archive, uid) == [sent[2].SOPInstanceUID]
    with pytest.raises(NotFound) as missing:
        archive.instances(uid, None, str(sent[0].SOPInstanceUID))
    assert not isinstance(missing.value, Gone)
    assert send(archive, sent[0]).outcome is Outcome.REJECTED  # it stays out of sight
    assert send(archive, content).outcome is Outcome.REJECTED
    assert _uids(archive, uid) == [sent[2].SOPInstanceUID]
    [listed] = deletions.listing(by=OPERATOR)
    assert (listed.kind, listed.code, listed.instances, listed.undo_until) == (
        DeletionKind.REJECTED,
        code.value,
        2,
        None,
    )
    assert _sound(archive)
    rebuild(archive)
    assert _uids(archive, uid) == [sent[2].SOPInstanceUID]
    deletions.restore(listed.id, by=OPERATOR)
    assert len(_uids(archive, uid)) == 3
    assert send(archive, content).outcome is Outcome.REJECTED  # the note is known and has been taken back
    assert len(_uids(archive, uid)) == 3
    assert _sound(archive)


def test_what_is_given_up_as_too_old_is_new_when_it_comes_again(
    archive: Archive, deletions: Deletions, time: Time
) -> None:
    sent = ct_slice()
    send(archive, sent)
    assert send(archive, note(RejectionCode.RETENTION_EXPIRED, sent)).outcome is Outcome.REJECTED
    assert _studies(archive) == []
    [listed] = deletions.listing(by=OPERATOR)
    assert listed.undo_until == time.now + UNDO
    assert send(archive, sent).outcome is Outcome.STORED
    _erase(archive, deletions, time)
    assert len(_keys(archive)) == 1
    assert len(_uids(archive, str(sent.StudyInstanceUID))) == 1
    assert _sound(archive)


def test_a_note_that_comes_first_holds_for_what_comes_later(archive: Archive, deletions: Deletions) -> None:
    sent = ct_series(2, patient=KAZAKH)
    send(archive, note(RejectionCode.WORKLIST_ENTRY, *sent))
    for dataset in sent:
        assert send(archive, dataset).outcome is Outcome.REJECTED
    assert _studies(archive) == []
    assert _sound(archive)
    [listed] = deletions.listing(by=OPERATOR)
    deletions.restore(listed.id, by=OPERATOR)
    [row] = _studies(archive)
    assert (row["PatientID"], row["NumberOfStudyRelatedInstances"]) == (KAZAKH.id, "2")
    assert _sound(archive)


def test_a_note_that_names_a_note_takes_it_back(archive: Archive, deletions: Deletions) -> None:
    sent = ct_series(2)
    for dataset in sent:
        send(archive, dataset)
    content = note(RejectionCode.QUALITY, *sent)
    send(archive, content)
    assert _studies(archive) == []
    send(archive, note(RejectionCode.QUALITY, pydicom.dcmread(io.BytesIO(content))))
    assert len(_uids(archive, str(sent[0].StudyInstanceUID))) == 2
    assert _sound(archive)


def test_what_two_notes_reject_comes_back_with_the_second(archive: Archive, deletions: Deletions) -> None:
    sent = ct_series(2)
    for dataset in sent:
        send(archive, dataset)
    send(archive, note(RejectionCode.QUALITY, *sent))
    send(archive, note(RejectionCode.PATIENT_SAFETY, sent[0]))
    uid = str(sent[0].StudyInstanceUID)
    safety, quality = deletions.listing(by=OPERATOR)
    deletions.restore(quality.id, by=OPERATOR)
    assert _uids(archive, uid) == [sent[1].SOPInstanceUID]
    assert _sound(archive)
    deletions.restore(safety.id, by=OPERATOR)
    assert len(_uids(archive, uid)) == 2
    assert _sound(archive)


def test_the_objects_alone_tell_what_was_rejected(archive: Archive) -> None:
    sent = ct_series(3)
    for dataset in sent:
        send(archive, dataset)
    send(archive, note(RejectionCode.QUALITY, sent[0]))
    with_nothing = (rejection, tombstone, deletion)  # an index that was lost
    archive.index.write(lambda connection: [connection.execute(table.delete()) for table in with_nothing])
    rebuild(archive)
    assert len(_uids(archive, str(sent[0].StudyInstanceUID))) == 2
    assert send(archive, sent[0]).outcome is Outcome.REJECTED
    assert _sound(archive)


def test_a_note_of_ours_says_what_a_person_rejects(archive: Archive, deletions: Deletions) -> None:
    sent = ct_series(2, patient=KAZAKH)
    for dataset in sent:
        send(archive, dataset)
    uid, series_uid = str(sent[0].StudyInstanceUID), str(sent[0].SeriesInstanceUID)
    doctor = Principal(PrincipalKind.USER, "aigul", frozenset({Role.RADIOLOGIST}))
    made: Deletion = deletions.reject(RejectionCode.QUALITY, uid, series_uid, by=doctor, reason="he moved")
    assert (made.instances, made.series_instance_uid, made.principal_name) == (2, series_uid, "aigul")
    key = max(_keys(archive))
    found = pydicom.dcmread(io.BytesIO(archive.store.open(key).read()))
    assert (found.SOPInstanceUID, found.PatientName) == (made.note_uid, KAZAKH.name)
    [evidence] = found.CurrentRequestedProcedureEvidenceSequence
    assert len(evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence) == 2
    assert _studies(archive) == []
    deletions.restore(made.id, by=doctor)
    assert len(_uids(archive, uid)) == 2


def test_who_may_not_reject_sends_an_object_like_any_other(archive: Archive, deletions: Deletions) -> None:
    sent = ct_slice()
    send(archive, sent)
    service = Principal(PrincipalKind.TOKEN, "stroke", frozenset({Role.SERVICE}))
    assert send(archive, note(RejectionCode.QUALITY, sent), service).outcome is Outcome.STORED
    assert len(_uids(archive, str(sent.StudyInstanceUID))) == 2
    with pytest.raises(NotPermitted):
        deletions.delete(str(sent.StudyInstanceUID), by=service)
    with pytest.raises(NotPermitted):
        deletions.listing(by=service)
    with pytest.raises(NotFound):
        deletions.restore("01KB0000000000000000000000", by=OPERATOR)
    with pytest.raises(NotFound):
        deletions.delete("1.2.3", by=OPERATOR)
