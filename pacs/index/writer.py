"""The single writer: whatever is waiting when a commit returns goes into the next transaction, together."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Dialect, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.sql import ClauseElement

from pacs.errors import Busy, OutOfResources, StoreFailed

T = TypeVar("T")

log = structlog.get_logger()

_SQLITE_FAILURES = tuple(
    f"SQLITE_{name}" for name in ("FULL", "IOERR", "NOMEM", "CORRUPT", "NOTADB", "CANTOPEN", "READONLY")
)

BATCH_MAX = 32
WAITING_MAX = 1024
UNKNOWN_COMMIT_WAIT_S = 15.0
CONNECTION_KEPT_S = 1.0
RACES_MAX = 5


@dataclass(slots=True)
class _Item:
    work: Callable[[Connection], Any]
    after: Future[None] | None = None
    future: Future[Any] = field(default_factory=Future)


class CommitUnknown(Exception):
    """COMMIT was sent and no answer came: it may have happened or not."""


class _Away(Exception):
    """No connection to the database; nothing was asked of it. Its cause is the driver's error."""


class _Gone(Exception):
    """A connection that was kept had ended, and with it the transaction before its COMMIT: nothing happened."""


class Writer:
    """One thread that runs works in shared transactions; a work's failure never fails its neighbours.

    A commit that stable storage refuses makes the writer `broken`: it takes nothing more, and the node has to restart.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.Queue[_Item | None] = queue.Queue(WAITING_MAX)
        self._counts = {"commits": 0, "works": 0, "failures": 0}
        self.broken = False
        self._kept: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="index-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[Connection], T], after: Future[None] | None = None, *, wait: bool = True
    ) -> Future[T]:
        """Queue `work`; blocks while the queue is full, which is the back-pressure on whoever brings objects.

        With `after` its statements may run before that is done, its commit never; when that fails, `work` fails too.
        With `wait` False a full queue fails `work` at once with Busy.
        """
        item = _Item(work, after)
        if self.broken or not self._thread.is_alive():
            self._fail([item], _no_more_writes())
            return item.future
        try:
            self._queue.put(item, block=wait)
        except queue.Full:
            self._fail([item], Busy("too much waits to be written to the index", "try again later"))
        if not self._thread.is_alive():
            self._fail_left()  # closed since the look above: nobody comes for it
        return item.future

    def statistics(self) -> dict[str, int]:
        """Counts since the start, and how many works wait now."""
        return {**self._counts, "waiting": self._queue.qsize()}

    def close(self) -> None:
        """Run what is queued and end the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
            self._fail_left()

    def _run(self) -> None:
        ended = False
        while not ended:
            first = self._next()
            batch = [] if first is None else [first]
            ended = first is None
            while not ended and len(batch) < BATCH_MAX:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    ended = True
                else:
                    batch.append(item)
            if batch:
                self._commit(batch)
        self._let_go()

    def _next(self) -> _Item | None:
        """What comes next; the connection is kept for it for a moment, since streams of works are the rule."""
        if self._kept is not None:
            try:
                return self._queue.get(timeout=CONNECTION_KEPT_S)
            except queue.Empty:
                self._let_go()
        return self._queue.get()

    def _fail_left(self) -> None:
        """Fail what came too late to be run."""
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._queue.get_nowait()
                if item is not None:
                    self._fail([item], _no_more_writes())

    def _commit(self, batch: list[_Item], attempts: int = RACES_MAX) -> bool:
        """Run `batch` in one transaction; when it fails, each of its works in one of its own.

        False when the database is away: it is not asked again for the rest.
        """
        if self.broken:
            self._fail(batch, _no_more_writes())
            return True
        try:
            results = self._transaction(batch)
        except CommitUnknown as unknown:
            self.broken = True
            log.critical("index_commit_unknown", cause=str(unknown.__cause__))
            self._fail(batch, StoreFailed("the index failed while committing", "restart the node, then send again"))
        except _Gone:
            return self._commit(batch, attempts)
        except _Away as away:
            self._fail(batch, away.__cause__ or away)
            return False
        except Exception as error:
            if len(batch) == 1 and attempts > 1 and _lost_a_race(error):
                return self._commit(batch, attempts - 1)
            if len(batch) == 1:
                self._fail(batch, error)
            else:
                left = iter(batch)
                if not all(self._commit([item]) for item in left):
                    self._fail(left, StoreFailed("the index is away", "send again"))
                    return False
        else:
            self._counts["commits"] += 1
            self._counts["works"] += len(batch)
            for item, result in zip(batch, results, strict=True):
                item.future.set_result(result)
        return True

    def _connect(self) -> Connection:
        """A connection that is known to be there."""
        try:
            return self._engine.connect()
        except OperationalError as error:
            raise _Away from error

    def _let_go(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _transaction(self, batch: Iterable[_Item]) -> list[Any]:
        was_kept = self._kept is not None
        connection = self._kept = self._kept or self._connect()
        try:
            transaction = connection.begin()
            try:
                results = [item.work(connection) for item in batch]
                for item in batch:
                    if item.after is not None:
                        item.after.result()
                transaction_id = _transaction_id(connection)
            except BaseException as error:
                gone = was_kept and _is_gone(connection)
                _roll_back(connection)
                if gone:
                    raise _Gone from error
                raise
            try:
                transaction.commit()
            except SQLAlchemyError as error:
                if _definitely_refused(error):
                    _roll_back(connection)
                    raise
                connection.invalidate()
                if not self._did_commit(transaction_id, error):
                    raise
        except BaseException:
            self._let_go()
            raise
        if connection.invalidated:
            self._let_go()
        return results

    def _did_commit(self, transaction_id: int, error: SQLAlchemyError) -> bool:
        """Ask on a fresh connection what became of a transaction whose COMMIT got no answer (PostgreSQL only)."""
        if self._engine.dialect.name != "postgresql":
            raise CommitUnknown from error
        deadline = time.monotonic() + UNKNOWN_COMMIT_WAIT_S
        while time.monotonic() < deadline:
            try:
                with self._engine.connect() as connection:
                    status = connection.execute(
                        text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))"),
                        {"id": str(transaction_id)},
                    ).scalar_one_or_none()
            except OperationalError:
                status = "unreachable"
            if status == "committed":
                return True
            if status == "aborted":
                return False
            time.sleep(0.2)
        raise CommitUnknown from error

    def _fail(self, batch: Iterable[_Item], error: BaseException) -> None:
        for item in batch:
            self._counts["failures"] += 1
            item.future.set_exception(_as_refusal(error))


def _transaction_id(connection: Connection) -> int:
    if connection.dialect.name != "postgresql":
        return 0
    return int(connection.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one())


def _is_gone(connection: Connection) -> bool:
    """Whether the database or the network has ended the connection (PostgreSQL; a file does not go)."""
    return connection.invalidated or bool(getattr(connection.connection.dbapi_connection, "closed", False))


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except SQLAlchemyError as error:
        log.warning("index_rollback_failed", cause=str(error.__cause__ or error))
        connection.invalidate()


def _definitely_refused(error: SQLAlchemyError) -> bool:
    """Whether the database itself said that nothing was committed (no room, a constraint), so that no doubt remains."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    name = getattr(cause, "sqlite_errorname", "")
    if name:
        return bool(name.startswith(("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_CONSTRAINT")))
    return bool(getattr(cause, "sqlstate", None)) and not getattr(error, "connection_invalidated", False)


def _lost_a_race(error: BaseException) -> bool:
    """Whether PostgreSQL chose this transaction to give way to another node's (deadlock, serialisation): it is rolled
    back, and may succeed when it is run again."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", "") in ("40P01", "40001")


def index_failed(error: BaseException) -> bool:
    """Whether the database itself is in trouble (room, disk, memory, connection), whatever it was given to do."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    if state:  # classes of errors: connection, resources, intervention of an operator, system, internal
        return state[:2] in ("08", "53", "57", "58", "XX")
    named = getattr(cause, "sqlite_errorname", "")
    return isinstance(error, PendingRollbackError) or named.startswith(_SQLITE_FAILURES)


def _no_more_writes() -> StoreFailed:
    return StoreFailed("the index takes no more writes", "restart the node")


def _as_refusal(error: BaseException) -> BaseException:
    """The database's errors in our own words, the driver's own from a `Statement` too; a work's own as they are."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not (isinstance(error, SQLAlchemyError) or hasattr(cause, "sqlite_errorname") or hasattr(cause, "sqlstate")):
        return error
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "sqlstate", "") == "53100":
        return OutOfResources("the index has no room left on its disk", "free space, then send again")
    refusal = StoreFailed("the index did not take the change", "send again; if it goes on, see the node's log")
    refusal.__cause__ = error
    log.error("index_write_failed", cause=str(cause))
    return refusal


class Statement:
    """A statement compiled once a dialect and run on the driver's cursor: the hot path pays for no SQL building."""

    def __init__(self, element: ClauseElement) -> None:
        self._element = element
        self._compiled: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """The driver's cursor after execution; its rows are plain tuples."""
        cursor = connection.connection.cursor()
        cursor.execute(*self.bound(connection.dialect, parameters))
        return cursor

    def one(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row or None."""
        cursor = self.run(connection, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
        cursor.close()
        return row

    def bound(self, dialect: Dialect, parameters: Mapping[str, Any]) -> tuple[str, Any]:
        """Its text and its values, as the driver of `dialect` takes them."""
        sql, positions, defaults = self._compiled.get(dialect.name) or self._compile(dialect)
        values = {**defaults, **parameters} if defaults else parameters
        return sql, [values[name] for name in positions] if positions is not None else values

    def _compile(self, dialect: Dialect) -> tuple[str, list[str] | None, dict[str, Any]]:
        compiled: Any = self._element.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        positions = list(compiled.positiontup) if compiled.positional else None
        defaults = {name: value for name, value in compiled.params.items() if value is not None}
        self._compiled[dialect.name] = found = (str(compiled), positions, defaults)
        return found
