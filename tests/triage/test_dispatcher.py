from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from pacs.access import outbound
from pacs.access.outbound import Policy
from pacs.access.principals import OPERATOR
from pacs.index.schema import ai_service
from pacs.triage import tasks
from pacs.triage.dispatcher import DELIVERIES_PER_SERVICE_MAX, LEASE, Dispatcher
from pacs.triage.tasks import Task, TaskState
from tests.support.triage import Respond, Service, raw_service, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.triage.conftest import Leaf

ROOT = "http://127.0.0.1:8042"
STEPS_S = 20.0


class Rig:
    """A dispatcher over the leaf whose one service is a real one."""

    def __init__(self, leaf: Leaf, running: Service) -> None:
        self.leaf = leaf
        self.running = running
        self.secret = leaf.registry.add_service("reader", running.url, {}, by=OPERATOR, replace=True)
        self.dispatcher = self.another()

    def another(self) -> Dispatcher:
        leaf = self.leaf
        return Dispatcher(leaf.archive, leaf.accounts, leaf.registry, Policy(allow_loopback=True), lambda: ROOT)

    def deliver(self) -> Task:
        """Deliver what is due and wait for the end of it; the newest task."""
        while self.dispatcher.step():
            pass
        self.dispatcher.join(STEPS_S)
        return self.leaf.tasks()[-1]


@pytest.fixture
def answers() -> list[tuple[int, dict[str, str]]]:
    """What the service answers, one after the other; 202 when the list is at its end."""
    return []


@pytest.fixture
def rig(leaf: Leaf, answers: list[tuple[int, dict[str, str]]]) -> Iterator[Rig]:
    respond: Respond = lambda _delivery: answers.pop(0) if answers else (202, {})  # noqa: E731 - a type is declared
    with service(respond) as running:
        yield Rig(leaf, running)


def test_a_delivery_that_could_not_begin_is_made_when_its_lease_ends(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    for number in range(DELIVERIES_PER_SERVICE_MAX):
        rig.leaf.arrive(1, study=f"s{number}")
        rig.leaf.follow()
        with monkeypatch.context() as patch:
            patch.setattr("pacs.triage.dispatcher.threading.Thread.start", no_thread)
            with pytest.raises(RuntimeError):
                rig.dispatcher.step()
    rig.leaf.clock.forward(LEASE.total_seconds() + 1)
    rig.deliver()
    assert [task.state for task in rig.leaf.tasks()] == [TaskState.ACCEPTED] * DELIVERIES_PER_SERVICE_MAX


def test_a_due_task_is_delivered_once(rig: Rig) -> None:
    rig.leaf.arrive()
    rig.leaf.follow()
    task = rig.deliver()
    assert (task.state, task.attempts) == (TaskState.ACCEPTED, 1)
    assert rig.deliver() == task
    (delivery,) = rig.running.deliveries
    assert delivery.message["data"]["task_id"] == task.id


def test_the_token_of_a_delivery_reads_its_study_only(rig: Rig) -> None:
    uid = rig.leaf.arrive()
    rig.leaf.follow()
    rig.deliver()
    token = rig.running.deliveries[0].message["data"]["input"]["dicomweb"]["token"]
    principal = rig.leaf.accounts.authenticate_token(token)
    assert principal is not None
    assert principal.study_instance_uids == {uid}


def test_failures_are_repeated_on_the_schedule_with_the_same_id(
    rig: Rig, answers: list[tuple[int, dict[str, str]]]
) -> None:
    answers += [(500, {}), (302, {"location": ROOT}), (503, {"retry-after": "20"})]
    rig.leaf.arrive()
    rig.leaf.follow()
    for attempt, wait_s in ((1, 2), (2, 5), (3, 20)):
        task = rig.deliver()
        assert (task.state, task.attempts) == (TaskState.PENDING, attempt)
        assert task.last_error.startswith("HTTP ")
        rig.leaf.clock.forward(wait_s - 0.5)
        assert rig.deliver().attempts == attempt  # not before its time
        rig.leaf.clock.forward(0.5)
    assert rig.deliver().state is TaskState.ACCEPTED
    ids = {delivery.headers["webhook-id"] for delivery in rig.running.deliveries}
    assert len(ids) == 1
    assert [delivery.message["data"]["attempt"] for delivery in rig.running.deliveries] == [1, 2, 3, 4]


def test_a_task_that_nobody_takes_is_dead_at_its_end(rig: Rig, answers: list[tuple[int, dict[str, str]]]) -> None:
    answers += [(500, {})] * 50
    rig.leaf.arrive()
    rig.leaf.follow()
    for _ in range(20):
        rig.deliver()
        rig.leaf.clock.forward(60)
    task = rig.deliver()
    assert task.state is TaskState.DEAD
    assert 5 <= len(rig.running.deliveries) <= 9  # 300 s at 0, 2, 5, 15, 60, 60 … s
    assert rig.deliver() == task


def test_a_task_that_is_taken_and_never_answered_expires(rig: Rig) -> None:
    rig.leaf.arrive()
    rig.leaf.follow()
    assert rig.deliver().state is TaskState.ACCEPTED
    rig.leaf.clock.forward(301)
    assert rig.deliver().state is TaskState.EXPIRED


def test_gone_disables_the_service(rig: Rig, answers: list[tuple[int, dict[str, str]]]) -> None:
    answers.append((410, {}))
    rig.leaf.arrive()
    rig.leaf.follow()
    rig.deliver()
    known = rig.leaf.registry.service("reader")
    assert known is not None
    assert known.disabled
    rig.leaf.clock.forward(60)
    rig.deliver()
    assert len(rig.running.deliveries) == 1


def test_a_service_that_may_not_be_called_is_not(rig: Rig) -> None:
    elsewhere = rig.running.url.replace("127.0.0.1", "0.0.0.0")  # registering it is refused already
    rig.leaf.archive.index.write(lambda connection: connection.execute(update(ai_service).values(url=elsewhere)))
    rig.leaf.arrive()
    rig.leaf.follow()
    task = rig.deliver()
    assert task.state is TaskState.PENDING
    assert "without TLS" in task.last_error
    assert rig.running.deliveries == []


def test_a_delivery_that_was_cut_off_comes_back_after_its_lease(rig: Rig) -> None:
    rig.leaf.arrive()
    rig.leaf.follow()
    claimed = _claim(rig.leaf)
    assert claimed.state is TaskState.DISPATCHED
    assert rig.deliver().attempts == 1
    rig.leaf.clock.forward(LEASE.total_seconds())
    task = rig.deliver()
    assert (task.state, task.attempts) == (TaskState.ACCEPTED, 2)


def test_after_a_restart_a_cut_off_delivery_is_due_at_once_where_no_other_node_can_be(rig: Rig) -> None:
    rig.leaf.arrive()
    rig.leaf.follow()
    _claim(rig.leaf)
    rig.dispatcher = rig.another()
    rig.dispatcher.recover()
    delivered = len(rig.running.deliveries) + int(rig.leaf.archive.index.is_sqlite)
    rig.deliver()
    assert len(rig.running.deliveries) == delivered


def test_who_comes_back_after_the_lease_changes_nothing(rig: Rig) -> None:
    rig.leaf.arrive()
    rig.leaf.follow()
    slow = _claim(rig.leaf)
    rig.leaf.clock.forward(LEASE.total_seconds())
    fast = _claim(rig.leaf)
    assert fast.attempts == slow.attempts + 1
    index = rig.leaf.archive.index
    index.write(lambda connection: tasks.delivered(connection, slow))
    assert rig.leaf.tasks()[0].state is TaskState.DISPATCHED
    index.write(lambda connection: tasks.not_delivered(connection, slow, rig.leaf.clock(), "slow"))
    assert rig.leaf.tasks()[0].state is TaskState.DISPATCHED
    index.write(lambda connection: tasks.delivered(connection, fast))
    assert rig.leaf.tasks()[0].state is TaskState.ACCEPTED


def test_two_that_claim_at_once_get_one_task_between_them(rig: Rig) -> None:
    rig.leaf.arrive()
    rig.leaf.follow()
    index, now = rig.leaf.archive.index, rig.leaf.clock()
    with index.read() as connection:
        due = tasks.next_due(connection, now, ())
    assert due is not None
    claims = [index.write(lambda connection: tasks.claim(connection, due, now, LEASE)) for _ in range(2)]
    assert [claim is not None for claim in claims] == [True, False]


def test_a_service_that_hangs_does_not_hold_up_another(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "TOTAL_TIMEOUT_S", 3.0)
    rule = {"id": "b", "match": {"tag": "Modality", "op": "eq", "value": "CT"}, "dispatch": [{"service": "hangs"}]}
    release = threading.Event()
    with raw_service(lambda _connection: release.wait(10) and None) as url:
        rig.leaf.registry.add_service("hangs", url, {}, by=OPERATOR)
        rig.leaf.registry.add_rule(rule, by=OPERATOR)
        for number in range(DELIVERIES_PER_SERVICE_MAX + 2):
            rig.leaf.arrive(1, study=f"study {number}", series=f"series {number}")
            rig.leaf.follow()
        deadline = time.monotonic() + STEPS_S
        while rig.dispatcher.step() or len(rig.running.deliveries) < DELIVERIES_PER_SERVICE_MAX + 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        hanging = [task for task in rig.leaf.tasks() if task.service_id == "hangs"]
        assert [task.state for task in hanging].count(TaskState.DISPATCHED) == DELIVERIES_PER_SERVICE_MAX
        release.set()
        rig.dispatcher.join(STEPS_S)


def _claim(leaf: Leaf) -> Task:
    index, now = leaf.archive.index, leaf.clock()
    with index.read() as connection:
        due = tasks.next_due(connection, now, ())
    assert due is not None
    claimed = index.write(lambda connection: tasks.claim(connection, due, now, LEASE))
    assert claimed is not None
    return claimed
