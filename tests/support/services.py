"""pytest plugin: the real servers that tests talk to, each started once in a session and only when a test wants it.

Under pytest-xdist every worker may be the one to start a server: a file lock decides, the others read where it is.
The controller stops them all at the end; when it is killed, they end by themselves.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.open import S3Options
from tests.support import ceph, postgresql
from tests.support.indexes import migrated_template

_FOLDER, _OWNER = "SURET_TEST_SERVICES", "SURET_TEST_OWNER"
_STOP: dict[str, Callable[[Path], None]] = {"pg": postgresql.stop, "ceph": ceph.stop}


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """An empty bucket and how to reach it."""

    name: str
    gateway: ceph.Gateway

    @property
    def location(self) -> str:
        """As PACS_STORAGE takes it."""
        return f"s3://{self.name}"

    @property
    def options(self) -> S3Options:
        """As `storage.open.open_store` takes it."""
        return S3Options(**dataclasses.asdict(self.gateway))


def pytest_configure(config: pytest.Config) -> None:
    """In the controller: a folder for the servers, handed to the workers by the environment."""
    if not hasattr(config, "workerinput"):
        # Short, because unix socket paths are; open to passing through, because PostgreSQL's user must get in.
        folder = Path(tempfile.mkdtemp(prefix="suret-"))
        folder.chmod(0o711)
        os.environ[_FOLDER] = str(folder)
        os.environ[_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """In the controller, after the workers: stop what was started."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop(_FOLDER))
    for record in folder.glob("*.json"):
        if "failed" not in json.loads(record.read_text(encoding="utf-8")):
            _STOP[record.stem.partition("-")[0]](folder / record.stem)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_cluster() -> postgresql.Cluster:
    """This process's PostgreSQL: transaction ids are a cluster's, so another worker's would hold back our events."""
    return postgresql.Cluster(**_shared(f"pg-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}", postgresql.start))


@pytest.fixture
def postgresql_url(postgresql_cluster: postgresql.Cluster) -> Iterator[str]:
    """A fresh, empty database for this test: ``postgresql+psycopg://…``."""
    url = postgresql_cluster.create_database()
    yield url
    postgresql_cluster.drop_database(url)


@pytest.fixture
def migrated_postgresql_url(postgresql_cluster: postgresql.Cluster) -> Iterator[str]:
    """A database for this test with the tables of this release and no row in them."""
    url = postgresql_cluster.create_database(migrated_template(postgresql_cluster))
    yield url
    postgresql_cluster.drop_database(url)


@pytest.fixture(scope="session")
def ceph_gateway() -> ceph.Gateway:
    """The session's S3 server."""
    return ceph.Gateway(**_shared("ceph", ceph.start))


@pytest.fixture
def s3_bucket(ceph_gateway: ceph.Gateway) -> S3Bucket:
    """A fresh, empty bucket for this test; it goes with the server."""
    bucket = S3Bucket(f"test-{secrets.token_hex(6)}", ceph_gateway)
    with ceph.client(ceph_gateway) as s3:
        s3.create_bucket(Bucket=bucket.name)
    return bucket


def _shared(name: str, start: Callable[[Path, int], Any]) -> dict[str, Any]:
    """The fields of what `start` answered, to whichever process of the session came first."""
    folder = Path(os.environ[_FOLDER])
    record = folder / f"{name}.json"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            try:
                fields = dataclasses.asdict(start(folder / name, int(os.environ[_OWNER])))
            except RuntimeError as error:
                # Said once and remembered: the other tests need not wait for the same failure.
                fields = {"failed": str(error)}
            record.write_text(json.dumps(fields), encoding="utf-8")
    fields = dict(json.loads(record.read_text(encoding="utf-8")))
    if "failed" in fields:
        pytest.fail(fields["failed"])
    return fields
