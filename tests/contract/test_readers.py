"""The short way to the index: the same answers, the same errors, and a database that went away comes back."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from pacs.index.engine import Index
from pacs.index.schema import ai_rule
from pacs.index.writer import Statement

NAMED = Statement(select(ai_rule.c.id, ai_rule.c.created_at).where(ai_rule.c.id == bindparam("id")))
BROKEN = Statement(text("SELECT nothing FROM nowhere"))


@pytest.fixture
def filled(index: Index) -> Index:
    index.write(lambda connection: connection.execute(insert(ai_rule).values(id="a", rule="{}", created_at=7)).close())
    return index


def test_rows_are_those_that_are_committed(filled: Index) -> None:
    assert filled.ask(NAMED, {"id": "a"}) == [("a", 7)]
    assert filled.ask(NAMED, {"id": "b"}) == []
    filled.write(lambda connection: connection.execute(insert(ai_rule).values(id="b", rule="", created_at=8)).close())
    assert filled.ask(NAMED, {"id": "b"}) == [("b", 8)]


def test_an_error_is_that_of_the_long_way(filled: Index) -> None:
    with pytest.raises(SQLAlchemyError, match="nowhere"):
        filled.ask(BROKEN, {})
    assert filled.ask(NAMED, {"id": "a"}) == [("a", 7)]


def test_many_threads_ask_at_once(filled: Index) -> None:
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(filled.ask(NAMED, {"id": "a"}) for _ in range(50)))
        for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[("a", 7)]] * 2000


def test_at_once_is_a_file_alone_and_tells_no_error(filled: Index) -> None:
    assert filled.ask_at_once(NAMED, {"id": "a"}) == ([("a", 7)] if filled.is_sqlite else None)
    assert filled.ask_at_once(BROKEN, {}) is None


def test_who_has_closed_it_may_close_it_again(filled: Index) -> None:
    filled.ask(NAMED, {"id": "a"})
    filled.ask_at_once(NAMED, {"id": "a"})
    filled.close()
    filled.close()
    assert filled.ask_at_once(NAMED, {"id": "a"}) is None


def test_connections_that_the_database_has_ended_are_made_anew(postgresql_url: str) -> None:
    index = Index(postgresql_url)
    index.migrate()
    try:
        assert index.ask(NAMED, {"id": "a"}) == []
        index.write(
            lambda connection: connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()"
                )
            ).close()
        )
        assert index.ask(NAMED, {"id": "a"}) == []
    finally:
        index.close()
