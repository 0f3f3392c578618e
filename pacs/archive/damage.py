"""Objects that a read could not get: looked at whole, and marked by what they show, so that none is served as good.

The mark is no verdict for ever. A disk that was away for a while makes objects look missing, so what is marked is
looked at again, and a re-send of the same data set puts a new object in its place (registration).
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, select, update

from pacs.archive.digests import Pace, at_once
from pacs.archive.events import EventLog
from pacs.archive.proof import proven
from pacs.archive.rows import RECORDED_COLUMNS, recorded
from pacs.errors import NotFound
from pacs.index.schema import instance
from pacs.model import HIDDEN, EventKind, StorageState

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

log = structlog.get_logger()

DOUBTS_MAX = 10_000
TAKE_S = 0.5
FAILURE_PAUSE_S = 5.0


class Doubts:
    """Keys of objects that somebody has to look at, each once, in order. Safe to use from many threads."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}
        self._news = threading.Condition()

    def add(self, object_key: str) -> None:
        """Never waits. Of a flood of them some are forgotten: the next failed read brings them again."""
        with self._news:
            if len(self._waiting) < DOUBTS_MAX:
                self._waiting[object_key] = None
                self._news.notify()

    def take(self, timeout_s: float) -> str | None:
        """The one that has waited longest; None when none has come within `timeout_s`."""
        with self._news:
            if not self._news.wait_for(lambda: bool(self._waiting), timeout_s):
                return None
            object_key = next(iter(self._waiting))
            del self._waiting[object_key]
            return object_key


def prove(archive: Archive, object_key: str, pace: Pace = at_once) -> StorageState | None:
    """Read the object whole, past the page cache, and mark its row by what it shows; None, and no mark, where storage
    could not tell.

    Raises NotFound where no row names it, StoreFailed when the index does not take the mark, and what `pace` raises.
    """
    named = select(instance.c.storage, *RECORDED_COLUMNS).where(
        instance.c.object_key == object_key, instance.c.state.not_in(HIDDEN)
    )
    with archive.index.read() as connection:
        row = connection.execute(named).one_or_none()
    if row is None:
        raise NotFound(f"no row names the object {object_key}", "`pacs verify` tells which objects are named")
    state = proven(archive.store, recorded(row[1:]), afresh=True, pace=pace)
    if state is not None and state != row.storage:
        marked = archive.index.write(lambda connection: _mark(connection, object_key, state, archive.clock()))
        if marked:
            log.warning("object_marked", object_key=object_key, storage=state.value)
            archive.events.announce()
    return state


def _mark(connection: Connection, object_key: str, state: StorageState, now: datetime) -> bool:
    # By the key, not the row: a re-send that healed it meanwhile has given the row another object.
    mark = (
        update(instance)
        .where(instance.c.object_key == object_key, instance.c.storage != state.value)
        .values(storage=state.value)
        .returning(instance.c.study_instance_uid, instance.c.series_instance_uid, instance.c.sop_instance_uid)
    )
    marked = connection.execute(mark).one_or_none()
    if marked is not None and state is StorageState.DAMAGED:
        EventLog.append(connection, now, EventKind.INSTANCE_DAMAGED, **marked._mapping)
    return marked is not None


def doubt_damaged(archive: Archive) -> int:
    """Put every object that is marked damaged up for another look; how many they are."""
    damaged = select(instance.c.object_key).where(instance.c.storage == StorageState.DAMAGED.value)
    with archive.index.read() as connection:
        keys = list(connection.execute(damaged.limit(DOUBTS_MAX)).scalars())
    for object_key in keys:
        archive.doubts.add(object_key)
    return len(keys)


class Prover:
    """One thread that looks at what is in doubt, beside everything else a node does."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prover", daemon=True)

    def start(self) -> None:
        """Begin; it goes on until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End after the object at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            object_key = self._archive.doubts.take(TAKE_S)
            if object_key is None:
                continue
            try:
                prove(self._archive, object_key)
            except NotFound:
                pass  # a re-send has healed it, so nothing names the old object any more
            except Exception as error:
                log.error("doubt_not_resolved", object_key=object_key, cause=str(error))
                self._stopping.wait(FAILURE_PAUSE_S)
