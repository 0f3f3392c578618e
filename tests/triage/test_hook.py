from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from pacs.access.grants import Action
from pacs.access.principals import OPERATOR
from pacs.settings import TriageSettings
from pacs.triage import hook as hook_module
from pacs.triage.hook import TriageHook
from tests.support.triage import service

if TYPE_CHECKING:
    from tests.triage.conftest import Leaf


def _hook(leaf: Leaf) -> TriageHook:
    return TriageHook(leaf.archive, leaf.accounts, leaf.registry, TriageSettings(), lambda: "http://127.0.0.1:8042")


def test_every_route_is_for_the_holder_of_the_tasks_token(leaf: Leaf) -> None:
    for route in _hook(leaf).routes():
        assert route.action is Action.ANSWER_TASK
        assert "{" + route.task + "}" in route.path
        assert route.body_bytes_max is not None


def test_it_delivers_while_it_runs_and_leaves_no_thread(leaf: Leaf) -> None:
    before = set(threading.enumerate())
    with service() as running:
        leaf.registry.add_service("reader", running.url, {}, by=OPERATOR, replace=True)
        hook = _hook(leaf)
        hook.start()
        leaf.arrive()
        running.wait(1)
        hook.stop()
    assert [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("ai-")] == []
    assert sum(hook.statistics().values()) == 1


def test_what_was_not_delivered_is_delivered_by_the_next_run(leaf: Leaf) -> None:
    leaf.arrive()
    leaf.follow()
    with service() as running:
        leaf.registry.add_service("reader", running.url, {}, by=OPERATOR, replace=True)
        hook = _hook(leaf)
        hook.start()
        running.wait(1)
        hook.stop()


def test_a_step_that_fails_is_tried_again(leaf: Leaf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_module, "FAILURE_PAUSE_S", 0.05)
    rules = leaf.registry.rules
    failures = iter([True, True])

    def locked() -> object:
        if next(failures, False):
            raise RuntimeError("database is locked")
        return rules()

    monkeypatch.setattr(leaf.registry, "rules", locked)
    hook = _hook(leaf)
    leaf.arrive()
    hook.start()
    deadline = time.monotonic() + 30
    while not leaf.tasks():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    hook.stop()
