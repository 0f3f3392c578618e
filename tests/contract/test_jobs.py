"""The job table on both databases: who gets what, what a lost claim may still write, and what a person may do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from pacs.archive import job_queue, jobs
from pacs.archive.jobs import Job, JobState, NewJob, Priority, Why
from pacs.index.engine import Index

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)


def _add(index: Index, destination: str = "THERE", at: datetime = NOW, **values: Any) -> str:
    new = NewJob(**{"kind": "send", "destination": destination, "payload": {"n": 1}} | values)
    return index.write(lambda connection: jobs.add(connection, at, new))


def _claim(index: Index, worker: str = "one", at: datetime = NOW, busy: tuple[str, ...] = ()) -> Job | None:
    return index.write(lambda connection: jobs.claim(connection, at, worker, LEASE, ["send"], busy))


def _claimed(index: Index, *arguments: Any) -> Job:
    job = _claim(index, *arguments)
    assert job is not None
    return job


def _found(index: Index, identifier: str) -> Job:
    with index.read() as connection:
        found = jobs.find(connection, identifier)
    assert found is not None
    return found


def _do(index: Index, verb: Callable[..., Any], *arguments: Any) -> Any:
    def work(connection: Connection) -> Any:
        return verb(connection, *arguments)

    return index.write(work)


def test_a_job_is_claimed_once_and_carries_what_it_was_given(index: Index):
    identifier = _add(index, payload={"series": ["1.2"], "note": "Қ"}, study_instance_uid="1.2.3")
    job = _claimed(index)
    assert (job.id, job.destination, job.study_instance_uid) == (identifier, "THERE", "1.2.3")
    assert job.payload == {"series": ["1.2"], "note": "Қ"}
    assert (job.state, job.attempts, job.failures) == (JobState.RUNNING, 1, 0)
    assert _claim(index) is None


def test_the_more_urgent_goes_first_and_then_the_older(index: Index):
    low = _add(index, priority=Priority.LOW)
    first = _add(index, at=NOW + SECOND)
    second = _add(index, at=NOW + 2 * SECOND)
    high = _add(index, priority=Priority.HIGH, at=NOW + 3 * SECOND)
    later = NOW + timedelta(minutes=1)
    assert [_claimed(index, "one", later).id for _ in range(4)] == [high, first, second, low]


def test_a_job_waits_for_its_moment(index: Index):
    _add(index, delay=10 * SECOND)
    assert _claim(index, at=NOW + 9 * SECOND) is None
    assert _claim(index, at=NOW + 10 * SECOND) is not None


def test_a_clock_that_stepped_back_puts_no_job_off_for_good(index: Index):
    _add(index, at=NOW + timedelta(days=400))
    assert _claim(index) is not None


def test_other_kinds_and_busy_destinations_are_left(index: Index):
    _add(index, kind="fetch")
    _add(index, "BUSY")
    free = _add(index, "FREE", at=NOW + SECOND)
    assert _claimed(index, "one", NOW + SECOND, ("BUSY",)).id == free
    assert _claim(index, at=NOW + SECOND, busy=("BUSY",)) is None


def test_of_a_subject_one_waits_and_takes_up_what_is_ordered_besides(index: Index):
    def both(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        return {"series": sorted({*old["series"], *new["series"]})}

    first = _add(index, subject="study 1", payload={"series": ["1"]}, priority=Priority.LOW)
    again = _add(index, subject="study 1", payload={"series": ["2"]}, priority=Priority.HIGH, merge=both)
    assert again == first
    job = _claimed(index)
    assert (job.payload, job.priority) == ({"series": ["1", "2"]}, Priority.HIGH)


def test_of_a_subject_one_runs_and_the_next_waits_for_it(index: Index):
    running = _add(index, subject="study 1")
    claimed = _claimed(index)
    following = _add(index, subject="study 1")
    assert following != running
    assert _claim(index) is None
    assert _do(index, jobs.finish, claimed, NOW, {})
    assert _claimed(index).id == following


def test_a_failed_job_whose_subject_waits_already_makes_room(index: Index):
    running = _add(index, subject="study 1")
    claimed = _claimed(index)
    following = _add(index, subject="study 1")
    assert _do(index, jobs.put_off, claimed, NOW, Why("down"), {"sent": 3}, 1)
    assert _found(index, running).state is JobState.SUPERSEDED
    assert _claimed(index).id == following


def test_a_put_off_job_keeps_its_reason_and_its_progress(index: Index):
    identifier = _add(index)
    assert _do(index, jobs.put_off, _claimed(index), NOW + 5 * SECOND, Why("x" * 600, "lost"), {"sent": 3}, 1)
    assert _claim(index) is None
    job = _claimed(index, "two", NOW + 5 * SECOND)
    assert (job.id, job.progress, job.failures, len(job.last_error)) == (identifier, {"sent": 3}, 1, 500)
    assert job.last_error_code == "lost"


@pytest.mark.parametrize("ending", ["cancelled", "claimed again"])
def test_whose_claim_is_lost_changes_nothing(index: Index, ending: str):
    identifier = _add(index)
    stale = _claimed(index)
    if ending == "cancelled":
        assert _do(index, job_queue.cancel, NOW, identifier)
    else:
        assert _do(index, jobs.put_off, stale, NOW, Why(), {}, 0)
        assert _claimed(index, "two").attempts == 2
    before = _found(index, identifier)
    assert not _do(index, jobs.note, stale, {"sent": 9})
    assert not _do(index, jobs.finish, stale, NOW, {})
    assert not _do(index, jobs.put_off, stale, NOW, Why(), {}, 1)
    assert not _do(index, jobs.give_up, stale, NOW, Why(), {})
    assert _found(index, identifier) == before
    with index.read() as connection:
        assert jobs.still_running(connection, [stale]) == frozenset()


def test_a_lease_that_ran_out_is_another_nodes(index: Index):
    if index.is_sqlite:
        pytest.skip("one process: what it left is given back by the next start")
    _add(index)
    stale = _claimed(index)
    assert _claim(index, "two") is None
    _do(index, jobs.renew, "one", timedelta(seconds=-1))
    taken = _claimed(index, "two")
    assert (taken.id, taken.attempts, taken.leased_by) == (stale.id, 2, "two")
    assert not _do(index, jobs.finish, stale, NOW, {})


def test_what_an_ended_process_was_at_is_due_again(index: Index):
    with_follower, alone = _add(index, subject="study 1"), _add(index, at=NOW + SECOND)
    _claimed(index, "dead", NOW + SECOND)
    _claimed(index, "dead", NOW + SECOND)
    following = _add(index, subject="study 1")
    assert _do(index, jobs.give_back_all, NOW + SECOND) == 2
    assert _found(index, with_follower).state is JobState.SUPERSEDED
    assert {_claimed(index, "new", NOW + SECOND).id for _ in range(2)} == {alone, following}


def test_dead_jobs_wait_for_a_person(index: Index):
    identifier = _add(index)
    assert _do(index, jobs.give_up, _claimed(index), NOW, Why("no such peer"), {})
    assert _claim(index, at=NOW + timedelta(hours=1)) is None
    assert _do(index, job_queue.retry, NOW, identifier)
    job = _claimed(index)
    assert (job.id, job.failures) == (identifier, 0)
    assert not _do(index, job_queue.retry, NOW, identifier)  # it runs


def test_a_retry_does_not_double_what_waits(index: Index):
    dead = _add(index, subject="study 1")
    assert _do(index, jobs.give_up, _claimed(index), NOW, Why(), {})
    _add(index, subject="study 1")
    assert not _do(index, job_queue.retry, NOW, dead)


def test_a_job_that_is_over_cannot_be_cancelled(index: Index):
    identifier = _add(index)
    assert _do(index, jobs.finish, _claimed(index), NOW, {})
    assert not _do(index, job_queue.cancel, NOW, identifier)
    assert not _do(index, job_queue.cancel, NOW, "no such job")


@pytest.mark.parametrize(("kind", "destination"), [("", ""), ("send", ""), ("", "THERE"), ("send", "THERE")])
def test_a_pause_holds_what_it_names_and_nothing_else(index: Index, kind: str, destination: str):
    _add(index)
    _do(index, job_queue.pause, NOW, kind, destination)
    _do(index, job_queue.pause, NOW, "fetch", "THERE")
    _do(index, job_queue.pause, NOW, "send", "ELSEWHERE")
    _do(index, job_queue.pause, NOW, kind, destination)  # twice is once
    assert _claim(index) is None
    with index.read() as connection:
        assert (kind, destination, NOW) in job_queue.pauses(connection)
    assert _do(index, job_queue.resume, kind, destination)
    assert not _do(index, job_queue.resume, kind, destination)
    assert _claim(index) is not None


def test_figures_tell_what_waits_and_for_how_long(index: Index):
    _add(index)
    assert _do(index, jobs.put_off, _claimed(index), NOW, Why("down"), {}, 1)
    _add(index, at=NOW + 5 * SECOND)
    with index.read() as connection:
        figures = job_queue.figures(connection, NOW + 10 * SECOND)
    assert (figures["queued"], figures["failed_before"], figures["oldest_due_seconds"]) == (2, 1, 10)
    assert (figures["running"], figures["dead"]) == (0, 0)


def test_what_is_long_over_is_forgotten_and_what_is_dead_is_not(index: Index):
    done, dead, waiting = (_add(index, at=NOW + n * SECOND) for n in range(3))
    later = NOW + 9 * SECOND
    assert _do(index, jobs.finish, _claimed(index, "one", later), NOW, {})
    assert _do(index, jobs.give_up, _claimed(index, "one", later), NOW, Why(), {})
    assert _do(index, job_queue.forget, NOW) == 0
    assert _do(index, job_queue.forget, NOW + SECOND) == 1
    with index.read() as connection:
        assert [job.id for job in job_queue.listing(connection)] == [waiting, dead]
        assert [job.id for job in job_queue.listing(connection, states=[JobState.DEAD])] == [dead]
        assert job_queue.listing(connection, destination="ELSEWHERE") == []
    assert done not in (dead, waiting)


def test_two_nodes_never_get_the_same_job(database: str):
    """On PostgreSQL each claims past what the other has locked; SQLite's nodes share the one writer."""
    first = Index(database)
    first.migrate()
    second = first if first.is_sqlite else Index(database)
    for number in range(40):
        _add(first, at=NOW + number * SECOND)
    got: list[str] = []
    late = NOW + timedelta(hours=1)

    def work(index: Index, worker: str) -> None:
        while (job := _claim(index, worker, late)) is not None:
            got.append(job.id)

    threads = [threading.Thread(target=work, args=(index, name)) for index, name in ((first, "one"), (second, "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with first.read() as connection:
        running = connection.execute(text("SELECT count(*) FROM job WHERE state = 'running'")).scalar()
    if second is not first:
        second.close()
    first.close()
    assert len(got) == len(set(got)) == running == 40
