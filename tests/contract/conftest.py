from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pacs.archive.archive import Archive
from pacs.archive.limits import Retention
from pacs.index.engine import Index
from pacs.model import utc_now
from tests.support.archives import open_archive, s3_store
from tests.support.indexes import migrated_file
from tests.support.services import S3Bucket

UNDO = timedelta(days=30)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind, migrated and without a row."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("migrated_postgresql_url"))
    return migrated_file(tmp_path / "index.db")


@pytest.fixture
def index(database: str) -> Iterator[Index]:
    """A migrated index on each database."""
    index = Index(database)
    index.migrate()
    yield index
    index.close()


@pytest.fixture(params=["sqlite+folder", "postgresql+s3"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    """An archive on each pair of back ends."""
    if request.param == "sqlite+folder":
        with open_archive(tmp_path) as archive:
            yield archive
        return
    bucket: S3Bucket = request.getfixturevalue("s3_bucket")
    database = str(request.getfixturevalue("migrated_postgresql_url"))
    store = s3_store(bucket.location, tmp_path, bucket.options)
    with open_archive(tmp_path, database=database, store=store) as archive:
        yield archive


class Time:
    """A clock that a test moves; it begins now, as keys of objects have the true hour of their arrival."""

    def __init__(self, archive: Archive) -> None:
        self.now = utc_now()
        archive.clock = lambda: self.now
        archive.retention = Retention(undo=UNDO)


@pytest.fixture
def time(archive: Archive) -> Time:
    return Time(archive)
