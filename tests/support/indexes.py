"""Migrated databases to begin with, copied from one that was migrated once: the way there is tests/index's to prove."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from pacs.index.engine import Index
from tests.support.postgresql import Cluster


def migrated_file(path: Path) -> str:
    """The URL of a SQLite index of this release at `path`; an index that is there stays as it is."""
    if not path.exists():
        path.write_bytes(_migrated())
    return f"sqlite:///{path}"


@cache
def migrated_template(cluster: Cluster) -> str:
    """The name of a migrated database of the cluster, for `Cluster.create_database`."""
    url = cluster.create_database()
    index = Index(url)
    index.migrate()
    index.close()
    return url.rpartition("/")[2]


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index.db")
        index = Index(f"sqlite:///{path}")
        index.migrate()
        index.close()
        return path.read_bytes()
