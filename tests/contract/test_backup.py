"""A backup of a whole archive and its restore, over both pairs of back ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from pacs.access.accounts import Accounts
from pacs.access.principals import OPERATOR, Role
from pacs.archive.archive import Archive
from pacs.archive.backup import DESCRIPTION, MANIFEST, Report, back_up, described, restore, snapshots
from pacs.archive.scrub import Found, scrub
from pacs.archive.verify import verify
from pacs.errors import NodeFailed, NodeRunning
from pacs.index.engine import Index
from pacs.index.schema import instance
from storage.filesystem import FolderStore
from storage.protocol import ObjectStore
from tests.support.archives import open_archive, s3_store, send
from tests.support.factories import ct_series
from tests.support.postgresql import Cluster
from tests.support.services import S3Bucket


def _back_up(archive: Archive, folder: Path, *, after: int = 0, keep: int = 7) -> Report:
    index = Index(_url(archive.index), read_only=True)
    try:
        return back_up(
            index,
            archive.store,
            folder,
            release="0.1.0",
            now=archive.clock() + timedelta(seconds=after),
            keep=keep,
            tell=lambda progress: None,
        )
    finally:
        index.close()


def _url(index: Index) -> str:
    return index.url.render_as_string(hide_password=False)


def _objects(archive: Archive) -> dict[str, bytes]:
    with archive.index.read() as connection:
        keys = list(connection.execute(select(instance.c.object_key)).scalars())
    found = {}
    for key in keys:
        with archive.store.open(key) as stream:
            found[key] = stream.read()
    return found


def _rot(file: Path) -> None:
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@contextmanager
def _elsewhere(request: pytest.FixtureRequest, archive: Archive, folder: Path) -> Iterator[tuple[str, ObjectStore]]:
    """An empty database of the same kind and an empty store."""
    if archive.index.is_sqlite:
        folder.mkdir()
        yield f"sqlite:///{folder / 'index.db'}", FolderStore(folder / "store")
        return
    bucket: S3Bucket = request.getfixturevalue("s3_bucket")
    cluster: Cluster = request.getfixturevalue("postgresql_cluster")
    url = cluster.create_database()
    try:
        yield url, s3_store(f"{bucket.location}/elsewhere", folder, bucket.options)
    finally:
        cluster.drop_database(url)


def test_a_backup_is_restored_elsewhere_as_it_was(
    archive: Archive, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    Accounts(archive.index, archive.clock).create("asel", Role.RADIOLOGIST, "Correct-horse-battery-1", by=OPERATOR)
    datasets = ct_series(3)
    for dataset in datasets:
        send(archive, dataset)
    before = _objects(archive)
    report = _back_up(archive, tmp_path / "backup")
    assert (report.objects, report.copied, report.missing) == (3, 3, ())
    send(archive, ct_series(1, study="later")[0])
    with _elsewhere(request, archive, tmp_path / "elsewhere") as (url, store):
        restore(tmp_path / "backup", report.folder, url, store, lambda progress: None)
        with open_archive(tmp_path / "restored", database=url, store=store) as restored:
            assert _objects(restored) == before
            assert restored.instances(datasets[0].StudyInstanceUID)[0].series_instance_uid
            assert [account.name for account in Accounts(restored.index, restored.clock).listing()] == ["asel"]
            later = restored.clock() + timedelta(seconds=1)
            assert list(verify(restored.index, store, now=later, grace=timedelta())) == []


def test_what_is_there_is_not_copied_again_and_every_snapshot_is_whole(archive: Archive, tmp_path: Path) -> None:
    first, second = ct_series(2)
    send(archive, first)
    backup = tmp_path / "backup"
    assert _back_up(archive, backup).copied == 1
    assert _back_up(archive, backup, after=1).copied == 0
    send(archive, second)
    report = _back_up(archive, backup, after=2)
    assert (report.objects, report.copied) == (2, 1)
    assert [len((folder / MANIFEST).read_text().splitlines()) for folder in snapshots(backup)] == [1, 1, 2]
    for folder in snapshots(backup):
        checked = subprocess.run(
            ["sha256sum", "--check", "--strict", "--quiet", folder / MANIFEST],
            cwd=backup,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (checked.returncode, checked.stdout) == (0, "")
    said = described(report.folder)
    assert (said.objects, said.size, said.missing) == (2, sum(map(len, _objects(archive).values())), 0)
    assert _back_up(archive, backup, after=3, keep=2).objects == 2
    assert len(snapshots(backup)) == 2
    assert len(list((backup / "objects").rglob("*.dcm"))) == 2


def test_what_a_killed_backup_left_is_taken_over_and_never_believed(archive: Archive, tmp_path: Path) -> None:
    for dataset in ct_series(2):
        send(archive, dataset)
    backup = tmp_path / "backup"
    killed = _back_up(archive, backup).folder
    (killed / DESCRIPTION).unlink()
    rotten, sound = sorted((backup / "objects").rglob("*.dcm"))
    _rot(rotten)
    report = _back_up(archive, backup, after=1)
    assert (report.objects, report.missing) == (2, ())
    assert snapshots(backup) == [report.folder]
    assert not killed.exists()
    expected = _objects(archive)
    assert {str(file.relative_to(backup)): file.read_bytes() for file in (rotten, sound)} == expected


def test_damaged_objects_are_named_and_not_taken(archive: Archive, tmp_path: Path) -> None:
    for dataset in ct_series(2):
        send(archive, dataset)
    lost = next(archive.store.list())
    archive.store.delete(lost)
    report = _back_up(archive, tmp_path / "backup")
    assert (report.objects, report.missing) == (1, (lost,))
    assert described(report.folder).missing == 1


def test_a_backup_repairs_the_archive(archive: Archive, tmp_path: Path) -> None:
    send(archive, ct_series(1)[0])
    before = list(_objects(archive).values())
    _back_up(archive, tmp_path / "backup")
    lost = next(archive.store.list())
    archive.store.delete(lost)
    copy = FolderStore(tmp_path / "backup", make=False)
    assert scrub(archive, copies=[copy]).found == (Found(lost, "damaged", "the second store"),)
    assert list(_objects(archive).values()) == before


# What a restore refuses, on SQLite and a folder --------------------------------------------------------------------


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "site") as archive:
        for dataset in ct_series(2):
            send(archive, dataset)
        yield archive


def _restore(backup: Path, folder: Path, into: Path) -> FolderStore:
    store = FolderStore(into / "store")
    restore(backup, folder, f"sqlite:///{into / 'index.db'}", store, lambda progress: None)
    return store


def test_an_index_that_is_there_is_never_replaced(local: Archive, tmp_path: Path) -> None:
    report = _back_up(local, tmp_path / "backup")
    with pytest.raises(NodeFailed, match="already"):
        _restore(tmp_path / "backup", report.folder, tmp_path / "site")


def test_a_restore_that_was_stopped_is_begun_again(local: Archive, tmp_path: Path) -> None:
    report = _back_up(local, tmp_path / "backup")
    into = tmp_path / "new"
    store = _restore(tmp_path / "backup", report.folder, into)
    (into / "index.db").unlink()
    store.delete(next(store.list()))
    _restore(tmp_path / "backup", report.folder, into)
    assert len(list(store.list())) == 2


def test_a_damaged_backup_is_not_restored(local: Archive, tmp_path: Path) -> None:
    report = _back_up(local, tmp_path / "backup")
    _rot(next((tmp_path / "backup" / "objects").rglob("*.dcm")))
    with pytest.raises(NodeFailed, match="damaged"):
        _restore(tmp_path / "backup", report.folder, tmp_path / "new")
    assert not (tmp_path / "new" / "index.db").exists()
    assert list((tmp_path / "new" / "store" / "incoming").iterdir()) == []


def test_another_object_under_a_key_is_not_written_over(local: Archive, tmp_path: Path) -> None:
    report = _back_up(local, tmp_path / "backup")
    store = FolderStore(tmp_path / "new" / "store")
    file = store.incoming / "other.part"
    file.write_bytes(b"other")
    store.put(next(local.store.list()), file, {})
    with pytest.raises(NodeFailed, match="another object"):
        _restore(tmp_path / "backup", report.folder, tmp_path / "new")


def test_the_index_of_another_kind_or_release_is_refused(local: Archive, tmp_path: Path) -> None:
    report = _back_up(local, tmp_path / "backup")
    with pytest.raises(NodeFailed, match="of sqlite"):
        restore(tmp_path / "backup", report.folder, "postgresql+psycopg://x@127.0.0.1/y", local.store, print)
    description = report.folder / DESCRIPTION
    told = json.loads(description.read_text())
    description.write_text(json.dumps({**told, "form": 99}))
    with pytest.raises(NodeFailed, match="newer release"):
        _restore(tmp_path / "backup", report.folder, tmp_path / "new")


def test_two_backups_into_one_folder_do_not_meet(local: Archive, tmp_path: Path) -> None:
    from pacs.archive.backup import _alone

    backup = tmp_path / "backup"
    _back_up(local, backup)
    with _alone(backup), pytest.raises(NodeRunning, match="under way"):
        _back_up(local, backup, after=1)


def test_moments_are_utc_whatever_the_clock_says(local: Archive, tmp_path: Path) -> None:
    report = _back_up(local, tmp_path / "backup")
    assert datetime.fromisoformat(described(report.folder).taken_at).strftime("%Y%m%dT%H%M%SZ") == report.folder.name
