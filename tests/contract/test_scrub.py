"""What a scrub finds, marks and repairs: from a duplicate in its grace, an older version, a second store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from pacs.archive import duties
from pacs.archive.archive import Archive
from pacs.archive.damage import prove
from pacs.archive.duties import Duty, Progress
from pacs.archive.housekeeping import remove_garbage
from pacs.archive.keys import key_after, key_at
from pacs.archive.repair import repair
from pacs.archive.scrub import Found, Scrubber, Share, StoreAway, scrub
from pacs.archive.verify import verify
from pacs.errors import NotFound, Unreadable
from pacs.index.schema import instance
from pacs.model import EventKind, InstanceState, StorageState, StoredInstance, utc_now
from storage.errors import StorageFailed, StorageUnfit
from storage.filesystem import FolderStore
from storage.protocol import ObjectStore
from tests.support.archives import open_archive, s3_store, send
from tests.support.ceph import client
from tests.support.factories import ct_series, ct_slice
from tests.support.services import S3Bucket


def _live(archive: Archive) -> StoredInstance:
    [found] = archive.instances(ct_slice().StudyInstanceUID)
    return found


def _content(store: ObjectStore, object_key: str) -> bytes:
    with store.open(object_key) as stream:
        return stream.read()


def _lay(store: ObjectStore, object_key: str, content: bytes) -> None:
    file = store.incoming / "laid.part"
    file.write_bytes(content)
    store.put(object_key, file, {})


def _rot(archive: Archive, object_key: str) -> None:
    content = _content(archive.store, object_key)
    archive.store.delete(object_key)
    _lay(archive.store, object_key, content[:-1] + bytes([content[-1] ^ 1]))


def _is_clean(archive: Archive) -> bool:
    later = archive.clock() + timedelta(seconds=1)
    return list(verify(archive.index, archive.store, now=later, grace=timedelta())) == []


def _kinds(archive: Archive) -> list[EventKind]:
    return [found.kind for found in archive.events.after(0)]


def test_a_pass_reads_every_object_in_parts_and_marks_what_is_damaged(archive: Archive) -> None:
    datasets = ct_series(5)
    for dataset in datasets:
        send(archive, dataset)
    stored = archive.instances(datasets[0].StudyInstanceUID)
    rotten = stored[2].object_key
    _rot(archive, rotten)
    position, objects, found, parts = "", 0, [], 0
    is_last = False
    while not is_last:
        part = scrub(archive, after=position, objects_max=2)
        position, is_last = part.position, part.is_last
        objects, parts = objects + part.objects, parts + 1
        found += part.found
    assert (objects, parts) == (5, 3)
    assert found == [Found(rotten, "damaged")]
    [marked] = [one for one in archive.instances(datasets[0].StudyInstanceUID) if one.object_key == rotten]
    with pytest.raises(Unreadable):
        archive.open(marked)
    assert _kinds(archive)[-1] is EventKind.INSTANCE_DAMAGED
    assert archive.events.after(0)[-1].sop_instance_uid == marked.sop_instance_uid
    scrub(archive)
    assert _kinds(archive).count(EventKind.INSTANCE_DAMAGED) == 1, "told once"
    send(archive, datasets[2])
    assert scrub(archive).found == ()
    assert _is_clean(archive)


def test_a_pass_keeps_to_what_there_was_at_its_start(archive: Archive) -> None:
    send(archive, ct_slice())
    assert scrub(archive, before=key_at(archive.clock())).objects == 0
    assert scrub(archive, before=key_after(archive.clock())).objects == 1


def test_a_duplicate_within_its_grace_takes_the_place(archive: Archive) -> None:
    send(archive, ct_slice())
    send(archive, ct_slice())
    before, rotten = _content(archive.store, _live(archive).object_key), _live(archive).object_key
    _rot(archive, rotten)
    assert scrub(archive).found == (Found(rotten, "damaged", "a duplicate"),)
    assert _live(archive).object_key != rotten
    assert _content(archive.store, _live(archive).object_key) == before
    assert _kinds(archive) == [
        EventKind.INSTANCE_STORED,
        EventKind.INSTANCE_DAMAGED,
        EventKind.INSTANCE_HEALED,
    ]
    remove_garbage(archive, timedelta())
    assert _is_clean(archive)
    assert scrub(archive).found == ()


def test_a_duplicate_that_rots_as_well_is_not_taken(archive: Archive) -> None:
    send(archive, ct_slice())
    send(archive, ct_slice())
    rotten = _live(archive).object_key
    for object_key in list(archive.store.list()):
        _rot(archive, object_key)
    assert scrub(archive).found == (Found(rotten, "damaged"),)
    with archive.index.read() as connection:
        states = connection.execute(select(instance.c.state, instance.c.storage)).all()
    assert states == [(InstanceState.LIVE, StorageState.DAMAGED)]


def test_a_lost_object_is_repaired_from_a_second_store(archive: Archive, tmp_path: Path) -> None:
    send(archive, ct_slice())
    copy, lost = FolderStore(tmp_path / "copy"), _live(archive).object_key
    content = _content(archive.store, lost)
    _lay(copy, lost, content)
    archive.store.delete(lost)
    assert scrub(archive, copies=[copy]).found == (Found(lost, "damaged", "the second store"),)
    assert _content(archive.store, _live(archive).object_key) == content
    remove_garbage(archive, timedelta())
    assert _is_clean(archive)


def test_a_second_store_that_holds_something_else_is_not_believed(archive: Archive, tmp_path: Path) -> None:
    send(archive, ct_slice())
    copy, lost = FolderStore(tmp_path / "copy"), _live(archive).object_key
    other = ct_slice(seed=5)
    other.SOPInstanceUID = ct_slice().SOPInstanceUID
    other.file_meta.MediaStorageSOPInstanceUID = other.SOPInstanceUID
    with open_archive(tmp_path / "other") as elsewhere:
        send(elsewhere, other)
        [key] = elsewhere.store.list()
        _lay(copy, lost, _content(elsewhere.store, key))
    archive.store.delete(lost)
    assert scrub(archive, copies=[copy]).found == (Found(lost, "damaged"),)
    with archive.index.read() as connection:
        assert connection.execute(select(instance.c.state)).scalars().all() == [InstanceState.LIVE]
    assert list(archive.store.incoming.glob("*.part")) == []


def test_what_no_row_names_is_not_repaired(archive: Archive) -> None:
    with pytest.raises(NotFound):
        repair(archive, "objects/2026/11/23/07/01JDCD5W8Z6Y3V4X5A7B9C1D2E.dcm")


def test_an_older_version_of_a_bucket_takes_the_place(
    s3_bucket: S3Bucket, migrated_postgresql_url: str, tmp_path: Path
) -> None:
    with client(s3_bucket.gateway) as s3:
        s3.put_bucket_versioning(Bucket=s3_bucket.name, VersioningConfiguration={"Status": "Enabled"})
        store = s3_store(f"{s3_bucket.location}/site", tmp_path, s3_bucket.options)
        with open_archive(tmp_path, database=migrated_postgresql_url, store=store) as archive:
            send(archive, ct_slice())
            rotten = _live(archive).object_key
            content = _content(store, rotten)
            s3.put_object(Bucket=s3_bucket.name, Key=f"site/{rotten}", Body=b"something else")
            assert scrub(archive).found == (Found(rotten, "damaged", "an older version"),)
            healed = _live(archive).object_key
            assert _content(store, healed) == content
            store.delete(healed)  # leaves a delete marker
            assert scrub(archive).found == (Found(healed, "damaged", "an older version"),)
            assert _content(store, _live(archive).object_key) == content


def test_a_store_that_is_away_damages_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    send(archive, ct_slice())

    def away(*_arguments: object) -> None:
        raise StorageFailed("the disk is away")

    monkeypatch.setattr(archive.store, "open", away)
    monkeypatch.setattr(archive.store, "check", lambda: (_ for _ in ()).throw(StorageUnfit("away")))
    with pytest.raises(StoreAway):
        scrub(archive)
    assert _live(archive).storage is StorageState.STORED


def test_an_object_that_the_disk_does_not_give_back_is_replaced(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(archive, ct_slice())
    bad, real = _live(archive).object_key, archive.store.open
    copy = FolderStore(tmp_path / "copy")
    _lay(copy, bad, _content(archive.store, bad))

    def open_or_fail(key: str, byte_range: object = None) -> object:
        if key == bad:
            raise StorageFailed("Input/output error")
        return real(key, byte_range)  # type: ignore[arg-type]

    monkeypatch.setattr(archive.store, "open", open_or_fail)
    assert scrub(archive, copies=[copy]).found == (Found(bad, "unreadable", "the second store"),)
    assert _live(archive).object_key != bad
    assert prove(archive, _live(archive).object_key) is StorageState.STORED


def test_a_share_leaves_the_rest_of_the_time_to_others() -> None:
    waited: list[float] = []
    pace = Share(0.25, waited.append)
    threading.Event().wait(0.05)
    pace(1)
    assert 0.15 <= waited[0] <= 3.0
    eager = Share(1.0, waited.append)
    eager(1)
    assert waited[1] == 0.0


# The thread ----------------------------------------------------------------------------------------------------


@pytest.fixture
def now() -> list[datetime]:
    return [utc_now()]


@pytest.fixture
def clocked(tmp_path: Path, now: list[datetime]) -> Iterator[Archive]:
    """An archive whose clock the test sets."""
    with open_archive(tmp_path, clock=lambda: now[0]) as archive:
        yield archive


def _progress(archive: Archive, duty: Duty) -> Progress:
    with archive.index.read() as connection:
        return duties.progress(connection, duty)


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came to that")


def test_the_thread_reads_what_is_new_and_all_of_it_once_a_period(
    clocked: Archive, now: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.archive.scrub.LOOK_EVERY_S", 0.05)
    start = now[0]
    send(clocked, ct_slice())
    key = _live(clocked).object_key
    scrubber = Scrubber(clocked, period=timedelta(days=30), share=1.0)
    scrubber.start()
    try:
        # Nothing has settled yet, so the first pass is over nothing.
        _until(lambda: _progress(clocked, Duty.SCRUB_ALL).finished_at == start)
        assert scrubber.statistics()["objects"] == 0
        now[0] = start + timedelta(hours=3)
        _until(lambda: _progress(clocked, Duty.SCRUB_NEW).position == key)
        assert scrubber.statistics()["objects"] == 1
        now[0] = start + timedelta(days=23)
        threading.Event().wait(0.3)
        assert _progress(clocked, Duty.SCRUB_ALL).started_at == start, "not due yet"
        now[0] = start + timedelta(days=24, hours=1)
        _until(lambda: _progress(clocked, Duty.SCRUB_ALL).finished_at == now[0])
        assert scrubber.statistics() == {"objects": 2, "bytes": 2 * _live(clocked).size, "damaged": 0, "repaired": 0}
        assert _progress(clocked, Duty.SCRUB_ALL).position == ""
    finally:
        scrubber.stop()


def test_a_pass_goes_on_where_it_was_after_a_restart(
    clocked: Archive, now: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    for dataset in ct_series(4):
        send(clocked, dataset)
    now[0] += timedelta(days=40)
    monkeypatch.setattr("pacs.archive.scrub.OBJECTS_AT_ONCE", 1)
    monkeypatch.setattr("pacs.archive.scrub.KEEP_EVERY_S", 0.0)
    first = Scrubber(clocked, period=timedelta(days=30), share=1.0)
    assert first._all()
    assert first._all()
    kept = _progress(clocked, Duty.SCRUB_ALL)
    assert kept.position == list(clocked.store.list())[1]
    second = Scrubber(clocked, period=timedelta(days=30), share=1.0)
    while second._all():
        pass
    assert second.statistics()["objects"] == 2
    done = _progress(clocked, Duty.SCRUB_ALL)
    assert (done.position, done.started_at, done.finished_at) == ("", kept.started_at, now[0])


def test_a_stop_does_not_wait_for_a_large_object(clocked: Archive, now: list[datetime]) -> None:
    send(clocked, ct_slice())
    now[0] += timedelta(days=40)
    scrubber = Scrubber(clocked, period=timedelta(days=30), share=0.0001)
    scrubber.start()
    _until(lambda: scrubber._thread.is_alive())
    scrubber.stop()
    assert not scrubber._thread.is_alive()
    assert _progress(clocked, Duty.SCRUB_ALL).finished_at is None


def test_a_pass_over_lost_objects_keeps_its_pace_and_ends_when_it_has_to(archive: Archive) -> None:
    datasets = ct_series(4)
    for dataset in datasets:
        send(archive, dataset)
    for stored in archive.instances(datasets[0].StudyInstanceUID):
        archive.store.delete(stored.object_key)
    paced: list[int] = []

    def pace(size: int) -> None:
        paced.append(size)
        if len(paced) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        scrub(archive, pace=pace)
    states = [stored.storage for stored in archive.instances(datasets[0].StudyInstanceUID)]
    assert states.count(StorageState.DAMAGED) == 2


def test_with_no_period_nothing_is_read(clocked: Archive) -> None:
    scrubber = Scrubber(clocked, period=timedelta(), share=1.0)
    scrubber.start()
    assert not scrubber._thread.is_alive()
    scrubber.stop()
