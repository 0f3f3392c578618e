"""One transaction at a time: whatever is waiting when a commit returns goes into the next one, together."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Dialect, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.sql import ClauseElement

from pacs.errors import ArrivalRefused, Busy, ChangeNotTaken
from pacs.troubles import COMMIT_UNKNOWN, INDEX_STOPPED, trouble_of

T = TypeVar("T")

log = structlog.get_logger()

BATCH_MAX = 32
WAITING_MAX = 1024
UNKNOWN_COMMIT_WAIT_S = 15.0
CONNECTION_KEPT_S = 1.0
RACES_MAX = 5


@dataclass(slots=True)
class _Item:
    work: Callable[[Connection], Any]
    turn: Future[None] | None = None
    """Done when its caller, who waits for it, has to look: either `future` is done or he leads. None where nobody
    waits, or he leads already."""
    future: Future[Any] = field(default_factory=Future)


class _Call(Enum):
    """What the writer's own thread is called for."""

    LEAD = auto()
    KEPT = auto()
    END = auto()


class CommitUnknown(Exception):
    """COMMIT was sent and no answer came: it may have happened or not."""

    def __init__(self, transaction_id: int) -> None:
        super().__init__(transaction_id)
        self.transaction_id = transaction_id


class _Away(Exception):
    """No connection to the database; nothing was asked of it. Its cause is the driver's error."""


class _Gone(Exception):
    """A connection that was kept had ended, and with it the transaction before its COMMIT: nothing happened."""


class Writer:
    """Runs works in shared transactions, one at a time; a work's failure never fails its neighbours.

    Whoever writes while nobody else does leads: he runs his own work, with those that have come meanwhile, in his own
    thread, and then hands on to the first who waits. So a lone writer wakes nobody. Works that nobody waits for are led
    by a thread of the writer's own.
    A commit that stable storage refuses makes the writer `broken`: it takes nothing more, and the node has to restart.
    A server that went away in the middle of one is asked about it when it is back.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: deque[_Item] = deque()
        self._led = False
        self._closed = False
        self._counts = {"commits": 0, "works": 0, "failures": 0}
        self.broken = False
        self._unknown: set[int] = set()
        """Transactions of a server of which nobody knows yet whether they were committed."""
        self._kept: Connection | None = None
        self._used_at = 0.0
        self._calls: queue.Queue[_Call] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="index-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work`; returns when its transaction is on stable storage, raises what it raises."""
        item = _Item(work)
        if self._enter(item, awaited=True):
            self._lead()
        elif item.turn is not None:
            self._await(item, item.turn)
            if not item.future.done():
                self._lead()
        result: T = item.future.result()
        return result

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue `work` and do not wait; where too much waits already it fails at once with Busy."""
        item = _Item(work)
        if self._enter(item, awaited=False):
            self._calls.put(_Call.LEAD)
        return item.future

    @property
    def commits(self) -> int | None:
        """How many there were since the start: counted before who wrote is told. None where that is unknown."""
        return None if self.broken or self._unknown else self._counts["commits"]

    def statistics(self) -> dict[str, int]:
        """Counts since the start, and how many works wait now."""
        return {**self._counts, "waiting": len(self._waiting)}

    def close(self) -> None:
        """Run what is queued and end the thread."""
        with self._lock:
            led, closed = self._led, self._closed
            self._closed = True
        if not led and not closed:
            self._calls.put(_Call.END)
        self._thread.join()

    def _enter(self, item: _Item, *, awaited: bool) -> bool:
        """Let `item` wait; True where nobody leads, so that whoever brought it does from now on. Without a turn it is
        refused."""
        with self._lock:
            refusal: Exception
            if self.broken or self._closed:
                refusal = _no_more_writes()
            elif not awaited and len(self._waiting) >= WAITING_MAX:
                refusal = Busy("too much waits to be written to the index", "try again later")
            else:
                self._waiting.append(item)
                if not self._led:
                    self._led = True
                    return True
                if awaited:
                    item.turn = Future()
                return False
        self._fail([item], refusal)
        return False

    def _await(self, item: _Item, turn: Future[None]) -> None:
        """Until `item` is done or leads; where the wait is broken off the writer's thread leads in its place."""
        try:
            turn.result()
        except BaseException:
            with self._lock:
                item.turn = None
                leads = turn.done() and not item.future.done()
            if leads:
                self._calls.put(_Call.LEAD)
            raise

    def _lead(self) -> None:
        """Commit what waits, then let the next one lead."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        try:
            self._commit(batch)
        except BaseException:  # the thread is to end, at a place that nobody knows
            self.broken = True
            raise
        finally:
            self._used_at = time.monotonic()
            self._hand_on()
            for item in batch:
                if not item.future.done():
                    self._fail([item], _no_more_writes())
                turn = item.turn  # his wait may be broken off now
                if turn is not None and not turn.done():
                    turn.set_result(None)

    def _hand_on(self) -> None:
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._led = following is not None
            if following is None:
                call = _Call.END if self._closed else None
            elif following.turn is None:
                call = _Call.LEAD
            else:
                call = None
                following.turn.set_result(None)
        if call is not None:
            self._calls.put(call)

    def _run(self) -> None:
        """Lead for those who do not wait, and let go of a connection that nobody used for a moment."""
        while True:
            try:
                call = self._calls.get(timeout=None if self._kept is None else CONNECTION_KEPT_S)
            except queue.Empty:
                self._let_go_unused()
                continue
            if call is _Call.LEAD:
                self._lead()
            elif call is _Call.END:
                break
        self._let_go()

    def _let_go_unused(self) -> None:
        with self._lock:
            if self._led or time.monotonic() - self._used_at < CONNECTION_KEPT_S:
                return
            self._led = True
        self._let_go()
        self._hand_on()

    def _commit(self, batch: list[_Item], attempts: int = RACES_MAX) -> BaseException | None:
        """Run `batch` in one transaction; when it fails, each of its works in one of its own.

        Why the database is away, where it is: it is not asked again for the rest.
        """
        if self.broken:
            self._fail(batch, _no_more_writes())
            return None
        try:
            results = self._transaction(batch)
        except CommitUnknown as unknown:
            if self._engine.dialect.name == "postgresql":
                self._unknown.add(unknown.transaction_id)
            else:
                self.broken = True
            log.critical("index_commit_unknown", cause=str(unknown.__cause__), goes_on=not self.broken)
            self._fail(batch, COMMIT_UNKNOWN.refused())
        except _Gone:
            return self._commit(batch, attempts)
        except _Away as away:
            reason = away.__cause__ or away
            self._fail(batch, reason)
            return reason
        except Exception as error:
            if len(batch) == 1 and attempts > 1 and _lost_a_race(error):
                return self._commit(batch, attempts - 1)
            if len(batch) == 1:
                self._fail(batch, error)
            else:
                left = iter(batch)
                for item in left:
                    if (cause := self._commit([item])) is not None:
                        self._fail(left, cause)
                        return cause
        else:
            self._counts["commits"] += 1
            self._counts["works"] += len(batch)
            for item, result in zip(batch, results, strict=True):
                item.future.set_result(result)
        return None

    def _connect(self) -> Connection:
        """A connection that is known to be there; kept, since streams of works are the rule."""
        try:
            self._kept = self._engine.connect()
        except OperationalError as error:
            raise _Away from error
        self._calls.put(_Call.KEPT)
        return self._kept

    def _let_go(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _transaction(self, batch: Iterable[_Item]) -> list[Any]:
        was_kept = self._kept is not None
        connection = self._kept or self._connect()
        try:
            if self._unknown:
                self._learn_of_unknown(connection)
            transaction = connection.begin()
            try:
                results = [item.work(connection) for item in batch]
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
            raise CommitUnknown(transaction_id) from error
        deadline = time.monotonic() + UNKNOWN_COMMIT_WAIT_S
        while time.monotonic() < deadline:
            try:
                with self._engine.connect() as connection:
                    status = _status_of(connection, transaction_id)
            except OperationalError:
                status = "unreachable"
            if status == "committed":
                return True
            if status == "aborted":
                return False
            time.sleep(0.2)
        raise CommitUnknown(transaction_id) from error

    def _learn_of_unknown(self, connection: Connection) -> None:
        """Ask what became of transactions that nobody knew of; one that goes on still may yet be committed."""
        with connection.begin():
            for transaction_id in tuple(self._unknown):
                if _status_of(connection, transaction_id) != "in progress":
                    self._counts["commits"] += 1  # perhaps: whoever kept what the index said asks it again
                    self._unknown.discard(transaction_id)

    def _fail(self, batch: Iterable[_Item], error: BaseException) -> None:
        for item in batch:
            self._counts["failures"] += 1
            item.future.set_exception(_as_refusal(error))


def _transaction_id(connection: Connection) -> int:
    if connection.dialect.name != "postgresql":
        return 0
    return int(connection.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one())


def _status_of(connection: Connection, transaction_id: int) -> str | None:
    """What a server knows of a transaction; None for one so old that it has forgotten it."""
    return connection.execute(
        text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))"), {"id": str(transaction_id)}
    ).scalar_one_or_none()


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
    return isinstance(error, PendingRollbackError) or (_is_of_the_database(error) and trouble_of(error) is not None)


def _is_of_the_database(error: BaseException) -> bool:
    """Whether it is the driver's error, or SQLAlchemy's around it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(error, SQLAlchemyError) or hasattr(cause, "sqlite_errorname") or hasattr(cause, "sqlstate")


def _no_more_writes() -> ArrivalRefused:
    return INDEX_STOPPED.refused()


def _as_refusal(error: BaseException) -> BaseException:
    """The database's errors in our own words, the driver's own from a `Statement` too; a work's own as they are."""
    if not _is_of_the_database(error):
        return error
    trouble = trouble_of(error)
    refusal: Exception = (
        trouble.refused()
        if trouble is not None
        else ChangeNotTaken("the index did not take the change", "send again; if it goes on, see the node's log")
    )
    refusal.__cause__ = error
    log.error("index_write_failed", cause=str(error.orig if isinstance(error, DBAPIError) else error))
    return refusal


class Statement:
    """A statement compiled once a dialect and run on the driver's cursor: the hot path pays for no SQL building."""

    def __init__(self, element: ClauseElement) -> None:
        self._element = element
        self._compiled: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """The driver's cursor after execution; its rows are plain tuples."""
        driver: Any = connection.connection.driver_connection
        return driver.execute(*self.bound(connection.dialect, parameters))

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
