"""Copies of a whole index: taken beside whoever writes it, as of one moment, durable on return; and put back.

SQLite: a file (VACUUM INTO). PostgreSQL: a dump in pg_dump's custom format, made by the programs of its client package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from pacs.errors import NodeFailed
from pacs.index.engine import Index, lift_time_limits, sqlite_connection
from storage.directories import sync_directory

SQLITE_NAME, POSTGRESQL_NAME = "index.db", "index.dump"
ERROR_CHARACTERS_MAX = 500


def copy_name(index: Index) -> str:
    """What a copy of this kind of index is called."""
    return SQLITE_NAME if index.is_sqlite else POSTGRESQL_NAME


@contextmanager
def snapshot(index: Index, file: Path) -> Iterator[Connection]:
    """Copy `index` to `file`, which is not there yet; a connection that sees exactly what was copied.

    Raises NodeFailed.
    """
    if index.is_sqlite:
        _copy_sqlite(Path(index.url.database or ""), file)
        copied = Index(f"sqlite:///{file.absolute()}", read_only=True)
        try:
            with copied.read() as connection:
                yield connection
        finally:
            copied.close()
        return
    with index.read() as connection:
        lift_time_limits(connection)
        moment = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        _run_postgresql("pg_dump", index.url, "--format=custom", f"--snapshot={moment}", f"--file={file}")
        _sync(file)
        yield connection


def copy(index: Index, file: Path) -> None:
    """Copy `index` to `file`, putting it in the place of what is there. Raises NodeFailed."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    with snapshot(index, fresh):
        pass
    for leftover in ("-shm", "-wal"):  # of looking at it
        fresh.with_name(fresh.name + leftover).unlink(missing_ok=True)
    fresh.replace(file)
    sync_directory(file.parent)


def put_back_sqlite(copied: Path, file: Path) -> None:
    """Put a copy in the place of `file`, where none is. Raises NodeFailed when it is not sound, OSError."""
    looked_at = Index(f"sqlite:///{copied.absolute()}", read_only=True)
    try:
        damage = looked_at.damage()
    finally:
        looked_at.close()
    if damage:
        raise NodeFailed(f"the copy {copied} is damaged: {damage[0]}", "take an older one")
    fresh = file.with_name(f"{file.name}.new")
    shutil.copyfile(copied, fresh)
    _sync(fresh)
    fresh.rename(file)
    sync_directory(file.parent)


def put_back_postgresql(copied: Path, index: Index) -> None:
    """Load a dump into the empty database of `index`, whole or not at all. Raises NodeFailed."""
    with index.read() as connection:
        if inspect(connection).has_table("alembic_version"):
            raise NodeFailed("the database holds an index already", "name a new, empty database in PACS_DATABASE")
    _run_postgresql("pg_restore", index.url, "--single-transaction", "--exit-on-error", str(copied))


def _copy_sqlite(source: Path, file: Path) -> None:
    try:
        connection = sqlite_connection(f"file:{source}?mode=ro")
        try:
            connection.execute("VACUUM INTO ?", (str(file),))
        finally:
            connection.close()
        _sync(file)
    except (SQLAlchemyError, OSError) as error:
        raise NodeFailed(f"the index was not copied to {file}: {error}", "see whether there is room") from error
    except Exception as error:  # the driver's
        raise NodeFailed(f"the index was not copied to {file}: {error}", "see whether there is room") from error


def _run_postgresql(program: str, url: URL, *arguments: str) -> None:
    if shutil.which(program) is None:
        raise NodeFailed(f"{program} is not installed here", "install PostgreSQL's client: postgresql-client")
    plain = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, {**url.query}
    ).render_as_string()
    done = subprocess.run(  # noqa: S603 - no shell, and nothing in it comes from outside the settings
        [program, "--no-owner", "--no-privileges", f"--dbname={plain}", "--no-password", *arguments],
        env={**os.environ, **({"PGPASSWORD": url.password} if url.password else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip()[-ERROR_CHARACTERS_MAX:]
        raise NodeFailed(f"{program} failed: {said}", "its version has to be the server's or newer")


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(file.parent)
