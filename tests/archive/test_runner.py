"""The runner: jobs are done once, tried again as their kind says, and stop when a person or the node says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs.archive import job_queue, jobs
from pacs.archive.archive import Archive
from pacs.archive.jobs import Job, JobState, NewJob
from pacs.archive.runner import Backoff, JobFailed, JobRunner, Kind, Perform, Postponed, Task
from tests.support.archives import open_archive
from tests.support.dimse import wait_until

AT_ONCE = Backoff(first_s=0.01, longest_s=0.02, failures_max=3)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as archive:
        yield archive


@contextmanager
def running(
    archive: Archive, perform: Perform, *, to: Callable[[str], int] = lambda _: 4, **kind: Any
) -> Iterator[Any]:
    runner = JobRunner(archive, [Kind("work", perform, **({"backoff": AT_ONCE} | kind))], to)
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


def _add(archive: Archive, destination: str = "THERE", **values: Any) -> str:
    new = NewJob("work", destination, values.pop("payload", {}), **values)
    return archive.index.write(lambda connection: jobs.add(connection, archive.clock(), new))


def _job(archive: Archive, identifier: str) -> Job:
    with archive.index.read() as connection:
        found = jobs.find(connection, identifier)
    assert found is not None
    return found


def _ends(archive: Archive, identifier: str, state: JobState) -> Job:
    assert wait_until(lambda: _job(archive, identifier).state is state), _job(archive, identifier)
    return _job(archive, identifier)


def test_what_follows_is_ordered_in_the_transaction_of_the_end(archive: Archive):
    def perform(task: Task):
        if task.job.payload:
            return None
        follow = NewJob("work", "THERE", {"after": task.job.id})
        return lambda connection: jobs.add(connection, archive.clock(), follow)

    with running(archive, perform) as runner:
        identifier = _add(archive)
        _ends(archive, identifier, JobState.DONE)
        assert wait_until(lambda: runner.statistics().get("finished") == 2)
    with archive.index.read() as connection:
        (second,) = [job for job in job_queue.listing(connection) if job.payload]
    assert second.payload == {"after": identifier}


def test_a_failure_is_tried_again_and_then_left_to_a_person(archive: Archive):
    def perform(task: Task):
        raise JobFailed(f"attempt {task.job.attempts}")

    with running(archive, perform):
        job = _ends(archive, _add(archive), JobState.DEAD)
    assert (job.attempts, job.failures, job.last_error) == (3, 3, "attempt 3")


def test_a_failure_of_its_own_kind_may_be_final_at_once(archive: Archive):
    def perform(task: Task):
        raise JobFailed("refused for good", attempts_max=1)

    with running(archive, perform):
        assert _ends(archive, _add(archive), JobState.DEAD).attempts == 1


def test_our_own_mistake_is_a_failure_and_tells_no_data(archive: Archive):
    def perform(task: Task):
        raise KeyError("DOE^JANE")

    with running(archive, perform):
        job = _ends(archive, _add(archive), JobState.DEAD)
    assert "KeyError" in job.last_error
    assert "DOE" not in job.last_error


def test_progress_outlives_a_failure_and_a_wait_is_no_failure(archive: Archive):
    def perform(task: Task):
        done = task.progress.get("done", 0)
        task.note(done=done + 1)
        if done == 0:
            raise JobFailed("once")
        if done == 1:
            raise Postponed("a little", timedelta(seconds=0.01))

    with running(archive, perform):
        job = _ends(archive, _add(archive), JobState.DONE)
    assert (job.progress, job.failures, job.attempts, job.last_error) == ({"done": 3}, 0, 3, "")


def test_a_cancelled_job_stops_between_two_steps(archive: Archive):
    entered = threading.Event()

    def perform(task: Task):
        entered.set()
        while True:
            task.over.wait(0.05)
            task.check()

    with running(archive, perform) as runner:
        identifier = _add(archive)
        assert entered.wait(10)
        assert archive.index.write(lambda connection: job_queue.cancel(connection, archive.clock(), identifier))
        assert wait_until(lambda: runner.statistics()["at_work"] == 0)
        assert _job(archive, identifier).state is JobState.CANCELLED


def test_a_node_that_stops_gives_back_what_it_is_at(archive: Archive):
    entered = threading.Event()

    def perform(task: Task):
        task.note(sent=7)
        entered.set()
        while True:
            task.over.wait(0.05)
            task.check()

    with running(archive, perform):
        identifier = _add(archive)
        assert entered.wait(10)
    job = _job(archive, identifier)
    assert (job.state, job.progress, job.failures) == (JobState.QUEUED, {"sent": 7}, 0)


def test_what_a_killed_node_was_at_is_done_by_the_next(archive: Archive):
    identifier = _add(archive)
    archive.index.write(
        lambda connection: jobs.claim(connection, archive.clock(), "killed", timedelta(seconds=60), ["work"])
    )
    with running(archive, lambda task: None):
        assert _ends(archive, identifier, JobState.DONE).attempts == 2


def test_a_destination_gets_no_more_at_once_than_it_takes(archive: Archive):
    lock, at_work, most = threading.Lock(), [0], [0]

    def perform(task: Task):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        task.over.wait(0.1)
        with lock:
            at_work[0] -= 1

    with running(archive, perform, to=lambda destination: 2):
        for identifier in [_add(archive) for _ in range(6)]:
            _ends(archive, identifier, JobState.DONE)
    assert most == [2]


def test_a_destination_that_is_down_is_not_asked_for_every_job(archive: Archive):
    asked: list[str] = []

    def perform(task: Task):
        asked.append(task.job.destination)
        if task.job.destination == "DOWN":
            raise JobFailed("no answer", down=True)

    with running(archive, perform, at_once_max=1):
        down = [_add(archive, "DOWN") for _ in range(3)]
        up = _add(archive, "UP")
        _ends(archive, up, JobState.DONE)
    assert asked == ["DOWN", "UP"]
    assert sum(_job(archive, identifier).attempts for identifier in down) == 1


def test_paused_jobs_are_not_begun(archive: Archive):
    archive.index.write(lambda connection: job_queue.pause(connection, archive.clock(), "work", ""))
    with running(archive, lambda task: None):
        identifier = _add(archive)
        assert not wait_until(lambda: _job(archive, identifier).attempts > 0, 1.2)
        archive.index.write(lambda connection: job_queue.resume(connection, "work", ""))
        _ends(archive, identifier, JobState.DONE)


def test_the_usual_back_off_goes_on_for_three_days_at_least():
    usual = Backoff()
    assert usual.shortest_total() >= timedelta(hours=72)
    assert [usual.middle_s(failures) for failures in (1, 2, 3)] == [10, 20, 40]
    for failures in (1, 9, 10, 100):
        middle = timedelta(seconds=usual.middle_s(failures))
        assert middle <= timedelta(hours=1)
        assert 0.8 * middle <= usual.delay(failures) <= 1.2 * middle
