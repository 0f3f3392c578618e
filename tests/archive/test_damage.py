"""A damaged index is named, and a rebuild never makes a damaged object good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from pacs.archive.archive import Archive
from pacs.archive.recovery import rebuild
from pacs.archive.verify import verify
from pacs.errors import Unreadable
from pacs.index.schema import instance
from pacs.model import Outcome, StorageState, StoredInstance, utc_now
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series, part10

PAGE_BYTES = 4096


def _flip(folder: Path, stored: StoredInstance, offset: int) -> None:
    file = folder / "store" / stored.object_key
    content = bytearray(file.read_bytes())
    content[offset] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


def _violations(archive: Archive) -> list[str]:
    found = verify(archive.index, archive.store, now=utc_now() + timedelta(seconds=1), grace=timedelta())
    return [violation.invariant for violation in found]


def test_a_rebuild_marks_what_is_not_as_it_was_recorded_and_a_re_send_heals_it(tmp_path: Path) -> None:
    contents = [part10(dataset) for dataset in ct_series(3)]
    with open_archive(tmp_path) as archive:
        study, *_ = [send(archive, content).study_instance_uid for content in contents]
        [first, *_] = archive.instances(study)
        _flip(tmp_path, first, -1)

        report = rebuild(archive)

        assert (report.stored, report.damaged, report.unreadable) == (3, (first.object_key,), ())
        [damaged, *sound] = archive.instances(study)
        assert damaged.storage is StorageState.DAMAGED
        assert {stored.storage for stored in sound} == {StorageState.STORED}
        assert damaged.dataset_sha256 == first.dataset_sha256
        with pytest.raises(Unreadable):
            archive.open(damaged)
        assert _violations(archive) == ["I1"]
        assert send(archive, contents[0]).outcome is Outcome.DUPLICATE
        assert _violations(archive) == []


def test_a_rebuild_takes_the_sound_duplicate_of_a_damaged_object(tmp_path: Path) -> None:
    [content] = [part10(dataset) for dataset in ct_series(1)]
    with open_archive(tmp_path) as archive:
        study = send(archive, content).study_instance_uid
        send(archive, content)
        [first] = archive.instances(study)
        _flip(tmp_path, first, -1)
        assert rebuild(archive).damaged == (first.object_key,)
        [healed] = archive.instances(study)
        assert healed.storage is StorageState.STORED
        assert healed.object_key != first.object_key
        assert _violations(archive) == []


def test_a_rebuild_finds_swapped_objects_where_they_lie(tmp_path: Path) -> None:
    with open_archive(tmp_path) as archive:
        study, _ = [send(archive, dataset).study_instance_uid for dataset in ct_series(2)]
        first, second = [tmp_path / "store" / stored.object_key for stored in archive.instances(study)]
        aside = first.with_name(".aside")
        first.rename(aside), second.rename(first), aside.rename(second)
        report = rebuild(archive)
        assert (report.stored, report.damaged, report.unreadable) == (2, (), ())
        assert _violations(archive) == []


def test_a_rebuild_from_nothing_takes_objects_as_they_are(tmp_path: Path) -> None:
    with open_archive(tmp_path) as archive:
        study = send(archive, ct_series(1)[0]).study_instance_uid
        archive.index.write(lambda connection: connection.execute(delete(instance)).close())
        assert rebuild(archive).stored == 1
        assert len(archive.instances(study)) == 1


def test_a_damaged_page_of_the_index_is_named(tmp_path: Path) -> None:
    with open_archive(tmp_path) as archive:
        send(archive, ct_series(1)[0])
        assert archive.index.damage() == []
        with archive.index.read() as connection:
            root = "SELECT rootpage FROM sqlite_master WHERE name = 'instance'"
            page = connection.exec_driver_sql(root).scalar_one()
    with (tmp_path / "index.db").open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(bytes(PAGE_BYTES))
    with open_archive(tmp_path) as archive:
        assert archive.index.damage() != []
        assert "I0" in _violations(archive)
        with archive.index.read() as connection:
            assert connection.execute(select(1)).scalar_one() == 1
