"""The index: can it be opened, is it durable, is it sound, and of which release is it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text

from pacs.doctor.finding import Finding, unseen, well, wrong
from pacs.doctor.look import Look
from pacs.errors import SuretError
from pacs.index.migrations import pending

LOOKED_THROUGH_BYTES_MAX = 1 << 30
"""A larger file is not read page by page here; `pacs verify` does it."""


def opened(look: Look) -> Iterator[Finding]:
    """Can it be opened, and is it of this release?"""
    if look.index is None:
        if look.has_archive:
            yield wrong(f"the index cannot be opened: {look.index_trouble}", "check PACS_DATABASE and its disk")
        else:
            yield unseen(look.index_trouble, "start the node once")
        return
    try:
        current, _ = look.index.revision()
        with look.index.read() as connection:
            waiting = pending(connection)
    except SuretError as error:
        yield wrong(error.message, error.hint)
        return
    if waiting:
        yield wrong(f"the index is not of this release: {waiting}", "stop the node and run `pacs migrate`")
    else:
        yield well(f"the index can be opened and is of this release (revision {current})")


def durable(look: Look) -> Iterator[Finding]:
    """Does it keep what it has committed?"""
    if look.index is None:
        return
    with look.index.read() as connection:
        yield from _sqlite(look, connection) if look.index.is_sqlite else _postgresql(connection)


def _sqlite(look: Look, connection: Connection) -> Iterator[Finding]:
    assert look.index is not None
    version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if mode != "wal" and look.index.revision()[0]:
        yield wrong(f"the index has the journal mode {mode}", "start the node: it sets write-ahead logging")
    else:
        yield well(f"SQLite {version} with write-ahead log; the node writes it with synchronous=FULL")
    file = Path(look.index.url.database or "")
    if file.stat().st_size > LOOKED_THROUGH_BYTES_MAX:
        return
    if damage := look.index.damage():
        yield wrong(f"the file of the index is damaged: {damage[0]}", "docs/operations.md, “A damaged index”")
    else:
        yield well("the file of the index is sound")


DURABLE_SETTINGS = {
    "fsync": "a power cut may destroy the whole database",
    "full_page_writes": "a power cut may tear pages",
    "data_checksums": "rotten pages are not noticed",
}
"""PostgreSQL's settings that have to be on, and why."""

_REMEDIES = {"data_checksums": "stop the server and run pg_checksums --enable"}


def _postgresql(connection: Connection) -> Iterator[Finding]:
    off = [name for name in DURABLE_SETTINGS if connection.execute(text(f"SHOW {name}")).scalar_one() != "on"]
    for name in off:
        remedy = _REMEDIES.get(name, f"set {name} = on in postgresql.conf and reload")
        yield wrong(f"PostgreSQL has {name} off: {DURABLE_SETTINGS[name]}", remedy)
    # of the server, not of our own sessions, which always ask for it
    waits = connection.execute(
        text("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_standby_names'")
    ).scalar_one()
    if not off:
        kept = "and on its standbys" if waits else "on its own disk"
        yield well(f"PostgreSQL keeps what it has committed, {kept}")
