"""SQLite itself under the simulation: real statements on a real log, of which a power cut leaves what was synced.

The log is synced by COMMIT exactly when the connection says `synchronous=FULL`. A crash copies the database and the
log, cut anywhere above the last sync; SQLite then finds the last whole commit by the log's checksums, as in earnest.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import QueuePool

from pacs.index import engine as index_engine
from pacs.index.engine import Index
from tests.faults.simulated.scheduler import FULL, WRITER, Scheduler

SYNCHRONOUS_FULL = 2
_connect = sqlite3.connect


def template(folder: Path) -> Path:
    """An index at this release's form; every history begins with a copy."""
    path = folder / "template.db"
    index = Index(f"sqlite:///{path}")
    index.migrate()
    index.close()
    return path


class Database:
    """The index' files over every crash of one history."""

    def __init__(self, choose: random.Random, folder: Path, begin: Path) -> None:
        self._choose = choose
        self._folder = folder
        self._crashes = 0
        self._open: list[sqlite3.Connection] = []
        self.synced = 0  # bytes of the log on stable storage
        self._finished = 0  # bytes of the log whose COMMIT has returned
        self.scheduler: Scheduler | None = None
        shutil.copyfile(begin, self.path)

    @property
    def path(self) -> Path:
        """The database's file now."""
        return self._folder / f"index{self._crashes}.db"

    @property
    def url(self) -> str:
        """For `Index`."""
        return f"sqlite:///{self.path}"

    @property
    def _log(self) -> str:
        return f"{self.path}-wal"

    def written(self) -> int:
        """Bytes of the log, synced or not."""
        try:
            return os.stat(self._log).st_size
        except FileNotFoundError:
            return 0

    def crash(self, *, power: bool) -> None:
        """What is left goes on under a new name; the old connections may still unwind, without effect on it."""
        old, log, written = self.path, self._log, self.written()
        whole = not power and not self._choose.randrange(2)
        keep = written if whole else self._choose.randint(min(self.synced, written), written)
        if not power:
            # A killed process leaves what it wrote; only the COMMIT it was in can be half written.
            keep = max(keep, self._finished)
        self._crashes += 1
        shutil.copyfile(old, self.path)
        if written:
            Path(self._log).write_bytes(Path(log).read_bytes()[:keep])
        self.synced = min(self.synced, keep) if power else self.synced
        self._finished = keep

    def close(self) -> None:
        """Close what a killed node left open."""
        for connection in self._open:
            connection.close()
        self._open.clear()

    def closed(self) -> None:
        """The node closed the index: SQLite has moved the log into the file, if the writer was sound."""
        self.close()  # a connection that the node forgot would close, and move the log, at some later moment
        self.synced = min(self.synced, self.written())
        self._finished = min(self._finished, self.written())

    @contextmanager
    def under(self, scheduler: Scheduler) -> Iterator[None]:
        """Connections opened now belong to the node that runs in `scheduler`."""
        self.scheduler = scheduler

        def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
            connection = _connect(*arguments, factory=_Connection, **named)
            connection.database = self
            self._open.append(connection)
            return connection

        with patch.object(sqlite3, "connect", connect), patch.object(index_engine, "create_engine", _prepared):
            yield

    def commit(self, connection: _Connection, commit: Callable[[], None]) -> None:
        """COMMIT in its steps: the log is written, then synced."""
        assert self.scheduler is not None
        scheduler = self.scheduler
        failure = scheduler.port("COMMIT")
        if failure:
            scheduler.excuse(WRITER)  # it strikes everybody whose work is in it, whoever makes it
        if failure == FULL:
            raise _error("SQLITE_FULL")
        if failure and self._choose.randrange(2):
            raise _error("SQLITE_IOERR_WRITE")
        commit()
        if failure:  # written, and who knows how much of it is on stable storage
            raise _error("SQLITE_IOERR_FSYNC")
        scheduler.port("COMMIT written", switch=False, may_fail=False)
        if connection.level >= SYNCHRONOUS_FULL:
            self.synced = self.written()
        self._finished = self.written()


class _Connection(sqlite3.Connection):
    database: Database
    _level = -1

    @property
    def level(self) -> int:
        """What PRAGMA synchronous says, asked once."""
        if self._level < 0:
            self._level = sqlite3.Connection.execute(self, "PRAGMA synchronous").fetchone()[0]
        return self._level

    def commit(self) -> None:
        if self.in_transaction and self.total_changes != self._changes:
            self.database.commit(self, super().commit)
        else:
            super().commit()
        self._changes = self.total_changes

    _changes = 0

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # the end of a process frees its locks; here a statement may hold them
            super().rollback()
        super().close()

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = ()) -> Any:
        database = self.connection.database  # type: ignore[attr-defined]  # a _Connection
        scheduler = database.scheduler
        if scheduler is not None and scheduler.current is not None and not sql.startswith("PRAGMA"):
            failure = scheduler.port(sql[: sql.find(" ", 12)], may_fail=not sql.startswith("ROLLBACK"))
            if failure:
                scheduler.excuse(WRITER)
                raise _error("SQLITE_FULL" if failure == FULL else "SQLITE_IOERR_READ")
        return super().execute(sql, parameters)


def _error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"simulated {name}")
    error.sqlite_errorname = name
    return error


# One dialect for every life of the node's writer, one for its readers, each with its cache of compiled statements, kept
# by dialect: compiling them anew is all a short history would do.
_made: dict[int, Engine] = {}


def _prepared(url: str, *, creator: Callable[[], Any], poolclass: type, pool_size: int, max_overflow: int) -> Engine:
    pool = QueuePool(creator, pool_size=pool_size, max_overflow=max_overflow)
    if pool_size not in _made:
        made = create_engine(
            url, creator=lambda: _connect(":memory:", check_same_thread=False), poolclass=poolclass, pool_size=1
        )
        with made.connect():
            pass
        made.dispose()
        _made[pool_size] = made
    made = _made[pool_size]
    engine = Engine(pool, made.dialect, made.url)
    engine._compiled_cache = made._compiled_cache
    pool._dialect = made.dialect
    return engine
