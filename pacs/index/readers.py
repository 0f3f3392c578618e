"""The short way to read: prepared statements on bare connections, for what is asked many times a second.

A statement alone is a snapshot of its own, so there is no transaction to begin and to end around it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

from pacs.index.writer import Statement

Row = tuple[Any, ...]


class Readers:
    """Bare read-only connections made by `connect`; at most `kept_max` idle ones are kept open. Thread safe."""

    def __init__(self, connect: Callable[[], Any], dialect: Dialect, kept_max: int) -> None:
        self._connect = connect
        self._dialect = dialect
        self._kept_max = kept_max
        self._idle: deque[Any] = deque()
        self._closed = False

    def ask(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """Every row of the answer. Raises SQLAlchemyError."""
        sql, values = statement.bound(self._dialect, parameters)
        while True:
            connection, fresh = self._take(sql)
            try:
                rows: list[Row] = connection.execute(sql, values).fetchall()
            except BaseException as error:
                gone = self._gone(connection, error)
                connection.close()
                if gone and not fresh:  # it stood idle while the database restarted
                    continue
                raise self._told(sql, error) from error
            self._give_back(connection)
            return rows

    def close(self) -> None:
        """Close what is idle now, and each of the others when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self, sql: str) -> tuple[Any, bool]:
        """A connection, and whether it is new; the last one used is the warmest."""
        try:
            return self._idle.pop(), False
        except IndexError:
            pass
        try:
            return self._connect(), True
        except Exception as error:
            raise self._told(sql, error) from error

    def _give_back(self, connection: Any) -> None:
        if self._closed or len(self._idle) >= self._kept_max:
            connection.close()
        else:
            self._idle.append(connection)

    def _gone(self, connection: Any, error: BaseException) -> bool:
        driver: Any = self._dialect.loaded_dbapi
        return isinstance(error, driver.Error) and self._dialect.is_disconnect(error, connection, None)

    def _told(self, sql: str, error: BaseException) -> BaseException:
        """The driver's error as SQLAlchemy raises it, which is what callers know."""
        driver: Any = self._dialect.loaded_dbapi
        if not isinstance(error, driver.Error):
            return error
        told: BaseException = DBAPIError.instance(
            sql, None, error, driver.Error, hide_parameters=True, dialect=self._dialect
        )
        return told


class AtOnce:
    """One connection for a thread that may not wait: a lock, or another caller at work, is no answer instead."""

    def __init__(self, connect: Callable[[], Any], dialect: Dialect) -> None:
        self._connect = connect
        self._connection: Any = None
        self._dialect = dialect
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row] | None:
        """Every row of the answer, None when it has to be asked for in another way."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._closed:
                return None
            if self._connection is None:
                self._connection = self._connect()
            rows: list[Row] = self._connection.execute(*statement.bound(self._dialect, parameters)).fetchall()
        except Exception:  # who asks again with patience is told what is wrong
            return None
        finally:
            self._lock.release()
        return rows

    def close(self) -> None:
        """Wait for who is at work, and close it for good."""
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
