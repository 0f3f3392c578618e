"""The stored metadata of a series are a convenience: nothing that happens to their file keeps them from being given."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs.archive.archive import Archive
from pacs.errors import SuretError
from pacs.model import Stored
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as archive:
        yield archive


@pytest.fixture
def sent(archive: Archive) -> Stored:
    return send(archive, ct_slice())


def instances_in_metadata(archive: Archive, sent: Stored) -> int:
    found = archive.series_metadata(sent.study_instance_uid, sent.series_instance_uid)
    return len(json.loads(gzip.decompress(found.gzip_json)))


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "derived").rglob("*") if path.is_file()]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_does_not_keep_them_back(
    archive: Archive, sent: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, call, no_room)
        assert instances_in_metadata(archive, sent) == 1
        assert kept(tmp_path) == []
    assert instances_in_metadata(archive, sent) == 1
    assert len(kept(tmp_path)) == 1


def test_a_file_that_cannot_be_read_is_made_again(
    archive: Archive, sent: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert instances_in_metadata(archive, sent) == 1
    [file] = kept(tmp_path)
    read_bytes = Path.read_bytes

    def bad_sector(path: Path) -> bytes:
        if path == file:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", bad_sector)
    assert instances_in_metadata(archive, sent) == 1


def test_a_build_that_fails_leaves_nothing_behind(archive: Archive, sent: Stored) -> None:
    [stored] = archive.instances(sent.study_instance_uid)
    file = archive.store.local_path(stored.object_key)
    assert file is not None
    away = file.rename(file.with_suffix(".away"))
    with pytest.raises(SuretError):
        instances_in_metadata(archive, sent)
    assert archive._metadata._building == {}
    away.rename(file)
    assert instances_in_metadata(archive, sent) == 1
