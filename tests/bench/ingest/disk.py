"""What each sync of a durable answer costs on this disk, one after the other as one instance needs them."""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.ingest.sink import SyncedLog
from tests.bench.ingest.workload import CT

STEPS = ("file write", "file fsync", "rename", "folder fsync", "log fdatasync", "SQLite commit")


def sync_costs(folder: Path, count: int) -> dict[str, float]:
    """Median milliseconds of each of STEPS over `count` instances written to `folder`, which is made."""
    folder.mkdir(parents=True)
    data = os.urandom(CT.dataset_bytes)
    log = SyncedLog(folder / "log")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    database = _database(folder / "index.db")
    taken: dict[str, list[float]] = {step: [] for step in STEPS}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        taken[step].append(time.perf_counter() - began)

    for number in range(count):
        part, whole = folder / f"{number}.part", folder / f"{number}.dcm"
        with timed("file write"):
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, data)
        with timed("file fsync"):
            os.fsync(descriptor)
        os.close(descriptor)
        with timed("rename"):
            os.rename(part, whole)
        with timed("folder fsync"):
            os.fsync(directory)
        with timed("log fdatasync"):
            log.append()
        with timed("SQLite commit"):
            database.execute("INSERT INTO row VALUES (?, ?)", (number, os.urandom(16)))
    database.close()
    os.close(directory)
    return {step: 1e3 * statistics.median(seconds) for step, seconds in taken.items()}


def _database(path: Path) -> sqlite3.Connection:
    """One synced transaction an insert, as the node's index is opened."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, value BLOB)")
    return database


def syncs_text(costs: dict[str, float]) -> str:
    """One line."""
    return "Syncs on this disk, ms: " + ", ".join(f"{step} {cost:.2f}" for step, cost in costs.items())
