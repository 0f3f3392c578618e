"""Broken nodes: each mutant breaks the promise in one way, and a rig which does not see it is broken itself.

    python -m tests.faults.mutants success-before-commit serve      the node, spoiled

They patch the seams of the product (os.fsync, ObjectStore.put, Index.write, the pragmas, the keys), for the whole
process and for good, so they are applied only in processes of their own.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from pacs.archive import recovery, rows
from pacs.archive.events import EventLog
from pacs.archive.hasher import Hasher
from pacs.archive.keys import ArrivalOrder
from pacs.archive.spool import Spool
from pacs.index import engine
from pacs.index.engine import Index
from pacs.index.writer import Statement
from storage import filesystem
from storage.filesystem import FolderStore

LATE_S = 0.03
REUSED_EVERY = 7


def no_fsync() -> None:
    """Files are never synced."""
    _sync_only_when(lambda mode: not stat.S_ISREG(mode))


def no_directory_fsync() -> None:
    """Directories are never synced, so names may go."""
    _sync_only_when(lambda mode: not stat.S_ISDIR(mode))


def wal_normal() -> None:
    """SQLite as most run it: commits survive a kill and not a power cut."""
    pragmas = tuple(pragma.replace("=FULL", "=NORMAL") for pragma in engine.WRITER_PRAGMAS)
    engine.WRITER_PRAGMAS = pragmas  # type: ignore[assignment]
    engine.SYNCHRONOUS_FULL = 1


def success_before_commit() -> None:
    """The answer is given when the object is put and the statements have run; the commit follows."""
    write = Index.write

    def spoiled(self: Index, work: Callable[[Any], Any]) -> Any:
        early = Future[Any]()

        def working(connection: Any) -> Any:
            result = work(connection)
            if not early.done():
                early.set_result(result)
            time.sleep(LATE_S)
            return result

        def writing() -> None:
            try:
                write(self, working)
            except Exception as error:
                if not early.done():
                    early.set_exception(error)

        threading.Thread(target=writing).start()
        return early.result()

    Index.write = spoiled  # type: ignore[method-assign]


def publish_before_commit() -> None:
    """The row is committed before the object is put (the published object is not there yet)."""
    write, put = Index.write, FolderStore.put
    waiting: dict[int, Callable[[], None]] = {}

    def late_put(self: FolderStore, *arguments: Any, **options: Any) -> None:
        waiting[threading.get_ident()] = lambda: put(self, *arguments, **options)

    def spoiled(self: Index, work: Callable[[Any], Any]) -> Any:
        try:
            result = write(self, work)
        finally:
            put_now = waiting.pop(threading.get_ident(), None)
        if put_now is not None:
            time.sleep(LATE_S / 10)
            put_now()
        return result

    FolderStore.put = late_put  # type: ignore[method-assign]
    Index.write = spoiled  # type: ignore[method-assign]


def event_in_a_second_transaction() -> None:
    """The event row is written after the commit of what it tells."""
    append, late = EventLog.append, _second_transaction()
    EventLog.append = staticmethod(  # type: ignore[method-assign, assignment]
        lambda _connection, *arguments, **options: late.append(lambda now: append(now, *arguments, **options))
    )


def counters_in_a_second_transaction() -> None:
    """What a series and a study hold is counted after the commit of what is counted."""
    late = _second_transaction()

    class Late(Statement):
        def run(self, connection: Any, parameters: Any) -> Any:
            late.append(lambda now: Statement.run(self, now, parameters).close())
            return io.BytesIO()  # has a close, as a cursor

    rows.COUNT_SERIES.__class__ = rows.COUNT_STUDY.__class__ = Late


def _second_transaction() -> list[Callable[[Any], Any]]:
    """What a work appends here runs in a transaction of its own after the work's commit."""
    write = Index.write
    appended: list[Callable[[Any], Any]] = []

    def spoiled(self: Index, work: Callable[[Any], Any]) -> Any:
        late: list[Callable[[Any], Any]] = []

        def working(connection: Any) -> Any:
            appended.clear()
            result = work(connection)
            late[:] = appended
            return result

        result = write(self, working)
        if late:
            self.submit(lambda connection: [one(connection) for one in late])
        return result

    Index.write = spoiled  # type: ignore[method-assign]
    return appended


def key_reuse() -> None:
    """Every seventh object gets the key of an earlier one, and the file system is not told to refuse."""
    following = ArrivalOrder.next
    given: list[Any] = []
    lock = threading.Lock()

    def spoiled(self: ArrivalOrder) -> Any:
        with lock:
            given.append(following(self))
            return given[-1] if len(given) % REUSED_EVERY else given[-1 - REUSED_EVERY // 2]

    def replacing(file: Path, directory: int, name: str) -> None:
        os.rename(file, name, dst_dir_fd=directory)

    FolderStore.check = lambda self: None  # type: ignore[method-assign]  # it would refuse to start
    ArrivalOrder.next = spoiled  # type: ignore[method-assign]
    filesystem.move_without_replacement = replacing


def retry_fsync() -> None:
    """A failed fsync is tried again, and the kernel, which has forgotten the lost pages, says yes."""
    sync = os.fsync

    def spoiled(descriptor: int) -> None:
        try:
            sync(descriptor)
        except OSError:
            sync(descriptor)

    os.fsync = spoiled  # type: ignore[assignment]


def short_write_ignored() -> None:
    """What write says it did not take is forgotten."""
    write = os.write

    def spoiled(descriptor: int, data: Any) -> int:
        write(descriptor, data)
        return len(data)

    os.write = spoiled


def recovery_deletes() -> None:
    """A start that takes the newest object for a leftover of the crash, without asking the index."""

    def spoiled(archive: Any, **_options: Any) -> None:
        for key in list(archive.store.list())[-1:]:
            archive.store.delete(key)

    recovery.recover = spoiled  # type: ignore[assignment]


def hash_before_the_last_bytes() -> None:
    """A large image is hashed elsewhere from the moment when enough of it has come."""
    append, begin = Spool.append, Spool.begin_hash
    begun: dict[int, Any] = {}

    def appended(self: Spool, data: Any) -> None:
        append(self, data)
        if id(self) not in begun and (hasher := begin(self)) is not None:
            begun[id(self)] = hasher

    Spool.append = appended  # type: ignore[method-assign]
    Spool.begin_hash = lambda self: begun.pop(id(self), None)  # type: ignore[method-assign]


def digest_of_a_dead_hasher() -> None:
    """Where the hasher has died, what lies in the answer's place is taken for its digest."""
    end = Hasher.end
    Hasher.end = lambda self: end(self) or bytes(32).hex()  # type: ignore[method-assign]


def hash_of_what_was_lent_on() -> None:
    """The memory is given to the next arrival when its bytes are in the file, and the hash comes after."""
    settle, begin, end = Spool.settle, Hasher.begin, Hasher.end
    asked: dict[int, tuple[int, int]] = {}

    def begun(self: Hasher, place: int, length: int) -> bool:
        asked[threading.get_ident()] = (place, length)
        return begin(self, place, length)

    def settled(self: Spool, store: Any) -> None:
        settle(self, store)
        lent, self._lent = self._lent, None
        if lent is not None:
            self._buffers.give_back(lent)

    def ended(self: Hasher) -> str | None:
        end(self)
        time.sleep(LATE_S)
        return end(self) if begin(self, *asked[threading.get_ident()]) else None

    Spool.settle, Hasher.begin, Hasher.end = settled, begun, ended  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "no-fsync": no_fsync,
    "no-directory-fsync": no_directory_fsync,
    "wal-normal": wal_normal,
    "success-before-commit": success_before_commit,
    "publish-before-commit": publish_before_commit,
    "event-in-a-second-transaction": event_in_a_second_transaction,
    "counters-in-a-second-transaction": counters_in_a_second_transaction,
    "key-reuse": key_reuse,
    "retry-fsync": retry_fsync,
    "short-write-ignored": short_write_ignored,
    "recovery-deletes": recovery_deletes,
    "hash-before-the-last-bytes": hash_before_the_last_bytes,
    "digest-of-a-dead-hasher": digest_of_a_dead_hasher,
    "hash-of-what-was-lent-on": hash_of_what_was_lent_on,
}


def apply(name: str) -> None:
    """Spoil this process with the mutant `name`; "" leaves it as it is."""
    if name:
        MUTANTS[name]()


def _sync_only_when(wanted: Callable[[int], bool]) -> None:
    sync = os.fsync

    def spoiled(descriptor: int) -> None:
        if wanted(os.fstat(descriptor).st_mode):
            sync(descriptor)

    os.fsync = spoiled  # type: ignore[assignment]


def main() -> None:
    """`pacs`, spoiled by the mutant that the first argument names."""
    from pacs import cli

    apply(sys.argv.pop(1))
    cli.main()


if __name__ == "__main__":
    main()
