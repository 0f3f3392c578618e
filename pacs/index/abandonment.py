"""Ends a statement that nobody waits for any more: both databases stop one when another thread asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Abandonment = Callable[[], bool]
"""Whether nobody wants the answer any more; asked from a thread of its own while a statement runs."""

LOOKED_FOR_EVERY_S: Final = 0.2
_ASKED_AGAIN_S: Final = 0.05  # a statement that is just about to begin is not hit


class Abandoned(Exception):
    """Nobody wants the answer any more."""


@contextmanager
def abandonable(connection: Connection, abandoned: Abandonment) -> Iterator[None]:
    """Statements within the block end early once `abandoned` says so, with Abandoned, or with what it raised itself."""
    ended, why = threading.Event(), list[BaseException]()

    def watch() -> None:
        while not ended.wait(LOOKED_FOR_EVERY_S):
            try:
                if abandoned():
                    why.append(Abandoned())
            except Exception as error:
                why.append(error)
            if why:
                break
        while not ended.wait(_ASKED_AGAIN_S):
            _stop(connection)

    watching = threading.Thread(target=watch, name="abandonment", daemon=True)
    watching.start()
    try:
        yield
    except DBAPIError:
        if not why:
            raise
    finally:
        ended.set()
        watching.join()
    if why:
        raise why[0]


def _stop(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    (driver.interrupt if connection.dialect.name == "sqlite" else driver.cancel)()
