"""The promise of the archive on both pairs of back ends: kept as sent, found, never doubled, never replaced."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, JPEG2000Lossless
from sqlalchemy import func, select
from ulid import ULID

from pacs.access.principals import ANONYMOUS, OPERATOR, Principal, PrincipalKind, Role
from pacs.archive.archive import Archive
from pacs.archive.arrived import Arrived
from pacs.archive.housekeeping import remove_garbage, settle_studies
from pacs.archive.matching import criterion
from pacs.archive.objects import examine
from pacs.archive.recovery import orphans, rebuild, recover
from pacs.archive.verify import Violation, verify
from pacs.attributes import BY_KEYWORD, Level
from pacs.errors import DoesNotMatch, IncompleteDataSet, NotAuthorised, NotFound, NotUnderstood
from pacs.index.criteria import Query
from pacs.index.schema import audit, event, garbage, instance
from pacs.model import Announced, EventKind, Outcome, utc_now
from storage.errors import StorageFailed
from storage.protocol import ObjectStore
from tests.support.archives import open_archive, send
from tests.support.factories import KAZAKH, ct_series, ct_slice, part10, us_cine


def _violations(archive: Archive) -> list[Violation]:
    return list(verify(archive.index, archive.store, now=archive.clock() + timedelta(seconds=1), grace=timedelta()))


def _count(archive: Archive, table: object) -> int:
    with archive.index.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _keys(archive: Archive) -> list[str]:
    return list(archive.store.list("objects/"))


def _studies(archive: Archive, *returns: str, **keys: str) -> list[dict[str, str]]:
    criteria = tuple(found for keyword, text in keys.items() if (found := criterion(BY_KEYWORD[keyword], text)))
    asked = tuple(BY_KEYWORD[keyword] for keyword in returns)
    return list(archive.find(Query(Level.STUDY, criteria, asked)))


def test_the_data_set_is_kept_byte_for_byte(archive: Archive) -> None:
    content = part10(ct_slice(patient=KAZAKH, transfer_syntax=JPEG2000Lossless))
    stored = send(archive, content)
    assert stored.outcome is Outcome.STORED
    [found] = archive.instances(stored.study_instance_uid)
    with archive.open(found) as stream:
        kept = stream.read()
    dataset = kept[found.dataset_offset :]
    assert content.endswith(dataset)
    assert len(dataset) == found.dataset_length
    assert hashlib.sha256(dataset).hexdigest() == found.dataset_sha256
    assert kept[:132] == bytes(128) + b"DICM"
    assert _violations(archive) == []


def test_a_preamble_that_is_a_program_is_not_kept(archive: Archive) -> None:
    content = b"MZ" + b"\x90" * 126 + part10(ct_slice())[128:]
    [found] = archive.instances(send(archive, content).study_instance_uid)
    with archive.open(found) as stream:
        assert stream.read(132) == bytes(128) + b"DICM"


def test_a_study_is_found_with_its_counts(archive: Archive) -> None:
    for dataset in ct_series(3, patient=KAZAKH, series="a"):
        send(archive, dataset)
    send(archive, us_cine(patient=KAZAKH, study="study"))
    [row] = _studies(
        archive,
        "PatientName",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        PatientName="әбдірахманова*",
    )
    assert row["PatientName"] == KAZAKH.name
    assert row["ModalitiesInStudy"] == "CT\\US"
    assert (row["NumberOfStudyRelatedSeries"], row["NumberOfStudyRelatedInstances"]) == ("2", "4")
    assert _violations(archive) == []


def test_the_same_object_again_is_one_object(archive: Archive) -> None:
    first, again = send(archive, ct_slice()), send(archive, ct_slice())
    assert (first.outcome, again.outcome) == (Outcome.STORED, Outcome.DUPLICATE)
    assert len(archive.instances(first.study_instance_uid)) == 1
    assert _count(archive, garbage) == 1
    assert remove_garbage(archive, timedelta()) == 1
    assert len(_keys(archive)) == 1
    assert _violations(archive) == []


def test_other_content_under_a_known_uid_is_held_beside_the_first(archive: Archive) -> None:
    first = send(archive, ct_slice(seed=1))
    [live] = archive.instances(first.study_instance_uid)
    second = send(archive, ct_slice(seed=2))
    third = send(archive, ct_slice(seed=2))
    assert [second.outcome, third.outcome] == [Outcome.CONFLICT, Outcome.CONFLICT]
    assert archive.instances(first.study_instance_uid) == [live]
    assert _count(archive, instance) == 2
    kinds = [found.kind for found in archive.events.after(0)]
    assert kinds == [EventKind.INSTANCE_STORED, EventKind.INSTANCE_CONFLICT]
    assert _violations(archive) == []


def test_a_known_uid_under_another_study_never_moves(archive: Archive) -> None:
    dataset = ct_slice()
    first = send(archive, dataset)
    dataset.StudyInstanceUID = "1.2.3.4"
    assert send(archive, dataset).outcome is Outcome.CONFLICT
    with pytest.raises(NotFound):
        archive.instances("1.2.3.4")
    assert len(archive.instances(first.study_instance_uid)) == 1


def test_many_senders_of_one_object_make_one_row(archive: Archive) -> None:
    contents = [part10(dataset) for dataset in ct_series(4)]
    outcomes: list[Outcome] = []

    def deliver() -> None:
        outcomes.extend(send(archive, content).outcome for content in contents)

    senders = [threading.Thread(target=deliver) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert sorted(outcomes).count(Outcome.STORED) == 4
    assert outcomes.count(Outcome.DUPLICATE) == 20
    assert _count(archive, instance) == 4
    [row] = _studies(archive, "NumberOfStudyRelatedInstances")
    assert row["NumberOfStudyRelatedInstances"] == "4"
    assert _violations(archive) == []


def test_without_commit_nothing_stays(archive: Archive) -> None:
    with archive.receive_part10(OPERATOR, protocol="test") as reception:
        reception.write(part10(ct_slice()))
    assert _count(archive, instance) == 0
    assert _keys(archive) == []
    assert list(archive.store.incoming.iterdir()) == []


def test_a_cut_object_is_refused_and_leaves_nothing(archive: Archive) -> None:
    content = part10(ct_slice())
    for length in (50, 200, len(content) // 2, len(content) - 1):
        with pytest.raises((IncompleteDataSet, NotUnderstood)):
            send(archive, content[:length])
    assert _count(archive, instance) == 0
    assert _keys(archive) == []
    assert list(archive.store.incoming.iterdir()) == []


def test_what_was_announced_has_to_come(archive: Archive) -> None:
    dataset = ct_slice()
    content = part10(dataset)
    body = content[content.index(b"\x08\x00\x05\x00CS") :]
    announced = Announced(dataset.SOPClassUID, "1.2.3", ExplicitVRLittleEndian)
    with archive.receive(announced, OPERATOR, protocol="test") as reception:
        reception.write(body)
        with pytest.raises(DoesNotMatch, match="SOPInstanceUID"):
            reception.commit()
    assert _count(archive, instance) == 0


def test_who_may_not_store_is_refused_before_a_byte(archive: Archive) -> None:
    reader = Principal(PrincipalKind.USER, "reader", roles=frozenset({Role.CLINICIAN}))
    for principal in (ANONYMOUS, reader):
        with pytest.raises(NotAuthorised):
            archive.receive_part10(principal, protocol="test")
    one_study = Principal(PrincipalKind.TASK, "task", study_instance_uids=frozenset({"1.2"}))
    with pytest.raises(NotAuthorised):
        archive.receive_part10(one_study, protocol="test", study_instance_uid="1.3")


def test_an_object_without_a_row_is_adopted_at_the_next_start(archive: Archive) -> None:
    first = send(archive, ct_slice(number=1))
    # What a crash between put and commit leaves: the object without its row, and a spool file.
    ulid = ULID()
    key = f"objects/{ulid.datetime:%Y/%m/%d/%H}/{ulid}.dcm"
    orphan = archive.store.incoming / "orphan.part"
    orphan.write_bytes(part10(ct_slice(number=2)))
    archive.store.put(key, orphan, {})
    (archive.store.incoming / "left.part").write_bytes(b"half")
    assert list(orphans(archive)) == [key]
    report = recover(archive, adopt_hours=24)
    assert (report.parts_removed, report.adopted, report.unreadable) == (1, 1, ())
    assert len(archive.instances(first.study_instance_uid)) == 2
    assert recover(archive, adopt_hours=24).adopted == 0
    assert _violations(archive) == []


def test_an_orphan_is_secured_before_it_gets_a_row(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _orphan(archive, ct_slice())
    found: list[list[str]] = []
    monkeypatch.setattr(archive.store, "secure", lambda: found.append(list(orphans(archive))))
    recover(archive, adopt_hours=24)
    assert found == [[key]]
    rebuild(archive)
    assert found == [[key], []]


def test_an_orphan_that_cannot_be_secured_waits_for_the_next_start(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise StorageFailed("the disk did not answer")

    recover(archive, adopt_hours=24)
    _orphan(archive, ct_slice())
    archive.clock = lambda: utc_now() + timedelta(days=30)
    monkeypatch.setattr(archive.store, "secure", failing)
    assert recover(archive, adopt_hours=24).adopted == 0
    monkeypatch.undo()
    assert recover(archive, adopt_hours=24).adopted == 1


def test_what_a_rebuild_could_not_read_is_adopted_at_the_next_start(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    recover(archive, adopt_hours=24)
    stored = [send(archive, dataset) for dataset in ct_series(2)]
    archive.clock = lambda: utc_now() + timedelta(days=30)
    recover(archive, adopt_hours=24)
    [first, _] = _keys(archive)

    def failing(store: ObjectStore, object_key: str, **more: Any) -> Arrived:
        if object_key == first:
            raise StorageFailed("the disk did not answer")
        return examine(store, object_key, **more)

    monkeypatch.setattr("pacs.archive.recovery.examine", failing)
    assert rebuild(archive).unreadable == (first,)
    assert recover(archive, adopt_hours=24).unreadable == (first,)
    monkeypatch.undo()
    assert recover(archive, adopt_hours=24).adopted == 1
    assert recover(archive, adopt_hours=24).adopted == 0
    assert len(archive.instances(stored[0].study_instance_uid)) == 2


def _orphan(archive: Archive, dataset: Dataset) -> str:
    """What a crash between put and commit leaves."""
    ulid = ULID()
    key = f"objects/{ulid.datetime:%Y/%m/%d/%H}/{ulid}.dcm"
    file = archive.store.incoming / "orphan.part"
    file.write_bytes(part10(dataset))
    archive.store.put(key, file, {})
    return key


def test_the_index_comes_back_from_the_objects_alone(archive: Archive) -> None:
    for dataset in ct_series(3, patient=KAZAKH):
        send(archive, dataset)
    send(archive, ct_slice(number=1, count=3, patient=KAZAKH, seed=9))  # a conflict version
    send(archive, ct_slice(number=2, count=3, patient=KAZAKH))  # a duplicate
    asked = [attribute.keyword for attribute in BY_KEYWORD.values() if attribute.level <= Level.STUDY]
    before = _studies(archive, *asked)
    live = archive.instances(before[0]["StudyInstanceUID"])
    events = archive.events.latest()
    report = rebuild(archive)
    assert (report.stored, report.duplicates, report.conflicts, report.unreadable) == (3, 1, 1, ())
    assert _studies(archive, *asked) == before
    after = archive.instances(before[0]["StudyInstanceUID"])
    assert [found.object_key for found in after] == [found.object_key for found in live]
    assert archive.events.latest() == events
    assert _violations(archive) == []


def test_verify_sees_what_is_broken(archive: Archive) -> None:
    stored = [send(archive, dataset) for dataset in ct_series(2)]
    [first, second] = archive.instances(stored[0].study_instance_uid)
    archive.store.delete(first.object_key)
    with archive.open(second) as stream:
        content = bytearray(stream.read())
    content[-1] ^= 1
    archive.store.delete(second.object_key)
    flipped = archive.store.incoming / "flipped.part"
    flipped.write_bytes(content)
    archive.store.put(second.object_key, flipped, {})
    found = _violations(archive)
    assert sorted((violation.invariant, violation.subject) for violation in found) == sorted(
        [("I1", first.object_key), ("I1", second.object_key)]
    )


def test_event_audit_and_row_are_one(archive: Archive) -> None:
    send(archive, ct_slice())
    send(archive, ct_slice())
    assert (_count(archive, event), _count(archive, audit)) == (1, 1)


def test_a_quiet_study_is_stable_once_a_revision(archive: Archive) -> None:
    stored = send(archive, ct_slice(number=1))
    assert settle_studies(archive, timedelta(hours=1)) == 0
    assert settle_studies(archive, timedelta()) == 1
    assert settle_studies(archive, timedelta()) == 0
    send(archive, ct_slice(number=2))
    assert settle_studies(archive, timedelta()) == 1
    stable = [found for found in archive.events.after(0) if found.kind is EventKind.STUDY_STABLE]
    assert [found.payload for found in stable] == [
        {"revision": 1, "instances": 1},
        {"revision": 2, "instances": 2},
    ]
    assert {found.study_instance_uid for found in stable} == {stored.study_instance_uid}


def test_a_follower_is_woken_and_goes_on_from_its_cursor(archive: Archive) -> None:
    sender = threading.Timer(0.2, lambda: send(archive, ct_slice()))
    sender.start()
    [found] = archive.events.wait(archive.events.latest(), 20)
    sender.join(20)
    assert found.kind is EventKind.INSTANCE_STORED
    assert archive.events.cursor("leaf") == 0
    for number in (found.number, found.number):
        archive.index.write(lambda connection, number=number: archive.events.move_cursor(connection, "leaf", number))
    assert archive.events.cursor("leaf") == found.number
    assert archive.events.after(found.number) == []


def test_series_metadata_is_stored_and_follows_the_series(archive: Archive) -> None:
    stored = send(archive, ct_slice(number=1, patient=KAZAKH))
    uids = (stored.study_instance_uid, stored.series_instance_uid)
    first = archive.series_metadata(*uids)
    assert archive.series_metadata(*uids) == first
    [only] = json.loads(gzip.decompress(first.gzip_json))
    assert only["00100010"]["Value"] == [{"Alphabetic": KAZAKH.name}]
    assert "Value" not in only["7FE00010"]
    assert not any(tag.startswith("0002") for tag in only)
    send(archive, ct_slice(number=2, patient=KAZAKH))
    second = archive.series_metadata(*uids)
    assert second.etag != first.etag
    assert len(json.loads(gzip.decompress(second.gzip_json))) == 2
    with pytest.raises(NotFound):
        archive.series_metadata(uids[0], "1.2.3")


@pytest.mark.parametrize("transfer_syntax", [ExplicitVRLittleEndian, HTJ2KLossless])
def test_a_frame_is_read_alone(archive: Archive, transfer_syntax: str) -> None:
    dataset = us_cine(transfer_syntax=transfer_syntax)
    stored = send(archive, dataset)
    [found] = archive.instances(stored.study_instance_uid)
    frames = [archive.frame(found, number) for number in range(1, dataset.NumberOfFrames + 1)]
    if transfer_syntax == ExplicitVRLittleEndian:
        assert b"".join(frames) == dataset.PixelData[: sum(map(len, frames))]
    else:
        assert all(frame.startswith(b"\xff\x4f\xff\x51") for frame in frames)
    for number in (0, dataset.NumberOfFrames + 1):
        with pytest.raises(NotFound, match="frame"):
            archive.frame(found, number)
    header = archive.header(found)
    assert b"PATIENT" not in header[-12:]
    assert len(header) == found.pixel_element_offset


def test_a_spool_file_that_cannot_be_closed_takes_back_no_success(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, failed = os.close, []

    def failing(descriptor: int) -> None:
        close(descriptor)
        if not failed:
            failed.append(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with archive.receive_part10(OPERATOR, protocol="test") as reception:
        reception.write(part10(ct_slice()))
        stored = reception.commit()
        monkeypatch.setattr(os, "close", failing)
    monkeypatch.undo()
    assert failed
    assert len(archive.instances(stored.study_instance_uid)) == 1


def test_the_latest_event_is_one_that_can_be_read(tmp_path: Path, migrated_postgresql_url: str) -> None:
    with open_archive(tmp_path, database=migrated_postgresql_url) as archive:
        with psycopg.connect(migrated_postgresql_url.replace("+psycopg", "")) as older:
            older.execute("SELECT pg_current_xact_id()")  # it has begun to write, and goes on
            send(archive, ct_series(1)[0])
            assert archive.events.after(0) == []
            assert archive.events.latest() == 0
        events = archive.events.after(0)
        assert archive.events.latest() == events[-1].number
