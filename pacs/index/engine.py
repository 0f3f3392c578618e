"""The index: one writer, many readers, the same statements on SQLite and PostgreSQL.

This is the only file that knows the drivers. That the two differ is known besides to `writer.py` (what became of a
commit), `upsert.py`, the event log (what may be read yet) and the AI dispatcher (leases of another process).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import structlog
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from pacs.errors import NodeFailed
from pacs.index.abandonment import Abandonment, abandonable
from pacs.index.migrations import head, known_revision, migrate, pending
from pacs.index.readers import AtOnce, Readers, Row
from pacs.index.writer import Statement, Writer
from storage.directories import sync_directory

T = TypeVar("T")

log = structlog.get_logger()

SQLITE_OLDEST = (3, 35, 0)  # RETURNING and ON CONFLICT … DO UPDATE
POSTGRESQL_OLDEST = 14  # pg_current_xact_id and friends
SYNCHRONOUS_FULL = 2
READERS_MAX = 32
STATEMENT_MS = 30_000  # PostgreSQL
IDLE_IN_TRANSACTION_MS = 60_000  # PostgreSQL

WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "mmap_size=0",
    "case_sensitive_like=ON",
)
READER_PRAGMAS = ("query_only=ON", "busy_timeout=5000", "case_sensitive_like=ON")


class Index:
    """The database of one node.

    `read_only` opens it beside a running node: nothing is written, not even a checkpoint.
    Raises NodeFailed when the database cannot be used safely.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._read_only = read_only
        if self.is_sqlite:
            self._check_sqlite_file(read_only)
            self._writing = None if read_only else _sqlite_writer(Path(self.url.database or ""))
            self._reading = _sqlite_reader(Path(self.url.database or ""))
        else:
            self._writing = None if read_only else _postgresql(url, pool_size=2)
            self._reading = _postgresql(url, pool_size=READERS_MAX).execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._readers, self._at_once = self._short_ways()
        self._writer: Writer | None = None
        try:
            if self._writing is not None:
                self._check_durable(self._writing)
                self._writer = Writer(self._writing)
        except SQLAlchemyError as error:
            self.close()
            cause = " ".join(str(error.__cause__ or error).split())  # PostgreSQL's words are several lines
            raise NodeFailed(
                f"the index at {self.url.render_as_string()} cannot be opened: {cause}",
                "check PACS_DATABASE and that the database is up",
            ) from error

    def migrate(self) -> None:
        """Bring the tables to this release's form. The caller holds the node lock."""
        assert self._writing is not None, "a read-only index is never migrated"
        with self._readable():
            migrate(self._writing)

    def revision(self) -> tuple[str, str]:
        """Which revision the tables are of, "" when there are none, and which this release needs. Raises NodeFailed
        for tables of a newer release."""
        with self._readable(), self.read() as connection:
            return known_revision(connection), head()

    def check_migrated(self) -> None:
        """Raise NodeFailed when the tables are of another release."""
        with self._readable(), self.read() as connection:
            waiting = pending(connection)
        if waiting:
            raise NodeFailed(
                f"the index is not of this release ({waiting})", "run `pacs migrate` with the node stopped"
            )

    def damage(self) -> list[str]:
        """What SQLite finds wrong with its own file, read page by page; empty when it is sound.

        PostgreSQL is not asked: with its checksums on it refuses a damaged page when it reads it.
        """
        if not self.is_sqlite:
            return []
        try:
            with self.read() as connection:
                said = list(connection.exec_driver_sql("PRAGMA quick_check(10)").scalars())
        except SQLAlchemyError as error:
            return [str(error.__cause__ or error)]
        lines = [line for answer in said for line in answer.splitlines() if not line.startswith("***")]
        return [] if lines == ["ok"] else lines

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise NodeFailed(
                f"the index at {self.url.render_as_string()} cannot be read: {error.__cause__ or error}",
                "see docs/operations.md on a damaged index",
            ) from error

    @contextmanager
    def read(self, abandoned: Abandonment | None = None) -> Iterator[Connection]:
        """A read-only connection on one snapshot of what has been committed; for any thread. A statement of which
        `abandoned` says that nobody waits for it any more is ended, and the block with Abandoned."""
        with self._reading.connect() as connection, connection.begin():
            if abandoned is None:
                yield connection
                return
            with abandonable(connection, abandoned):
                yield connection

    def ask(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """Every row of one prepared statement, which sees one snapshot: the short way, for any thread that may wait.

        Raises SQLAlchemyError.
        """
        return self._readers.ask(statement, parameters)

    def ask_at_once(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row] | None:
        """The same for a thread that may not wait; None where that cannot be promised: ask again from another one.

        Only a file is asked, and no lock is waited for; whoever calls sees to it that its pages are likely in memory.
        """
        return self._at_once.ask(statement, parameters) if self._at_once is not None else None

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, perhaps together with others; returns when it is on stable storage.

        `work` may be replayed, so it has no effect but its statements; its exceptions reach its own caller only. It may
        run in the thread of another who writes, so nobody writes while he holds a lock that a work needs.
        """
        assert self._writer is not None, "a read-only index is never written"
        return self._writer.write(work)

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """`write` for who may not wait; where too much waits already, `work` fails at once with Busy."""
        assert self._writer is not None, "a read-only index is never written"
        return self._writer.submit(work)

    @property
    def commits(self) -> int | None:
        """How many there were since the start; while it stays, so does everything in the index. None: not known."""
        return self._writer.commits if self._writer is not None else None

    def statistics(self) -> dict[str, int]:
        """Counters of the writer: commits, works, waiting, failures."""
        return self._writer.statistics() if self._writer else {}

    @property
    def broken(self) -> bool:
        """Whether the writer has stopped for good because stable storage failed under it."""
        return self._writer is not None and self._writer.broken

    def close(self) -> None:
        """Finish what is queued and close every connection."""
        writer: Writer | None = getattr(self, "_writer", None)
        if writer is not None:
            writer.close()
        self._readers.close()
        if self._at_once is not None:
            self._at_once.close()
        self._reading.dispose()
        if self._writing is not None:
            self._writing.dispose()  # SQLite: the last connection to close moves the log into the file

    def _short_ways(self) -> tuple[Readers, AtOnce | None]:
        """Bare connections to the same database, under the same limits as `read`."""
        dialect = self._reading.dialect
        if self.is_sqlite:
            uri = f"file:{self.url.database}?mode=ro"
            at_once = AtOnce(lambda: sqlite_connection(uri, ("query_only=ON", "case_sensitive_like=ON")), dialect)
            return Readers(lambda: sqlite_connection(uri, READER_PRAGMAS), dialect, READERS_MAX), at_once
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        arguments = _postgresql_arguments(" -c default_transaction_read_only=on")
        return Readers(lambda: psycopg.connect(address, autocommit=True, **arguments), dialect, READERS_MAX), None

    def _check_sqlite_file(self, read_only: bool) -> None:
        path = Path(self.url.database or "")
        if not self.url.database or self.url.database == ":memory:":
            raise NodeFailed(
                "the index needs a file", "give PACS_DATABASE as sqlite:////absolute/path or postgresql://…"
            )
        if read_only and not path.exists():
            raise NodeFailed(f"there is no index at {path}", "check PACS_DATA, or start the node once")
        if sqlite3.sqlite_version_info < SQLITE_OLDEST:
            raise NodeFailed(f"SQLite {sqlite3.sqlite_version} is too old", "use 3.35 or newer, or PostgreSQL")

    def _sync_names(self) -> None:
        """Make the names of file and log durable: SQLite syncs their folder too, but goes on when that fails."""
        folder = Path(self.url.database or "").absolute().parent
        try:
            sync_directory(folder)
        except OSError as error:
            raise NodeFailed(
                f"the folder {folder} of the index cannot be synced: {error.strerror}", "put PACS_DATA on a sound disk"
            ) from error

    def _check_durable(self, engine: Engine) -> None:
        with engine.connect() as connection:
            if self.is_sqlite:
                mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
                level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
                if mode != "wal" or level < SYNCHRONOUS_FULL:
                    raise NodeFailed(
                        f"the index would not be durable (journal_mode {mode}, synchronous {level})",
                        "put PACS_DATA on a local disk",
                    )
                # SQLite opens a file read-only when it cannot be written, and begins transactions on it all the same
                version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                connection.exec_driver_sql(f"PRAGMA user_version={version}")
                connection.rollback()
                self._sync_names()
                return
            version = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10000
            if version < POSTGRESQL_OLDEST:
                raise NodeFailed(f"PostgreSQL {version} is too old", f"use {POSTGRESQL_OLDEST} or newer")
            encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
            if encoding != "UTF8":
                raise NodeFailed(f"the database's encoding is {encoding}", "create it with ENCODING 'UTF8'")
            for setting in ("fsync", "full_page_writes"):
                if connection.execute(text(f"SHOW {setting}")).scalar_one() != "on":
                    log.warning("database_not_durable", setting=setting, value="off")


def lift_time_limits(connection: Connection) -> None:
    """Let the caller's transaction last as long as it needs: one that reads every object between its statements."""
    if connection.dialect.name == "postgresql":
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {setting} = 0"))


def plan_by_values(connection: Connection) -> None:
    """Let what the caller's transaction asks be planned by its values, each time: PostgreSQL's one plan for any range
    of dates, which it takes for a statement that was asked ten times, reads the table row by row."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def _sqlite_writer(path: Path) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite_connection(f"file:{path}?mode=rwc"),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        _apply(connection, WRITER_PRAGMAS)

    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def _sqlite_reader(path: Path) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite_connection(f"file:{path}?mode=ro"),
        poolclass=QueuePool,
        pool_size=READERS_MAX,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        _apply(connection, READER_PRAGMAS)

    _begin_with(engine, "BEGIN")
    return engine


def _begin_with(engine: Engine, statement: str) -> None:
    """How SQLAlchemy begins a transaction; its event "begin" would cost more than many a transaction's statements."""

    def do_begin(connection: Any) -> None:
        connection.execute(statement)

    engine.dialect.do_begin = do_begin  # type: ignore[method-assign, assignment]


def sqlite_connection(uri: str, pragmas: tuple[str, ...] = ()) -> sqlite3.Connection:
    """A connection of the driver to the file that a URI names (SQLite's `file:…`)."""
    # No implicit transactions of the driver: `do_begin` above opens each one. One thread uses a connection at a time.
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    _apply(connection, pragmas)
    return connection


def _apply(connection: Any, pragmas: tuple[str, ...]) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _postgresql(url: str, *, pool_size: int) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_postgresql_arguments(),
    )


def _postgresql_arguments(more: str = "") -> dict[str, Any]:
    return {
        "connect_timeout": 5,
        "application_name": "suret",
        "options": f"-c synchronous_commit=on -c statement_timeout={STATEMENT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}{more}",
    }
