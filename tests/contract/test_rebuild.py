"""After a lost index or a crash: nothing is hurried, neither the work nor the removal of what is left over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from pacs.archive import recovery
from pacs.archive.archive import Archive
from pacs.archive.housekeeping import remove_garbage
from pacs.archive.recovery import rebuild, recover
from pacs.errors import OutOfResources, StoreFailed
from pacs.index import engine
from pacs.model import utc_now
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series, ct_slice, part10


def test_a_rebuild_may_be_longer_than_any_other_transaction(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_IN_TRANSACTION_MS", 500)
    monkeypatch.setattr(engine, "STATEMENT_MS", 500)
    with open_archive(tmp_path, database=database) as archive:
        for dataset in ct_series(2):
            send(archive, dataset)
        keys = list(archive.store.list("objects/"))

        def slowly(*_: object) -> Iterator[str]:
            for key in keys:
                time.sleep(1.2)
                yield key

        monkeypatch.setattr(archive.store, "list", slowly)
        assert rebuild(archive).stored == 2


def test_an_index_that_fails_meanwhile_is_left_as_it_was(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for dataset in ct_series(3):
        send(archive, dataset)
    real, met = recovery.register, []

    def failing(connection: Connection, *arguments: Any) -> Any:
        met.append(arguments)
        if len(met) % 2 == 0:  # also when the writer tries once more over a new connection
            _fail(connection)
        return real(connection, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(recovery, "register", failing)
        with pytest.raises((OutOfResources, StoreFailed)):
            rebuild(archive)
    study = ct_series(1)[0].StudyInstanceUID
    assert len(archive.instances(study)) == 3
    assert rebuild(archive).stored == 3


def test_an_object_that_contradicts_itself_gets_no_row_under_the_wrong_name(tmp_path: Path) -> None:
    with open_archive(tmp_path) as archive:
        stored = [send(archive, dataset) for dataset in ct_series(2)]
        [kept, rotten] = archive.instances(stored[0].study_instance_uid)
        file = archive.store.local_path(rotten.object_key)
        assert file is not None
        content = bytearray(file.read_bytes())
        content[content.rindex(rotten.sop_instance_uid.encode()) + 5] ^= 1  # one digit becomes another
        file.chmod(0o600)
        file.write_bytes(content)
        report = rebuild(archive)
        assert (report.stored, report.unreadable) == (1, (rotten.object_key,))
        [left] = archive.instances(kept.study_instance_uid)
        assert left.sop_instance_uid == kept.sop_instance_uid
        assert file.exists()


def _fail(connection: Connection) -> None:
    """SQLite's file may grow no more; a PostgreSQL session is ended by an administrator."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        return
    connection.exec_driver_sql("PRAGMA max_page_count = 1")
    try:
        connection.exec_driver_sql("CREATE TABLE large AS SELECT zeroblob(10000000) AS x")
    finally:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000000")


def test_what_is_found_to_be_garbage_is_kept_for_the_whole_grace(archive: Archive) -> None:
    days_ago = utc_now() - timedelta(days=3)
    archive.clock = archive.arrivals._clock = lambda: days_ago
    send(archive, ct_slice())
    send(archive, ct_slice())
    archive.clock = utc_now
    keys = list(archive.store.list("objects/"))
    assert rebuild(archive).duplicates == 1
    assert remove_garbage(archive, timedelta(hours=24)) == 0
    third = archive.arrivals.next()
    orphan = archive.store.incoming / "orphan.part"
    orphan.write_bytes(part10(ct_slice()))
    archive.store.put(f"objects/{third.datetime:%Y/%m/%d/%H}/{third}.dcm", orphan, {})
    assert recover(archive, adopt_hours=24 * 7).adopted == 1
    assert remove_garbage(archive, timedelta(hours=24)) == 0
    assert list(archive.store.list("objects/"))[: len(keys)] == keys
    archive.clock = lambda: utc_now() + timedelta(hours=25)
    assert remove_garbage(archive, timedelta(hours=24)) == 2


def test_an_orphan_of_the_last_run_is_adopted_however_long_ago_it_was(archive: Archive) -> None:
    now = utc_now()

    def at(days: float) -> None:
        archive.clock = archive.arrivals._clock = lambda: now + timedelta(days=days)

    def orphan(number: int) -> None:
        ulid = archive.arrivals.next()
        file = archive.store.incoming / "orphan.part"
        file.write_bytes(part10(ct_slice(number=number)))
        archive.store.put(f"objects/{ulid.datetime:%Y/%m/%d/%H}/{ulid}.dcm", file, {})

    assert recover(archive, adopt_hours=48).adopted == 0
    at(0.1)
    orphan(1)
    at(30)
    assert recover(archive, adopt_hours=48).adopted == 1
    at(30.1)
    orphan(2)
    at(60)
    assert recover(archive, adopt_hours=48).adopted == 1
    assert recover(archive, adopt_hours=48).adopted == 0
