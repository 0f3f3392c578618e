"""Two nodes over one database: a job of a node that hangs goes over to the other, one of a node that lives does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from pacs.archive import jobs
from pacs.archive.archive import Archive
from pacs.archive.jobs import Job, JobState, NewJob
from pacs.archive.runner import JobRunner, Kind, Perform, Task
from pacs.index.schema import job as job_table
from tests.support.archives import open_archive
from tests.support.dimse import wait_until

LEASE = timedelta(seconds=4)


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacs.archive.runner.LEASE", LEASE)
    monkeypatch.setattr("pacs.archive.runner.RENEW_S", 0.2)
    monkeypatch.setattr("pacs.archive.runner.LOOK_S", 0.1)


@pytest.fixture
def nodes(migrated_postgresql_url: str, tmp_path: Path) -> Iterator[tuple[Archive, Archive]]:
    with (
        open_archive(tmp_path / "one", database=migrated_postgresql_url) as one,
        open_archive(tmp_path / "two", database=migrated_postgresql_url) as two,
    ):
        yield one, two


class Slow:
    """Performs a job that lasts until `go_on` is set, and then says whose work it was."""

    def __init__(self, name: str) -> None:
        self.name, self.begun, self.go_on = name, threading.Event(), threading.Event()
        self.fenced = threading.Event()

    def perform(self, task: Task) -> None:
        """The performer of the kind."""
        self.begun.set()
        assert self.go_on.wait(60)
        try:
            task.note(lambda _connection: None, by=self.name)
        except BaseException:
            self.fenced.set()
            raise


def _runner(archive: Archive, perform: Perform) -> JobRunner:
    return JobRunner(archive, [Kind("work", perform)], lambda _title: 2)


def _ordered(archive: Archive) -> str:
    return archive.index.write(lambda connection: jobs.add(connection, archive.clock(), NewJob("work", "THERE", {})))


def _job(archive: Archive, identifier: str) -> Job:
    with archive.index.read() as connection:
        found = jobs.find(connection, identifier)
    assert found is not None
    return found


def _lease_until(archive: Archive, identifier: str) -> int:
    with archive.index.read() as connection:
        return int(connection.execute(select(job_table.c.lease_until).where(job_table.c.id == identifier)).scalar_one())


def test_a_node_that_hangs_loses_its_job_and_cannot_spoil_what_the_other_did(
    nodes: tuple[Archive, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = nodes
    hanging, quick = Slow("one"), Slow("two")
    quick.go_on.set()
    first, second = _runner(one, hanging.perform), _runner(two, quick.perform)
    first.start()
    try:
        job = _ordered(one)
        assert hanging.begun.wait(20)
        monkeypatch.setattr(first, "step", lambda: False)  # all of it hangs: no lease is renewed, nothing claimed
        second.start()
        try:
            assert wait_until(lambda: _job(one, job).state is JobState.DONE, 30)
            hanging.go_on.set()
            assert hanging.fenced.wait(20)
        finally:
            second.stop()
    finally:
        hanging.go_on.set()
        first.stop()
    found = _job(one, job)
    assert (found.state, found.attempts, found.progress) == (JobState.DONE, 2, {"by": "two"})


def test_a_node_that_lives_keeps_its_job_however_long_it_takes(nodes: tuple[Archive, Archive]) -> None:
    one, two = nodes
    slow, other = Slow("one"), Slow("two")
    other.go_on.set()
    first, second = _runner(one, slow.perform), _runner(two, other.perform)
    first.start()
    try:
        job = _ordered(one)
        assert slow.begun.wait(20)
        second.start()
        try:
            first_until = _lease_until(one, job)
            assert wait_until(lambda: _lease_until(one, job) > first_until + LEASE // timedelta(microseconds=1), 60)
            assert not other.begun.is_set(), "the first lease is over, and the second node has looked again and again"
            slow.go_on.set()
            assert wait_until(lambda: _job(one, job).state is JobState.DONE, 30)
        finally:
            second.stop()
    finally:
        slow.go_on.set()
        first.stop()
    assert (_job(one, job).attempts, _job(one, job).progress) == (1, {"by": "one"})
