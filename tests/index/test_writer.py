"""The single writer on its bad days: connections cut around COMMIT, a disk that is full."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog.testing
from sqlalchemy import Connection, bindparam, event, insert, select, text
from sqlalchemy.engine import make_url

from pacs.errors import Busy, OutOfResources, StoreFailed
from pacs.index import writer
from pacs.index.engine import Index
from pacs.index.schema import ai_rule
from pacs.index.writer import BATCH_MAX, Statement
from tests.faults.commit_relay import CommitRelay, Cut
from tests.support.archives import full_queue
from tests.support.dimse import wait_until


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


def test_a_commit_whose_answer_was_lost_is_a_success(postgresql_index: Index, postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    with CommitRelay(url.port or 0) as relay:
        plain = {"sslmode": "disable", "gssencmode": "disable"}  # the relay reads along
        through = Index(url.set(port=relay.port).update_query_dict(plain).render_as_string(hide_password=False))
        try:
            relay.arm(Cut())
            assert through.write(lambda connection: _rule(connection, "kept")) == "kept"
            assert not relay.armed
            assert not through.broken
        finally:
            through.close()
    assert _rules(postgresql_index) == ["kept"]


def test_a_server_that_is_away_for_long_in_a_commit_stops_nobody_and_is_asked_later(
    postgresql_index: Index, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(postgresql_url)
    monkeypatch.setattr(writer, "UNKNOWN_COMMIT_WAIT_S", 0.3)
    with psycopg.connect(host=url.host, port=url.port, user=url.username, dbname="postgres", autocommit=True) as admin:

        def go_away(_: Any) -> None:
            admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.database])

        before = postgresql_index.commits
        _once_at_commit(postgresql_index, go_away)
        with pytest.raises(StoreFailed) as refused:
            postgresql_index.write(lambda connection: _rule(connection, "lost"))
        assert refused.value.code == "commit_unknown"
        assert not postgresql_index.broken
        assert postgresql_index.commits is None, "nobody may trust what he knows of the index"
        admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"
    assert postgresql_index.commits == (before or 0) + 2, "what somebody kept of the index is asked again"
    assert _rules(postgresql_index) == ["next"]


def test_a_session_that_is_ended_inside_a_work_fails_that_work_alone(postgresql_index: Index) -> None:
    def ended(connection: Connection) -> None:
        _rule(connection, "half")
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreFailed):
        postgresql_index.write(ended)
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"
    assert _rules(postgresql_index) == ["next"]


@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_a_transaction_that_gave_way_to_another_node_is_run_again(postgresql_index: Index, code: str) -> None:
    attempts: list[int] = []

    def gives_way(connection: Connection) -> str:
        attempts.append(1)
        if len(attempts) < 3:
            connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'gave way' USING ERRCODE = '{code}'; END $$"))
        return _rule(connection, "kept")

    assert postgresql_index.write(gives_way) == "kept"
    assert len(attempts) == 3
    assert _rules(postgresql_index) == ["kept"]


def test_a_transaction_that_always_gives_way_fails_in_the_end(postgresql_index: Index) -> None:
    def gives_way(connection: Connection) -> None:
        connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'gave way' USING ERRCODE = '40P01'; END $$"))

    with pytest.raises(StoreFailed):
        postgresql_index.write(gives_way)
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"


def test_a_connection_lost_in_a_compiled_statement_is_said_in_our_words(postgresql_index: Index) -> None:
    def cut_and_ask(connection: Connection) -> None:
        _cut(connection.connection.driver_connection)
        Statement(select(ai_rule.c.id)).run(connection, {})

    with structlog.testing.capture_logs() as logged, pytest.raises(StoreFailed):
        postgresql_index.write(cut_and_ask)
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["index_write_failed"]
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"


def test_no_room_in_a_compiled_statement_is_said_in_our_words(postgresql_index: Index, index: Index) -> None:
    full = Statement(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"))
    with pytest.raises(OutOfResources):
        postgresql_index.write(lambda connection: full.run(connection, {}))

    insertion = Statement(insert(ai_rule).values({name: bindparam(name) for name in ("id", "rule", "created_at")}))

    def into_a_full_file(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        insertion.run(connection, {"id": "large", "rule": "x" * 1_000_000, "created_at": 0})

    with pytest.raises(OutOfResources):
        index.write(into_a_full_file)


def test_a_database_that_is_away_is_asked_once_a_batch(postgresql_index: Index, postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    attempts = []
    event.listen(postgresql_index._writing, "do_connect", lambda *_: attempts.append(1))

    def away_meanwhile(connection: Connection) -> None:
        started.set()
        released.wait(30)
        raise RuntimeError

    started, released = threading.Event(), threading.Event()
    first = postgresql_index.submit(away_meanwhile)
    assert started.wait(30)
    waiting = [postgresql_index.submit(lambda connection: _rule(connection, "w")) for _ in range(BATCH_MAX)]
    with psycopg.connect(host=url.host, port=url.port, user=url.username, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.database])
        attempts.clear()
        released.set()
        for future in (first, *waiting):
            assert isinstance(future.exception(30), StoreFailed | RuntimeError)
        assert len(attempts) == 1
        admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')
    assert postgresql_index.write(lambda connection: _rule(connection, "next")) == "next"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(f"sqlite:///{tmp_path / 'index.db'}")
    made.migrate()
    yield made
    made.close()


def test_a_full_queue_fails_who_does_not_wait(index: Index) -> None:
    with full_queue(index):
        assert isinstance(index.submit(lambda connection: None).exception(0), Busy)
    assert index.write(lambda connection: 1) == 1


def test_a_lone_writer_runs_his_work_himself(index: Index) -> None:
    assert index.write(lambda connection: threading.get_ident()) == threading.get_ident()


def test_writers_that_wait_share_a_commit_and_each_gets_his_own(index: Index) -> None:
    running, hold = threading.Event(), threading.Event()
    first = index.submit(lambda connection: (running.set(), hold.wait(30)))
    assert running.wait(30)
    commits = index.statistics()["commits"]
    with ThreadPoolExecutor(8) as pool:
        numbers = [pool.submit(index.write, lambda connection, number=number: number) for number in range(7)]
        wrong = pool.submit(index.write, _wrong)
        assert wait_until(lambda: index.statistics()["waiting"] == 8)
        hold.set()
        assert [number.result(30) for number in numbers] == list(range(7))
        assert isinstance(wrong.exception(30), ValueError)
    first.result(30)
    assert index.statistics()["commits"] == commits + 8  # one work fails, so each has a transaction of its own
    assert index.statistics()["waiting"] == 0


def test_a_wait_that_is_broken_off_keeps_nobody_from_going_on(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Future[None]):
        def result(self, timeout: float | None = None) -> None:
            hold.set()
            super().result(30)  # it leads
            raise KeyboardInterrupt

    running, hold = threading.Event(), threading.Event()
    index.submit(lambda connection: (running.set(), hold.wait(30)))
    assert running.wait(30)
    monkeypatch.setattr(writer, "Future", Interrupted)
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        index.write(lambda connection: done.append(1))
    monkeypatch.undo()
    assert index.write(lambda connection: 1) == 1
    assert done == [1]


def test_writers_in_crowds_and_works_nobody_waits_for_all_come_through(index: Index) -> None:
    index.write(lambda connection: _rule(connection, "a"))

    def many(start: int) -> list[Future[str]]:
        left = []
        for number in range(start, start + 20):
            assert index.write(lambda connection, name=f"w{number}": _rule(connection, name)) == f"w{number}"
            left.append(index.submit(lambda connection, name=f"s{number}": _rule(connection, name)))
        return left

    with ThreadPoolExecutor(8) as pool:
        left = [future for futures in pool.map(many, range(0, 160, 20)) for future in futures]
    index.close()
    assert sorted(future.result(0) for future in left) == sorted(f"s{number}" for number in range(160))


def test_what_comes_after_the_end_fails_and_does_not_hang(index: Index) -> None:
    index.write(lambda connection: None)
    index.close()
    index.close()
    assert isinstance(index.submit(lambda connection: None).exception(0), StoreFailed)
    with pytest.raises(StoreFailed):
        index.write(lambda connection: None)


def _wrong(connection: Connection) -> None:
    raise ValueError("mine alone")


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
