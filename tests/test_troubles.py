"""The table of troubles: what each error of a disk, of SQLite and of PostgreSQL amounts to, and what is none."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import OperationalError

from pacs.errors import OutOfResources, StoreFailed
from pacs.troubles import TROUBLES, WORDS_CHARACTERS_MAX, trouble_of
from storage.errors import StorageFailed, StorageFull

OUT_OF_RESOURCES = 0xA700


def _of_sqlite(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("told")
    error.sqlite_errorname = name  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        *((OSError(number, os.strerror(number)), "no_room") for number in (errno.ENOSPC, errno.EDQUOT)),
        *((OSError(number, os.strerror(number)), "read_only") for number in (errno.EROFS, errno.EACCES)),
        *((OSError(number, os.strerror(number)), "disk_failed") for number in (errno.EIO, errno.ENXIO, errno.ESTALE)),
        *((OSError(number, os.strerror(number)), "too_many_files") for number in (errno.EMFILE, errno.ENFILE)),
        (OSError(errno.ENOMEM, "no"), "no_memory"),
        (MemoryError(), "no_memory"),
        (StorageFailed("the service said no"), "store_failed"),
        (StorageFull("the service has no room"), "no_room"),
        (RuntimeError("can't start new thread"), "no_memory"),
        (_of_sqlite("SQLITE_FULL"), "no_room"),
        (_of_sqlite("SQLITE_IOERR_SHORT_READ"), "disk_failed"),
        (_of_sqlite("SQLITE_READONLY_DBMOVED"), "read_only"),
        (_of_sqlite("SQLITE_BUSY_SNAPSHOT"), "index_held"),
        (_of_sqlite("SQLITE_LOCKED"), "index_held"),
        (_of_sqlite("SQLITE_CANTOPEN"), "index_not_opened"),
        (_of_sqlite("SQLITE_CORRUPT_INDEX"), "index_unreadable"),
        (_of_sqlite("SQLITE_NOTADB"), "index_unreadable"),
        (_of_sqlite("SQLITE_NOMEM"), "no_memory"),
        (errors.DiskFull(), "no_room"),
        (errors.OutOfMemory(), "no_memory"),
        (errors.TooManyConnections(), "database_away"),
        (errors.AdminShutdown(), "database_away"),
        (errors.CannotConnectNow(), "database_away"),
        (errors.ConnectionFailure(), "database_away"),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "database_away"),
        (errors.QueryCanceled(), "index_held"),
        (errors.LockNotAvailable(), "index_held"),
        (errors.DeadlockDetected(), "index_held"),
        (errors.IoError(), "disk_failed"),
        (errors.DataCorrupted(), "index_unreadable"),
        (errors.ReadOnlySqlTransaction(), "read_only"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{type(value).__name__} {value}"[:40],
)
def test_an_error_is_known_by_itself_and_through_what_is_around_it(error: Exception, code: str) -> None:
    around = StorageFailed("around")
    around.__cause__ = error
    for told in (error, OperationalError("SELECT 1", {}, error), around):
        trouble = trouble_of(told)
        assert trouble is not None
        assert trouble.code == code
        assert trouble_of(trouble.refused("in other words")) is trouble


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours"),
        RuntimeError("ours"),
        FileNotFoundError(errno.ENOENT, "no"),
        _of_sqlite("SQLITE_CONSTRAINT_UNIQUE"),
        errors.UniqueViolation(),
        errors.UndefinedTable(),
        psycopg.ProgrammingError("ours"),
        StoreFailed("of no row"),
        KeyError("code"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_our_own_mistakes_are_no_troubles(error: Exception) -> None:
    assert trouble_of(error) is None


def test_what_the_sender_hears_fits_an_error_comment_and_passes() -> None:
    for code, trouble in TROUBLES.items():
        refusal = trouble.refused()
        assert refusal.code == code == trouble.code
        assert refusal.status == OUT_OF_RESOURCES
        assert "send again" in refusal.message
        assert len(refusal.message) <= WORDS_CHARACTERS_MAX
        assert refusal.message.isascii()
        assert refusal.hint
        assert isinstance(refusal, OutOfResources) == (code == "no_room")


def test_operators_read_the_same_table() -> None:
    said = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
    rows = [f"| `{code}` | {trouble.words} |" for code, trouble in TROUBLES.items()]
    assert [row for row in rows if row not in said] == []


def test_sqlite_itself_names_its_errors(tmp_path: Path) -> None:
    """The names in the table are those that the driver gives."""

    def met(work: Any) -> str:
        with pytest.raises(sqlite3.Error) as raised:
            work()
        trouble = trouble_of(raised.value)
        assert trouble is not None
        return trouble.code

    file = tmp_path / "index.db"
    first, second = (sqlite3.connect(file, isolation_level=None, timeout=0) for _ in range(2))
    first.execute("CREATE TABLE t (x)")
    first.execute("BEGIN IMMEDIATE")
    assert met(lambda: second.execute("BEGIN IMMEDIATE")) == "index_held"
    first.execute("ROLLBACK")
    first.execute("PRAGMA max_page_count=3")
    assert met(lambda: first.execute("INSERT INTO t VALUES (zeroblob(100000))")) == "no_room"
    second.execute("PRAGMA query_only=ON")
    assert met(lambda: second.execute("INSERT INTO t VALUES (1)")) == "read_only"
    first.close()
    second.close()
    assert met(lambda: sqlite3.connect(tmp_path / "none" / "index.db")) == "index_not_opened"
    file.write_bytes(b"no database" * 1000)
    assert met(lambda: sqlite3.connect(file).execute("SELECT * FROM t")) == "index_unreadable"
