"""What the index promises on both databases: shared transactions, isolation of failures, one schema."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from pacs.errors import NodeFailed
from pacs.index.abandonment import Abandoned
from pacs.index.engine import Index
from pacs.index.schema import ai_rule, metadata


def _rule(connection: Connection, name: str) -> str:
    connection.execute(insert(ai_rule).values(id=name, rule="{}", created_at=0))
    return name


def _rules(index: Index) -> list[str]:
    with index.read() as connection:
        return list(connection.execute(select(ai_rule.c.id).order_by(ai_rule.c.id)).scalars())


def test_the_revisions_make_the_schema_of_the_code(index: Index) -> None:
    with index.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_write_is_read_by_everybody_afterwards(index: Index) -> None:
    assert index.write(lambda connection: _rule(connection, "a")) == "a"
    assert _rules(index) == ["a"]


def test_a_reader_keeps_its_snapshot_and_cannot_write(index: Index) -> None:
    with index.read() as connection:
        assert connection.execute(select(func.count()).select_from(ai_rule)).scalar_one() == 0
        index.write(lambda other: _rule(other, "a"))
        assert connection.execute(select(func.count()).select_from(ai_rule)).scalar_one() == 0
        with pytest.raises(Exception, match=r"(?i)read-?\s?only"):
            _rule(connection, "b")


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"


def test_a_statement_that_nobody_waits_for_any_more_ends(index: Index) -> None:
    gone = threading.Event()
    threading.Timer(0.3, gone.set).start()
    with pytest.raises(Abandoned), index.read(gone.is_set) as connection:
        connection.execute(text(ENDLESS))
    index.write(lambda connection: _rule(connection, "a"))
    assert _rules(index) == ["a"], "connections are as good as before"


def test_what_is_found_out_while_a_statement_runs_is_raised(index: Index) -> None:
    def hung_up() -> bool:
        raise ConnectionResetError("the caller hung up")

    with pytest.raises(ConnectionResetError), index.read(hung_up) as connection:
        connection.execute(text(ENDLESS))


def test_a_statement_that_is_waited_for_comes_to_its_end_and_its_mistakes_are_told(index: Index) -> None:
    with index.read(lambda: False) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    with pytest.raises(DBAPIError), index.read(lambda: False) as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_works_that_wait_together_share_one_commit(index: Index) -> None:
    running, hold = threading.Event(), threading.Event()
    first = index.submit(lambda connection: (running.set(), hold.wait(10)))
    assert running.wait(10)
    waiting = [index.submit(lambda connection, n=n: _rule(connection, f"r{n:02}")) for n in range(20)]
    before = index.statistics()["commits"]
    hold.set()
    first.result(10)
    assert [future.result(10) for future in waiting] == [f"r{n:02}" for n in range(20)]
    assert index.statistics()["commits"] - before == 2


def test_a_work_that_fails_does_not_fail_its_neighbours(index: Index) -> None:
    running, hold = threading.Event(), threading.Event()
    first = index.submit(lambda connection: (running.set(), hold.wait(10)))
    assert running.wait(10)

    def fail(connection: Connection) -> None:
        _rule(connection, "half")
        raise ValueError("mine alone")

    works: list[Future[object]] = [
        index.submit(lambda connection: _rule(connection, "a")),
        index.submit(fail),
        index.submit(lambda connection: _rule(connection, "b")),
        index.submit(lambda connection: _rule(connection, "a")),  # taken: the database refuses it
    ]
    hold.set()
    first.result(10)
    assert works[0].result(10) == "a"
    with pytest.raises(ValueError, match="mine alone"):
        works[1].result(10)
    assert works[2].result(10) == "b"
    assert works[3].exception(10) is not None
    assert _rules(index) == ["a", "b"]


def test_text_is_ordered_by_code_point_on_both(index: Index) -> None:
    names = ["b", "Á", "a", "Ә", "B", "_", "А"]
    for name in names:
        index.write(lambda connection, name=name: _rule(connection, name))
    assert _rules(index) == sorted(names)


def test_an_index_of_a_newer_release_is_refused(index: Index) -> None:
    index.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(NodeFailed, match="newer release"):
        index.migrate()
    with pytest.raises(NodeFailed, match="not of this release"):
        index.check_migrated()


def test_migrating_twice_changes_nothing(index: Index) -> None:
    index.write(lambda connection: _rule(connection, "kept"))
    index.migrate()
    assert _rules(index) == ["kept"]


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(NodeFailed, match="there is no index"):
        Index(f"sqlite:///{tmp_path / 'none.db'}", read_only=True)
    with pytest.raises(NodeFailed, match="PACS_DATABASE"):
        Index("postgresql+psycopg://nobody:secret@127.0.0.1:9/none")


def test_a_password_is_never_in_the_message() -> None:
    with pytest.raises(NodeFailed) as caught:
        Index("postgresql+psycopg://nobody:very-secret@127.0.0.1:9/none")
    assert "very-secret" not in str(caught.value)
