"""The single writer on its bad days: connections cut around COMMIT, a disk that is full."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text

from pacs.errors import OutOfResources, StoreFailed
from pacs.index.engine import Index
from pacs.index.schema import ai_rule
from pacs.index.writer import Statement


@pytest.fixture
def postgresql_index(postgresql_url: str) -> Iterator[Index]:
    index = Index(postgresql_url)
    index.migrate()
    yield index
    index.close()


def _rule(connection: Connection, name: str, text_: str = "{}") -> str:
    connection.execute(insert(ai_rule).values(id=name, rule=text_, created_at=0))
    return name


def _rules(index: Index) -> list[str]:
    with index.read() as connection:
        return list(connection.execute(select(ai_rule.c.id).order_by(ai_rule.c.id)).scalars())


def _cut(connection: Any) -> None:
    """Cut the TCP connection under the driver, as a switch that reboots does."""
    wire = socket.socket(fileno=os.dup(connection.pgconn.socket))
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()


def _once_at_commit(index: Index, deed: Callable[[Any], None]) -> None:
    deeds = [deed]

    def on_commit(connection: Connection) -> None:
        if deeds:
            deeds.pop()(connection.connection.driver_connection)

    event.listen(index._writing, "commit", on_commit)


def test_a_commit_that_never_arrived_is_a_failure_and_leaves_nothing(postgresql_index: Index) -> None:
    _once_at_commit(postgresql_index, _cut)
    with pytest.raises(StoreFailed):
        postgresql_index.write(lambda connection: _rule(connection, "cut"))
    assert _rules(postgresql_index) == []
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"
    assert not postgresql_index.broken


def test_a_commit_whose_answer_was_lost_is_a_success(postgresql_index: Index) -> None:
    def commit_and_cut(connection: Any) -> None:
        connection.execute("COMMIT")
        _cut(connection)

    _once_at_commit(postgresql_index, commit_and_cut)
    assert postgresql_index.write(lambda connection: _rule(connection, "kept")) == "kept"
    assert _rules(postgresql_index) == ["kept"]
    assert not postgresql_index.broken


def test_a_session_that_is_ended_inside_a_work_fails_that_work_alone(postgresql_index: Index) -> None:
    def ended(connection: Connection) -> None:
        _rule(connection, "half")
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreFailed):
        postgresql_index.write(ended)
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"
    assert _rules(postgresql_index) == ["next"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=True, timeout=30)
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=30)


def test_a_full_disk_is_said_in_words_and_passes(small_disk: Path) -> None:
    index = Index(f"sqlite:///{small_disk / 'index.db'}")
    try:
        index.migrate()
        refusal = _fill(index)
        assert "no room" in str(refusal)
        assert not index.broken
        kept = _rules(index)
        assert kept == [f"r{n:03}" for n in range(len(kept))]
        subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True, timeout=30)
        assert index.write(lambda connection: _rule(connection, "after")) == "after"
    finally:
        index.close()


def _fill(index: Index) -> OutOfResources:
    for number in range(100):
        try:
            index.write(lambda connection, n=number: _rule(connection, f"r{n:03}", "x" * 100_000))
        except OutOfResources as refusal:
            return refusal
    raise AssertionError("3 MiB took 10 MB")


def test_what_the_driver_says_to_a_compiled_statement_is_a_refusal_too(tmp_path: Path) -> None:
    rule = Statement(insert(ai_rule).values(id="once", rule="{}", created_at=0))
    index = Index(f"sqlite:///{tmp_path / 'index.db'}")
    try:
        index.migrate()
        index.write(lambda connection: rule.run(connection, {}).close())
        with pytest.raises(StoreFailed):
            index.write(lambda connection: rule.run(connection, {}).close())
        assert _rules(index) == ["once"]
    finally:
        index.close()
